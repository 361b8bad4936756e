/**
 * The records that Sluice itself keeps in the cluster: Consumers and Halts, by namespace and name.
 */
import { readConsumer, type ConsumerRecord, type RawConsumer } from '../records/consumer.ts'
import { readHalt, type HaltRecord, type RawHalt } from '../records/halt.ts'
import { namespacedKey, type NamespacedKey } from '../model/refs.ts'
import { NewestVersions } from './newest-versions.ts'

type Gone = { readonly namespace: string; readonly name: string; readonly uid: string }

export class OwnRecords {
  /** Hears when a watch of Consumers begins to list. */
  readonly consumerVersions = new NewestVersions()
  readonly #consumers = new Map<NamespacedKey, ConsumerRecord>()
  readonly #halts = new Map<NamespacedKey, HaltRecord>()

  /** An older answer than the one known (a watch that lags behind our own write) is passed over. */
  applyConsumer(raw: RawConsumer): void {
    if (!this.consumerVersions.admit(raw.metadata)) return
    const next = readConsumer(raw)
    this.#consumers.set(namespacedKey(next), next)
  }

  removeConsumer(ref: Gone): void {
    this.consumerVersions.forget(ref.uid)
    const key = namespacedKey(ref)
    if (this.#consumers.get(key)?.uid === ref.uid) this.#consumers.delete(key)
  }

  applyHalt(raw: RawHalt): void {
    this.#halts.set(namespacedKey(raw.metadata), readHalt(raw))
  }

  removeHalt(ref: Gone): void {
    const key = namespacedKey(ref)
    if (this.#halts.get(key)?.uid === ref.uid) this.#halts.delete(key)
  }

  consumer(key: NamespacedKey): ConsumerRecord | undefined {
    return this.#consumers.get(key)
  }

  get halts(): readonly HaltRecord[] {
    return [...this.#halts.values()]
  }

  get sizes(): { readonly consumers: number; readonly halts: number } {
    return { consumers: this.#consumers.size, halts: this.#halts.size }
  }
}
