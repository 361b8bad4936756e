/**
 * The API server and the way to it, as far as one Lease is concerned: requests are late, get lost or arrive twice.
 */
import { ApiError } from '../../src/kube/api-error.ts'
import type { ApiCall } from '../../src/kube/api-call.ts'
import type { LeaseRecord } from '../../src/kube/lease-record.ts'
import type { Lease, LeaseStore, Limits } from '../../src/kube/lease.ts'
import type { Machine, VirtualTime } from './virtual-time.ts'

/** What happens to one request. */
export interface Transit {
  /** How long it is on its way there, and its answer on the way back (ms). */
  readonly there: number
  readonly back: number
  /** What gets lost: the request, or its answer. */
  readonly lost?: 'request' | 'answer'
  /** How much later it arrives a second time (ms). */
  readonly again?: number
}

/** What happens to a request on a good day. */
export const PROMPT: Transit = { there: 1, back: 1 }

/** One Lease. */
export class SimulatedLease {
  readonly #time: VirtualTime
  #lease: Lease | undefined
  #version = 0
  /** What the next requests meet; after them everything is prompt. */
  readonly transits: Transit[] = []
  /** What was asked, in the order of its arrival. */
  readonly requests: string[] = []

  constructor(time: VirtualTime, record?: LeaseRecord) {
    this.#time = time
    if (record) this.tamper(record)
  }

  get record(): LeaseRecord | undefined {
    return this.#lease?.spec
  }

  /** Somebody edits it by hand. */
  tamper(record: LeaseRecord): void {
    this.#lease = { metadata: { resourceVersion: String(++this.#version) }, spec: record }
  }

  /** Somebody deletes it. */
  delete(): void {
    this.#lease = undefined
  }

  /** Somebody labels it: another version of the same record. */
  label(): void {
    if (this.#lease?.spec) this.tamper(this.#lease.spec)
  }

  /** The Lease as a machine reaches it. */
  seenFrom(machine: Machine): LeaseStore {
    return {
      read: (limits) =>
        this.#send(machine, 'get', limits, () => {
          this.requests.push('read')
          return this.#lease
        }),
      write: (known, record, limits) =>
        this.#send(machine, known ? 'update' : 'create', limits, () => {
          this.requests.push(`write ${record.holderIdentity ?? ''}`)
          if (known?.metadata.resourceVersion !== this.#lease?.metadata.resourceVersion) return
          this.tamper(record)
          return this.#lease
        }),
    }
  }

  /** Sends a request; it may take effect although it fails. */
  async #send<T>(
    machine: Machine,
    verb: ApiCall['verb'],
    { timeout, signal }: Limits,
    effect: () => T,
  ): Promise<T> {
    const failed = (reason: string) =>
      new ApiError({ verb, group: '', version: 'v1', resource: 'leases' }, { status: 0, reason })
    const { there, back, lost, again } = this.transits.shift() ?? PROMPT
    const arrival = async (): Promise<T | ApiError> => {
      await this.#time.pass(there)
      if (machine.cutOff) return failed('ECONNREFUSED')
      if (lost === 'request') return new Promise(() => {})
      const answer = effect()
      if (again !== undefined) this.#time.after(again, effect)
      if (lost === 'answer') return new Promise(() => {})
      await this.#time.pass(back)
      return answer
    }
    const limit = new AbortController()
    void machine.sleep(timeout, signal).then(() => limit.abort())
    const cut = new Promise<ApiError>((resolve) => {
      limit.signal.addEventListener('abort', () => resolve(failed('TimeoutError')), { once: true })
    })
    const outcome = await Promise.race([arrival(), cut])
    await machine.running()
    if (outcome instanceof ApiError) throw outcome
    return outcome
  }
}
