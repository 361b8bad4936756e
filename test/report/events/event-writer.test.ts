import { beforeEach, expect, test } from 'vitest'
import type { SluiceEvent } from '../../../src/report/events/recorder.ts'
import { ApiError } from '../../../src/kube/api-error.ts'
import type { ApiCall } from '../../../src/kube/api-call.ts'
import { EventWriter, MOST_WAITING } from '../../../src/report/events/event-writer.ts'
import { Machine, settled, VirtualTime } from '../../kube/virtual-time.ts'
import { at } from '../../plan/cluster-builder.ts'

let time: VirtualTime
let writer: EventWriter
/** `second verb: status` of each request. */
let sent: string[]
let answer: (call: ApiCall) => number
let dropped: number

beforeEach(() => {
  time = new VirtualTime()
  sent = []
  dropped = 0
  answer = () => 200
  writer = new EventWriter({
    // eslint-disable-next-line @typescript-eslint/require-await -- what it throws must be a rejection
    async send<T>(call: ApiCall) {
      const status = answer(call)
      sent.push(`${time.now / 1000} ${call.verb} ${call.namespace ?? ''}: ${status}`)
      if (status >= 400) throw new ApiError(call, { status })
      return {} as T
    },
    instance: 'sluice-1',
    random: () => 1,
    sleep: new Machine(time).sleep,
    onDropped: () => dropped++,
  })
})

const event: SluiceEvent = {
  occurrence: {
    regarding: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web' },
    type: 'Normal',
    reason: 'RestartStarted',
    action: 'Restart',
    about: '',
    note: 'Restarting by evict',
  },
  at: at(0),
  serial: 0,
}

async function until(second: number): Promise<void> {
  await settled()
  await time.runUntil(second * 1000)
}

test('it is created in the namespace of its object', async () => {
  writer.write(event)
  await until(1)
  expect(sent).toEqual(['0 create shop: 200'])
})

test('one that is there already was written, and the answer lost', async () => {
  answer = () => 409
  writer.write(event)
  await until(60)
  expect(sent).toEqual(['0 create shop: 409'])
  expect(dropped).toBe(0)
})

test.each([403, 404, 422])('after the answer %i it is given up at once', async (status) => {
  answer = () => status
  writer.write(event)
  await until(60)
  expect(sent).toHaveLength(1)
  expect(dropped).toBe(1)
})

test('while the server is in trouble it is tried again, and given up in the end', async () => {
  answer = () => 503
  writer.write(event)
  await until(3)
  expect(sent.map((line) => line.split(' ')[0])).toEqual(['0', '0.4', '1.2', '2.8'])
  await until(600)
  expect(sent).toHaveLength(6)
  expect(dropped).toBe(1)
})

test('what comes while too many wait is given up, and the others are not', async () => {
  answer = () => 503
  for (let n = 0; n < MOST_WAITING + 3; n++) writer.write(event)
  expect(dropped).toBe(3)
  await settled()
  answer = () => 200
  await until(10)
  expect(dropped).toBe(3)
  writer.write(event)
  await until(11)
  expect(dropped).toBe(3)
})

test('when another one reports nothing is tried again', async () => {
  answer = () => 503
  writer.write(event)
  await settled()
  writer.forget()
  answer = () => 200
  await until(60)
  expect(sent).toEqual(['0 create shop: 503'])
})
