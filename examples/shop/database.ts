/**
 * The database of a service, as services of this kind have it: a pool whose login comes from the environment once, at
 * start.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool, type PoolConfig } from 'pg'

/** How long a connection lives (s): each its own time, so that they do not all go at once. */
const LIFETIME = { least: 60, most: 180 }
/** A connection that is refused is asked for again after a random part of this (ms), doubled each time. */
const RETRY = 200

export interface Database {
  /** Opens the first connections; rejects when the database refused each of some attempts. */
  warmUp(connections: number): Promise<void>
  /** Records an order of so many items, all at the same time. */
  order(service: string, items: number): Promise<void>
  /** Whether the database answers. */
  answers(): Promise<boolean>
  close(): Promise<void>
}

export function openDatabase(options: PoolConfig): Database {
  const lifetime = () => LIFETIME.least + Math.random() * (LIFETIME.most - LIFETIME.least)
  const pool = new Pool({
    ...options,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 5_000,
    maxLifetimeSeconds: lifetime(),
  })
  // Read at each connection; the pool has no setting for a spread.
  pool.on('connect', () => (pool.options.maxLifetimeSeconds = lifetime()))
  pool.on('error', (error) => console.error(`an idle connection ended: ${error.message}`))

  return {
    async warmUp(connections) {
      const opened = await patiently(5, () =>
        Promise.all(Array.from({ length: connections }, () => pool.query('SELECT pg_sleep(0.05)'))),
      )
      console.log(`${opened.length} connections open`)
    },
    async order(service, items) {
      const item = () => pool.query('INSERT INTO orders (service) VALUES ($1)', [service])
      await Promise.all(Array.from({ length: items }, () => patiently(2, item)))
    },
    async answers() {
      try {
        await pool.query('SELECT 1')
        return true
      } catch (error) {
        console.error(`not ready: ${error instanceof Error ? error.message : 'unknown'}`)
        return false
      }
    },
    close: () => pool.end(),
  }
}

/** Tries again, with jitter; rejects with what the last attempt did. */
async function patiently<T>(attempts: number, attempt: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await attempt()
    } catch (error) {
      if (tried >= attempts) throw error
      await sleep(RETRY * 2 ** (tried - 1) * Math.random())
    }
  }
}
