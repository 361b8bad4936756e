/**
 * Goes through what comes one by one, and holds none of it while it waits for the next one. `for await`, and a generator
 * that passes things on, keep the last one until then: in a quiet cluster a Secret for minutes.
 */

/**
 * Gives each item to `take`, until it answers false or there are no more; the source is closed in any case.
 * Rejects with what the source or `take` throws.
 */
export async function eachOnce<T>(
  items: AsyncIterable<T>,
  take: (item: T) => boolean,
): Promise<void> {
  const iterator = items[Symbol.asyncIterator]()
  try {
    // A function of its own for each: what it knew is gone when it has returned.
    while (await takeNext(iterator, take));
  } finally {
    await iterator.return?.()
  }
}

async function takeNext<T>(
  iterator: AsyncIterator<T>,
  take: (item: T) => boolean,
): Promise<boolean> {
  const next = await iterator.next()
  return next.done !== true && take(next.value)
}
