// Another operator owns the pod template, and takes out what it does not know: Sluice must not answer in kind.
import type { V1Deployment } from '@kubernetes/client-node'
import { expect, onTestFinished, test } from 'vitest'
import { RESTART_ID } from '../../src/model/annotations.ts'
import { consumerOf, dbSecret } from './installed-cluster.ts'
import { SharedOperator } from './shared-operator.ts'

const bed = new SharedOperator()

/** Takes the restart id out of the template whenever it is there, and counts how often it was another one. */
function undoing(name: string): { readonly ids: Set<string>; readonly stop: () => Promise<void> } {
  const ids = new Set<string>()
  let goesOn = true
  const loop = async () => {
    while (goesOn) {
      const text = await bed.kubectl('get', 'deployment', name, '--output=json')
      const { spec } = JSON.parse(text) as V1Deployment
      const id = spec?.template.metadata?.annotations?.[RESTART_ID]
      if (id === undefined) continue
      ids.add(id)
      const template = { metadata: { annotations: { [RESTART_ID]: null } } }
      const patch = JSON.stringify({ spec: { template } })
      await bed.kubectl('patch', 'deployment', name, '--type=merge', `--patch=${patch}`)
    }
  }
  const running = loop()
  const stop = async () => {
    goesOn = false
    await running
  }
  onTestFinished(stop)
  return { ids, stop }
}

/** How often Sluice wrote the template: each change of it is a generation, and each was undone by another one. */
async function generations(name: string): Promise<number> {
  const text = await bed.kubectl('get', 'deployment', name, '--output=json')
  return (JSON.parse(text) as V1Deployment).metadata?.generation ?? 0
}

test('a rollout that its owner undoes is patched once, and goes on by evictions', async () => {
  const orders = consumerOf('env', { name: 'orders', namespace: bed.shop })
  await bed.deployed(dbSecret(bed.shop, 'old'), orders)
  const before = await generations('orders')
  const owner = undoing('orders')
  await bed.rotate('new')
  await bed.finished('orders')
  await bed.neighbourIsRestarted()
  await owner.stop()
  expect(owner.ids.size).toBe(1)
  expect(await generations('orders')).toBe(before + 2)
})

test('a rollout that its owner undoes is held where nothing else is allowed', async () => {
  const orders = consumerOf('env', {
    name: 'orders',
    namespace: bed.shop,
    annotations: { 'sluice.dev/strategy': 'rollout' },
    replicas: 3,
    // The rollout lasts for longer than its owner takes to undo it.
    minReadySeconds: 5,
  })
  await bed.deployed(dbSecret(bed.shop, 'old'), orders)
  const before = await generations('orders')
  const owner = undoing('orders')
  await bed.rotate('new')
  const message = await bed.heldWithStalePods('orders', 'RolloutUndone')
  await bed.neighbourIsRestarted()
  await owner.stop()
  expect(message).toContain('taken out of the pod template again')
  expect(owner.ids.size).toBe(1)
  expect(await generations('orders')).toBe(before + 2)
})
