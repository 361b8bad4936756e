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

  /**
   * Collects garbage; what is left of the heap (MiB), how many timers wait, and how many listeners all emitters and abort
   * signals have.
   */
  async look(): Promise<{
    readonly heap: number
    readonly timers: number
    readonly listeners: number
  }> {
    await this.#ask('HeapProfiler.collectGarbage')
    const { heap, timers } = JSON.parse(
      (await this.#evaluate(
        "JSON.stringify({ heap: process.memoryUsage().heapUsed / 2 ** 20, timers: process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length })",
      )) as string,
    ) as { heap: number; timers: number }
    const ofEmitters = await this.#sumOver(
      "process.getBuiltinModule('node:events').prototype",
      'each.eventNames().reduce((sum, name) => sum + each.listenerCount(name), 0)',
    )
    const ofSignals = await this.#sumOver(
      'AbortSignal.prototype',
      "process.getBuiltinModule('node:events').getEventListeners(each, 'abort').length",
    )
    return { heap, timers, listeners: ofEmitters + ofSignals }
  }

  /** The sum of an expression over `each` living object of a prototype; one that cannot answer counts nothing. */
  async #sumOver(prototype: string, expression: string): Promise<number> {
    const group = { objectGroup: 'look' }
    const { result } = (await this.#ask('Runtime.evaluate', {
      expression: prototype,
      ...group,
    })) as { result: { objectId: string } }
    const { objects } = (await this.#ask('Runtime.queryObjects', {
      prototypeObjectId: result.objectId,
      ...group,
    })) as { objects: { objectId: string } }
    const of = `try { return sum + (${expression}) } catch { return sum }`
    const sum = (await this.#ask('Runtime.callFunctionOn', {
      objectId: objects.objectId,
      functionDeclaration: `function () { return this.reduce((sum, each) => { ${of} }, 0) }`,
    })) as { result: { value: number } }
    await this.#ask('Runtime.releaseObjectGroup', group)
    return sum.result.value
  }

  async #evaluate(expression: string): Promise<unknown> {
    const { result } = (await this.#ask('Runtime.evaluate', { expression })) as {
      result: { value: unknown }
    }
    return result.value
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
