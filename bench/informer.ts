/**
 * The client library's own informer over all Secrets, as a process of its own, to compare with.
 */
import { CoreV1Api, KubeConfig, makeInformer, type V1Secret } from '@kubernetes/client-node'

const config = new KubeConfig()
config.loadFromDefault()
const api = config.makeApiClient(CoreV1Api)
const informer = makeInformer<V1Secret>(config, '/api/v1/secrets', () =>
  api.listSecretForAllNamespaces(),
)
await informer.start()
console.log('ready')
