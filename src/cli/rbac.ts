/**
 * `sluice rbac`: the least rights for what is opted in now, and how the rights at hand differ from them.
 */
import { sourceOf } from '../model/refs.ts'
import { leastGrants, type Need } from '../access/grants.ts'
import { describeRight, type Right } from '../access/rights.ts'
import { roleManifests } from '../access/role-manifests.ts'
import type { SecretAccess } from '../config/secret-access.ts'
import type { Config } from '../config/settings.ts'
import { createClient, type KubeClient } from '../kube/client.ts'
import { loadCredentials } from '../kube/credentials.ts'
import { newDigestKey } from '../kube/digest-key.ts'
import { listAll } from '../kube/list-all.ts'
import { localNow } from '../kube/local-time.ts'
import { checkRights } from '../access/rights-check.ts'
import { createDigester } from '../sources/digest.ts'
import { watchedResources } from '../watch/resources.ts'
import { Store } from '../watch/store.ts'

export interface RbacOptions {
  /** How Secrets shall be read, if not as configured. */
  readonly access: SecretAccess | undefined
  /** Only what is opted in in these namespaces; everywhere if undefined. */
  readonly namespaces: readonly string[] | undefined
  /** Compare with what is granted, instead of printing what is needed. */
  readonly check: boolean
}

/** Runs the command with the credentials at hand; resolves to whether nothing differs. @throws ApiError */
export async function runRbac(
  config: Config,
  { access = config.secretAccess, namespaces, check }: RbacOptions,
  out: (text: string) => void,
): Promise<boolean> {
  const client = createClient(await loadCredentials(localNow), { now: localNow, onCall() {} })
  try {
    const store = await optedIn(client, config)
    const isMeant = (namespace = '') => !namespaces || namespaces.includes(namespace)
    const judged = [...store.judgedSources()].filter((key) => isMeant(sourceOf(key).namespace))
    const need: Need = {
      ...config,
      secretAccess: typeof access === 'string' ? access : access.filter(isMeant),
      judged,
    }
    if (!check) {
      out(roleManifests(leastGrants(need), config.namespace))
      return true
    }
    const { missing, superfluous } = await checkRights(client, need, store.namespaces())
    for (const right of missing) out(line('missing', right))
    for (const right of superfluous) out(line('superfluous', right))
    return missing.length === 0 && superfluous.length === 0
  } finally {
    await client.close()
  }
}

function line(what: string, right: Right): string {
  return `${what}: ${describeRight(right)}\n`
}

/** The picture without the Secrets: who opted in, and what it uses. */
async function optedIn(client: KubeClient, config: Config): Promise<Store> {
  const store = new Store({
    // Nothing is digested.
    digester: createDigester(newDigestKey()),
    now: localNow,
    defaults: config,
    namespace: config.namespace,
  })
  for (const { target, metadataOnly, apply } of watchedResources(store, { consumers: false })) {
    await listAll(client, target, metadataOnly ?? false, apply)
  }
  return store
}
