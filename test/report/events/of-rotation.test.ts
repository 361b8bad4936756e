import { expect, test } from 'vitest'
import { RotationNews } from '../../../src/report/events/of-rotation.ts'
import { HELD_FOR } from '../../../src/report/events/ongoing.ts'
import { NONE, type Rotation } from '../../../src/records/rotation.ts'
import { at } from '../../plan/cluster-builder.ts'
import { line } from './told.ts'

const waiting: Rotation = {
  source: { kind: 'Secret', namespace: 'shop', name: 'db' },
  changedAt: at(0),
  phase: 'Waiting',
  workloads: { ...NONE, total: 2, waiting: 2 },
  pods: { ...NONE, total: 6, waiting: 6 },
  reasons: [],
  conditions: [],
}
const restarting: Rotation = { ...waiting, phase: 'Restarting', startedAt: at(7) }
const held: Rotation = {
  ...restarting,
  phase: 'Held',
  workloads: { ...NONE, total: 2, done: 1, held: 1 },
  reasons: [{ reason: 'Paused', workloads: 1, example: 'Deployment shop/web: paused' }],
}
const succeeded: Rotation = {
  ...restarting,
  phase: 'Succeeded',
  workloads: { ...NONE, total: 2, done: 2 },
  pods: { ...NONE, total: 6, done: 6 },
  finishedAt: at(30),
}

/** What is told of one rotation after the other, by second. */
function told(news: RotationNews, ...rotations: (readonly [number, Rotation])[]): string[] {
  return rotations.flatMap(([second, rotation]) =>
    news.look([rotation], () => 'uid', at(second)).map((each) => `${second} ${line(each)}`),
  )
}

test('the Secret is told of the first restart and of the end, once', () => {
  const seen = told(
    new RotationNews(),
    [1, waiting],
    [7, restarting],
    [8, restarting],
    [30, succeeded],
  )
  expect(seen).toEqual([
    '7 Normal RotationStarted Secret shop/db: The first of 2 workloads (6 pods) is being restarted; follow it in Rotation secret-db-20260301t120000z',
    '30 Normal RotationFinished Secret shop/db: 2 of 2 workloads, 6 of 6 pods hold the new content, 30 s after the change.',
  ])
})

test('what another process told of is not told again', () => {
  const news = new RotationNews()
  news.know(restarting)
  expect(told(news, [8, restarting])).toEqual([])
})

test('nothing is said again of one that ended long ago when a newer one takes its place', () => {
  const replaced = { ...succeeded, supersededBy: 'secret-db-20260301t130000z' }
  expect(told(new RotationNews(), [3600, replaced])).toEqual([])
})

test('that old content is unused is said once, and who holds it with the end of the restarts', () => {
  const claim = (status: 'True' | 'False', message: string) => ({
    ...succeeded,
    conditions: [
      { type: 'OldContentUnused' as const, status, reason: 'X', message, since: at(40) },
    ],
  })
  const held = claim('False', 'running pods: 1 with old content: Pod/debug (1 stale)')
  const unused = claim('True', 'no running pod holds old content')
  const seen = told(new RotationNews(), [7, restarting], [30, held], [35, held], [40, unused])
  expect(seen.slice(1)).toEqual([
    '30 Normal RotationFinished Secret shop/db: 2 of 2 workloads, 6 of 6 pods hold the new content, 30 s after the change. Old content may still be in use: running pods: 1 with old content: Pod/debug (1 stale)',
    '40 Normal OldContentUnused Secret shop/db: No running pod of the namespace holds old content, 40 s after the change; see Rotation secret-db-20260301t120000z',
  ])
})

test('that it is held is told when it has been for a minute, once', () => {
  const news = new RotationNews()
  news.know(restarting)
  const then = 10 + HELD_FOR / 1000
  expect(told(news, [10, held], [then - 1, held])).toEqual([])
  expect(news.nextAt).toBe(at(then))
  expect(told(news, [then, held], [then + 1, held], [then + 900, held])).toEqual([
    `${then} Warning RotationHeld Secret shop/db: 1 of 2 workloads are held. Paused: Deployment shop/web: paused`,
  ])
  expect(told(news, [then + 1000, restarting], [then + 1001, held])).toEqual([])
  expect(news.nextAt).toBe(at(then + 1001 + HELD_FOR / 1000))
})

test.each<[Partial<Rotation>, string]>([
  [
    { phase: 'Superseded', supersededBy: 'secret-db-20260301t120020z', workloads: held.workloads },
    'It changed again when 1 of 2 workloads, 6 of 6 pods held the content; see Rotation secret-db-20260301t120020z',
  ],
  [
    { phase: 'Abandoned' },
    'All its workloads were deleted or opted out, or the changed content was deleted.',
  ],
])('an end as %j', (change, note) => {
  const news = new RotationNews()
  news.know(restarting)
  expect(told(news, [30, { ...succeeded, ...change }])).toEqual([
    `30 Normal RotationFinished Secret shop/db: ${note}`,
  ])
})
