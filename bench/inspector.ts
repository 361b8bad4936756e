/**
 * Asks a running Node process, started with `--inspect`, what it holds.
 * The protocol: https://chromedevtools.github.io/devtools-protocol/v8/
 */
import { once } from 'node:events'

export class Inspector {
  readonly #socket: WebSocket
  #asked = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
  }

  /** @param port where the process listens for inspectors, on this machine */
  static async open(port: number): Promise<Inspector> {
    const answer = await fetch(`http://127.0.0.1:${port}/json/list`)
    const [target] = (await answer.json()) as { webSocketDebuggerUrl: string }[]
    if (!target) throw new Error('expected a process to inspect')
    const socket = new WebSocket(target.webSocketDebuggerUrl)
    await once(socket, 'open')
    return new Inspector(socket)
  }

  /** Collects garbage; what is left of the heap (MiB), and how many timers wait. */
  async look(): Promise<{ readonly heap: number; readonly timers: number }> {
    await this.#ask('HeapProfiler.collectGarbage')
    const expression =
      "JSON.stringify({ heap: process.memoryUsage().heapUsed / 2 ** 20, timers: process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length })"
    const { result } = (await this.#ask('Runtime.evaluate', { expression })) as {
      result: { value: string }
    }
    return JSON.parse(result.value) as { heap: number; timers: number }
  }

  close(): void {
    this.#socket.close()
  }

  async #ask(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#asked
    const answer = new Promise((resolve) => {
      const take = ({ data }: MessageEvent): void => {
        const message = JSON.parse(String(data)) as { id?: number; result?: unknown }
        if (message.id !== id) return
        this.#socket.removeEventListener('message', take)
        resolve(message.result)
      }
      this.#socket.addEventListener('message', take)
    })
    this.#socket.send(JSON.stringify({ id, method, params }))
    return answer
  }
}
