/**
 * Lines out of a stream of bytes.
 */

/** Each line without its end; a character that is cut by a chunk is put together again. */
export async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let parts: Uint8Array[] = []
  for await (const chunk of chunks) {
    let begin = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, begin)) {
      parts.push(chunk.subarray(begin, end))
      yield Buffer.concat(parts).toString('utf8')
      parts = []
      begin = end + 1
    }
    if (begin < chunk.length) parts.push(chunk.subarray(begin))
  }
  if (parts.length > 0) yield Buffer.concat(parts).toString('utf8')
}
