/**
 * What every pod of a namespace really holds, from the nodes: kept beyond the end of the pod.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestCluster } from '../../testbed/cluster.ts'

export interface HeldContent {
  /** SHA-256 of the password that a pod holds, or held when it was last seen, by UID. */
  readonly passwords: ReadonlyMap<string, string>
  stop(): Promise<void>
}

/** How often the nodes are asked (ms): pods live longer than that. */
const EVERY = 200

/** Keeps asking the nodes. */
export function recordContent(cluster: TestCluster, namespace: string): HeldContent {
  const passwords = new Map<string, string>()
  let stopped = false
  const run = async () => {
    while (!stopped) {
      for (const pod of await cluster.heldContent()) {
        if (pod.namespace !== namespace) continue
        const values = pod.containers.flatMap(({ env, files }) =>
          Object.entries({ ...env, ...files }),
        )
        const password = values.find(([name]) => /password/i.test(name))
        if (password) passwords.set(pod.uid, password[1])
      }
      await sleep(EVERY)
    }
  }
  const running = run()
  return {
    passwords,
    async stop() {
      stopped = true
      await running
    },
  }
}
