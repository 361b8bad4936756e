/**
 * Lines out of a stream of bytes.
 */

const NEWLINE = 0x0a

/**
 * Each line without its end. It is bytes that are cut, not text, since a newline is never part of a longer character:
 * so no character is torn by a chunk. What follows the last newline is a line that was cut off, and is dropped.
 * Text is for the reader to make: here it would stay until the next chunk comes.
 */
export async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let begun: Buffer[] = []
  for await (const { buffer, byteOffset, byteLength } of chunks) {
    const chunk = Buffer.from(buffer, byteOffset, byteLength)
    let begin = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, begin)) {
      const rest = chunk.subarray(begin, end)
      const line = begun.length === 0 ? rest : Buffer.concat([...begun, rest])
      begun = []
      begin = end + 1
      yield line
    }
    if (begin < chunk.length) begun.push(chunk.subarray(begin))
  }
}
