/**
 * Holds over the content itself: a restarted pod would not start, or not work.
 */
import { type Use } from '../../workloads/uses.ts'
import { ALL_KEYS } from '../../sources/digest.ts'
import { ABSENT, emptyValues } from '../../sources/digest.ts'
import { digestOf, keysOf, type SourceRecord } from '../../sources/source.ts'
import { earliest, today, type Entry, type Timeline } from '../../sources/timeline.ts'
import { describeSources } from '../../model/refs.ts'
import type { HoldRule } from './gate.ts'

/** A required source does not exist: a new pod would wait for it in CreateContainerConfigError. */
export const sourceMissing: HoldRule = ({ uses, source }) => {
  const missing = uses.filter((use) => !use.optional && !exists(source(use.source)))
  if (missing.length === 0) return undefined
  const names = describeSources(missing.map((use) => use.source))
  return { reason: 'SourceMissing', message: `missing: ${names}` }
}

/** A required key does not exist in its source. */
export const keyMissing: HoldRule = ({ uses, source }) => {
  const missing = uses.filter(
    ({ source: name, selector, optional }) =>
      !optional && digestOf(source(name), selector) === ABSENT,
  )
  if (missing.length === 0) return undefined
  const names = missing.map((use) => `key ${use.selector} of ${describeSources([use.source])}`)
  return { reason: 'KeyMissing', message: `missing: ${names.join(', ')}` }
}

/** A change emptied a value that the pods consume, or left no key in a source of which they consume all. */
export const valueEmpty: HoldRule = ({ uses, sources, source, stale }) => {
  if (stale.length === 0) return undefined
  const emptied: string[] = []
  for (const [local, { timelines }] of sources) {
    const name = describeSources([local])
    for (const [key, timeline] of timelines) {
      if (isEmptied(timeline)) emptied.push(key === ALL_KEYS ? name : `key ${key} of ${name}`)
    }
  }
  for (const name of new Set(uses.filter(isOfAllKeys).map((use) => use.source))) {
    const isThere = digestOf(source(name), ALL_KEYS) !== ABSENT
    const hadKeys = [...(sources.get(name)?.timelines.values() ?? [])].some(
      (timeline) => timeline.length > 1,
    )
    if (isThere && hadKeys && keysOf(source(name)).length === 0) {
      emptied.push(describeSources([name]))
    }
  }
  return emptied.length > 0
    ? { reason: 'ValueEmpty', message: `the change left a value empty: ${emptied.join(', ')}` }
    : undefined
}

function isOfAllKeys({ selector }: Use): boolean {
  return selector === ALL_KEYS
}

/** Fewer values in it were empty before; one that came empty was not emptied. */
function isEmptied(timeline: Timeline): boolean {
  const empty = emptyValues(today(timeline).digest)
  return timeline.some(({ digest }) => digest !== ABSENT && emptyValues(digest) < empty)
}

/**
 * An immutable source was deleted and created again with other content. A kubelet never reads an immutable object again
 * while a pod on its node uses it: a new pod could get the old content. One that was made immutable after or with its
 * change was read until then.
 * Source: kubernetes/pkg/kubelet/util/manager/watch_based_manager.go (stopIfIdle, immutable).
 */
export const immutableRecreated: HoldRule = ({ sources, source, stale }) => {
  const changed = [...sources].filter(
    ([name, { timelines }]) =>
      source(name).immutable && mayHaveReplaced(source(name), [...timelines.values()]),
  )
  return stale.length > 0 && changed.length > 0
    ? {
        reason: 'ImmutableRecreated',
        message: `immutable ${describeSources(changed.map(([name]) => name))} was created again with other content, which nodes that still use it do not read; use a new name instead`,
      }
    : undefined
}

/** How much later than its creation the first content of an object may be dated (ms): both are cut to whole seconds. */
const CREATION = 2_000

/**
 * Whether today's object may have taken the place of another one that the story begins with: the first change can have
 * come with its creation. The recorded UID does not tell, it is that of today's as soon as the change is written down.
 */
function mayHaveReplaced({ createdAt }: SourceRecord, story: readonly Timeline[]): boolean {
  const mayHaveComeWithIt = (entry: Entry) => earliest(entry) <= createdAt + CREATION
  const before = story.flatMap(([first, ...later]) => [first, ...later.slice(0, -1)])
  return (
    story.some(([, next]) => next !== undefined && mayHaveComeWithIt(next)) &&
    before.some(({ digest }) => digest !== ABSENT)
  )
}

function exists({ content }: SourceRecord): boolean {
  return content !== ABSENT
}
