/**
 * A small service that takes orders and keeps them in PostgreSQL. It reads its settings once, from the environment:
 * DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD, SERVICE, LISTEN, PORT, POOL_MIN, POOL_MAX.
 */
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { openDatabase } from './database.ts'

/** How long it goes on serving after SIGTERM, until nobody sends it requests any more (ms). */
const DRAIN = 4_000

const database = openDatabase({
  host: setting('DB_HOST'),
  port: Number(setting('DB_PORT')),
  database: setting('DB_NAME'),
  user: setting('DB_USER'),
  password: setting('DB_PASSWORD'),
  min: Number(setting('POOL_MIN')),
  max: Number(setting('POOL_MAX')),
})
const service = setting('SERVICE')

await database.warmUp(Number(setting('POOL_MIN'))).catch((error: unknown) => {
  console.error(`giving up: ${error instanceof Error ? error.message : 'unknown'}`)
  process.exit(1)
})

const server = createServer((request, response) => {
  const answer = (status: number) => response.writeHead(status).end()
  if (request.url === '/ready') {
    void database.answers().then((well) => answer(well ? 200 : 503))
  } else if (request.method === 'POST' && request.url === '/orders') {
    // Most customers want one thing, some want several, which takes more connections than one.
    database.order(service, Math.random() < 0.05 ? 5 : 1).then(
      () => answer(201),
      (error: unknown) => {
        console.error(`an order failed: ${error instanceof Error ? error.message : 'unknown'}`)
        answer(500)
      },
    )
  } else {
    answer(404)
  }
})
server.listen(Number(setting('PORT')), setting('LISTEN'), () => console.log('listening'))

process.once('SIGTERM', () => {
  void sleep(DRAIN).then(() => {
    server.close(() => void database.close())
    server.closeIdleConnections()
  })
})

function setting(name: string): string {
  const value = process.env[name]
  if (value === undefined) throw new Error(`expected the environment variable ${name}`)
  return value
}
