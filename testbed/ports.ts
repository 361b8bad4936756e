import { createServer } from 'node:net'

// Below the range from which systems take the ports of outgoing connections,
// so that a port stays free between a stop and a start of what listens on it.
const FIRST = 20_000
const LAST = 31_999

const given = new Set<number>()

/** A port of 127.0.0.1 on which nothing listens, and which this process was not given before. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1))
    if (!given.has(port) && (await isFree(port))) {
      given.add(port)
      return port
    }
  }
  throw new Error(`expected a free port between ${FIRST} and ${LAST}, found none in 1000 attempts`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
