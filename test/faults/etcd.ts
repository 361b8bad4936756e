/**
 * etcd by its JSON gateway: https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/
 */
import type { TestCluster } from '../../testbed/cluster.ts'

/** Forgets everything older than now: nothing can be resumed from there. */
export async function compact(cluster: TestCluster): Promise<void> {
  const anyKey = Buffer.from('/').toString('base64')
  const { header } = (await post(cluster, 'kv/range', { key: anyKey })) as {
    header: { revision: string }
  }
  await post(cluster, 'kv/compaction', { revision: header.revision, physical: true })
}

async function post(cluster: TestCluster, path: string, body: object): Promise<unknown> {
  const answer = await fetch(`${cluster.etcdUrl}/v3/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`etcd refused ${path}: ${answer.status} ${text}`)
  return JSON.parse(text)
}
