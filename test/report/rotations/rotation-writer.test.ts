import { beforeEach, expect, test } from 'vitest'
import { ApiError } from '../../../src/kube/api-error.ts'
import type { ApiCall } from '../../../src/kube/api-call.ts'
import { NotSent } from '../../../src/kube/leading-sender.ts'
import { RotationWriter } from '../../../src/report/rotations/rotation-writer.ts'
import { NONE, writeRotationStatus, type Rotation } from '../../../src/records/rotation.ts'
import { Machine, settled, VirtualTime } from '../../kube/virtual-time.ts'
import { at } from '../../plan/cluster-builder.ts'

let time: VirtualTime
let writer: RotationWriter
/** `second verb: phase` of each request. */
let sent: string[]
/** What the server answers to a call, if it is no success. */
let answer: (call: ApiCall) => number
let dropped: string[]

beforeEach(() => {
  time = new VirtualTime()
  sent = []
  dropped = []
  answer = () => 200
  writer = new RotationWriter({
    // eslint-disable-next-line @typescript-eslint/require-await -- what it throws must be a rejection
    async send<T>(call: ApiCall) {
      const status = answer(call)
      if (status === 0) throw new NotSent()
      const [patch] = (call.verb === 'patch' ? call.body : []) as { value: { phase: string } }[]
      const what = call.verb === 'create' ? 'create' : patch ? patch.value.phase : call.verb
      sent.push(`${time.now / 1000} ${what}${status >= 400 ? ` ${status}` : ''}`)
      if (status >= 400) throw new ApiError(call, { status })
      return {} as T
    },
    random: () => 1,
    sleep: new Machine(time).sleep,
    onError: () => {},
    onDropped: (name) => dropped.push(name),
  })
})

const waiting: Rotation = {
  source: { kind: 'Secret', namespace: 'shop', name: 'db' },
  changedAt: at(0),
  phase: 'Waiting',
  workloads: NONE,
  pods: NONE,
  reasons: [],
  conditions: [],
}
const restarting: Rotation = { ...waiting, phase: 'Restarting' }
const held: Rotation = { ...waiting, phase: 'Held' }
const unused = {
  type: 'OldContentUnused',
  status: 'True',
  reason: 'NoHolders',
  message: '',
  since: at(9),
} as const
const succeeded: Rotation = {
  ...waiting,
  phase: 'Succeeded',
  finishedAt: at(9),
  conditions: [unused],
}

async function until(second: number): Promise<void> {
  await settled()
  await time.runUntil(second * 1000)
}

test('it is created, and written at most once a second with what is so then', async () => {
  writer.write(waiting)
  await until(0.2)
  writer.write(restarting)
  await until(0.4)
  writer.write(held)
  await until(5)
  expect(sent).toEqual(['0 create', '0 Waiting', '1 Held'])
  writer.write(held)
  await until(8)
  expect(sent).toHaveLength(3)
  writer.write(succeeded)
  await until(20)
  expect(sent.slice(3)).toEqual(['8 Succeeded'])
})

test('one that was read is neither created nor written before it changes', async () => {
  writer.know(waiting)
  writer.write(waiting)
  await until(2)
  expect(sent).toEqual([])
  writer.write(held)
  await until(4)
  expect(sent).toEqual(['2 Held'])
})

test('one that is there already is written all the same', async () => {
  answer = ({ verb }) => (verb === 'create' ? 409 : 200)
  writer.write(waiting)
  await until(2)
  expect(sent).toEqual(['0 create 409', '0 Waiting'])
})

test('one that somebody deleted is made anew while it goes on, and not when it is over', async () => {
  writer.know(waiting)
  answer = ({ verb }) => (verb === 'patch' && sent.length === 0 ? 404 : 200)
  writer.write(held)
  await until(5)
  expect(sent).toEqual(['0 Held 404', '1 create', '1 Held'])
  sent = []
  answer = () => 404
  writer.write(succeeded)
  await until(60)
  expect(sent).toEqual(['5 Succeeded 404'])
  expect(dropped).toEqual([])
})

test('after a failure it is tried again, later and later, with the latest state', async () => {
  answer = () => 503
  writer.write(waiting)
  await until(3)
  answer = () => 200
  writer.write(held)
  await until(10)
  expect(sent).toEqual(['0 create 503', '1 create 503', '2 create 503', '3.6 create', '3.6 Held'])
})

test('one that is over and cannot be written is given up', async () => {
  answer = () => 403
  writer.write(succeeded)
  await until(300)
  expect(sent).toHaveLength(8)
  expect(dropped).toEqual(['shop/secret-db-20260301t120000z'])
})

test('when another one leads nothing more is written', async () => {
  writer.write(waiting)
  await until(0.5)
  writer.write(held)
  writer.forget()
  await until(5)
  expect(sent).toEqual(['0 create', '0 Waiting'])

  answer = () => 0
  writer.write(held)
  await until(10)
  answer = () => 200
  await until(15)
  expect(sent).toHaveLength(2)
})

test('all of them are read, page by page', async () => {
  const pages = [
    { items: [{ metadata: { namespace: 'shop', name: 'a' } }], metadata: { continue: 'more' } },
    { items: [{ metadata: { namespace: 'shop', name: 'b' } }], metadata: {} },
  ]
  const asked: (string | undefined)[] = []
  const reading = new RotationWriter({
    send<T>({ query }: ApiCall) {
      asked.push(query?.['continue'])
      return Promise.resolve(pages[asked.length - 1] as T)
    },
    random: () => 1,
    sleep: () => Promise.resolve(),
    onError: () => {},
    onDropped: () => {},
  })
  const names: string[] = []
  for await (const { metadata } of reading.read()) names.push(metadata.name)
  expect(names).toEqual(['a', 'b'])
  expect(asked).toEqual([undefined, 'more'])
  expect(writeRotationStatus(waiting)).not.toHaveProperty('eta')
})
