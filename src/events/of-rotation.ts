/**
 * What is told of rotations on their Secrets: that they began, ended, or have been held for a minute. Pure but for its
 * memory.
 */
import { isFinished, rotationName, type Rotation } from '../rotations/rotation.ts'
import { earliest } from './earliest.ts'
import { secretSubject, type Occurrence } from './occurrence.ts'
import { HELD_FOR } from './standing.ts'

interface Told {
  started: boolean
  /** When it is to be told that it is held (ms); Infinity once that was done, and while it is not. */
  heldAt: number
  held: boolean
}

export class RotationNews {
  readonly #told = new Map<string, Told>()
  /** When the next one is due if nothing changes (ms); Infinity for never. */
  nextAt = Infinity

  /** What another process told of already. */
  know(rotation: Rotation): void {
    const told = { started: rotation.startedAt !== undefined, heldAt: Infinity, held: false }
    this.#told.set(keyOf(rotation), told)
  }

  /** What is to be told of all rotations that are not over, and of those that have just ended; `now` in ms. */
  look(
    rotations: readonly Rotation[],
    uidOf: (source: Rotation['source']) => string | undefined,
    now: number,
  ): readonly Occurrence[] {
    const occurrences = rotations.flatMap((rotation) => {
      const told = this.#told.get(keyOf(rotation)) ?? {
        started: false,
        heldAt: Infinity,
        held: false,
      }
      this.#told.set(keyOf(rotation), told)
      const news = newsOf(rotation, told, now)
      if (isFinished(rotation)) this.#told.delete(keyOf(rotation))
      const { source } = rotation
      const about = rotationName(rotation)
      return news.map((each) => ({
        ...each,
        action: 'Rotate' as const,
        regarding: secretSubject(source, uidOf(source)),
        about,
      }))
    })
    this.nextAt = earliest([...this.#told.values()].map(({ heldAt }) => heldAt))
    return occurrences
  }
}

type News = Pick<Occurrence, 'type' | 'reason' | 'note'>

function newsOf(rotation: Rotation, told: Told, now: number): readonly News[] {
  const news: News[] = []
  const { phase, startedAt, workloads, pods } = rotation
  if (startedAt !== undefined && !told.started) {
    told.started = true
    const note = `The first of ${workloads.total} workloads (${pods.total} pods) is being restarted; follow it in Rotation ${rotationName(rotation)}`
    news.push({ type: 'Normal', reason: 'RotationStarted', note })
  }
  if (isFinished(rotation)) news.push(ended(rotation))
  if (phase !== 'Held') {
    told.heldAt = Infinity
    told.held = false
  } else if (!told.held && told.heldAt === Infinity) {
    told.heldAt = now + HELD_FOR
  }
  if (now >= told.heldAt) {
    told.heldAt = Infinity
    told.held = true
    const [first] = rotation.reasons
    const why = first ? `${first.reason}: ${first.example}` : 'no reason is known'
    const left = `${workloads.total - workloads.done} of ${workloads.total}`
    news.push({
      type: 'Warning',
      reason: 'RotationHeld',
      note: `${left} workloads are held. ${why}`,
    })
  }
  return news
}

function ended(rotation: Rotation): News {
  const { phase, changedAt, finishedAt = changedAt, workloads, pods, supersededBy } = rotation
  const seconds = Math.max(0, Math.round((finishedAt - changedAt) / 1000))
  const counts = `${workloads.done} of ${workloads.total} workloads, ${pods.done} of ${pods.total} pods`
  const note = {
    Succeeded: `${counts} hold the new content, ${seconds} s after the change`,
    Superseded: `It changed again when ${counts} held the content; see Rotation ${supersededBy ?? ''}`,
    Abandoned: 'All workloads that it was about were deleted or opted out',
  }
  const known = phase in note ? note[phase as keyof typeof note] : `${phase}: ${counts}`
  return { type: 'Normal', reason: 'RotationFinished', note: known }
}

function keyOf(rotation: Rotation): string {
  return `${rotation.source.namespace}/${rotationName(rotation)}`
}
