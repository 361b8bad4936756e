import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { freePort } from '../../testbed/ports.ts'

/** A line to a server that can be cut and mended while the server itself goes on. */
export interface Gate {
  /** URL of the server as seen through the gate. */
  readonly server: string
  /** Connections that are open now. */
  readonly connections: number
  /** Breaks all connections, and lets no new one pass. */
  cut(): void
  /** Lets everything pass, but nothing more on connections of before: what a router does that forgets them. */
  freeze(): void
  mend(): void
  close(): Promise<void>
}

/** Opens a gate on 127.0.0.1 to the server of this URL. */
export async function openGate(server: string): Promise<Gate> {
  const { port } = new URL(server)
  const pairs = new Set<readonly [Socket, Socket]>()
  let open = true
  const gate = createServer((client) => {
    if (!open) {
      client.destroy()
      return
    }
    const target = connect(Number(port), '127.0.0.1')
    const pair = [client, target] as const
    pairs.add(pair)
    for (const [from, to] of [pair, [target, client] as const]) {
      from.pipe(to)
      // A broken line is what this is for; the end that is left is told by its close.
      from.on('error', () => {})
      from.on('close', () => {
        to.destroy()
        pairs.delete(pair)
      })
    }
  })
  const own = await freePort()
  gate.listen(own, '127.0.0.1')
  await once(gate, 'listening')
  const breakAll = () => {
    for (const [client] of pairs) client.destroy()
  }
  return {
    server: `https://127.0.0.1:${own}`,
    get connections() {
      return pairs.size
    },
    cut() {
      open = false
      breakAll()
    },
    freeze() {
      for (const sockets of pairs) for (const socket of sockets) socket.unpipe().pause()
    },
    mend() {
      open = true
    },
    async close() {
      breakAll()
      gate.close()
      await once(gate, 'close')
    },
  }
}
