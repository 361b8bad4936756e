/**
 * What is told of rotations on their Secrets: that they began, ended, or have been held for a minute. Pure but for its
 * memory.
 */
import { isSettled, isSuperseded, isUnused } from '../rotations/condition.ts'
import { isFinished, rotationName, type Rotation } from '../../records/rotation.ts'
import { soonest } from './soonest.ts'
import { sourceSubject, type Occurrence } from './occurrence.ts'
import { HELD_FOR } from './ongoing.ts'

interface Told {
  started: boolean
  /** When it is to be told that it is held (ms); Infinity once that was done, and while it is not. */
  heldAt: number
  held: boolean
  finished: boolean
  unused: boolean
}

export class RotationNews {
  readonly #told = new Map<string, Told>()
  /** When the next one is due if nothing changes (ms); Infinity for never. */
  nextAt = Infinity

  /** What another process told of already. */
  know(rotation: Rotation): void {
    const told = {
      started: rotation.startedAt !== undefined,
      heldAt: Infinity,
      held: false,
      finished: isFinished(rotation),
      unused: isUnused(rotation),
    }
    this.#told.set(keyOf(rotation), told)
  }

  /** What is to be told of all rotations that are not over, and of those that have just ended; `now` in ms. */
  look(
    rotations: readonly Rotation[],
    uidOf: (source: Rotation['source']) => string | undefined,
    now: number,
  ): readonly Occurrence[] {
    const occurrences = rotations.flatMap((rotation) => {
      // One that ended long ago, and of which a newer one takes the place.
      const known = isSuperseded(rotation) && rotation.phase !== 'Superseded'
      const told = this.#told.get(keyOf(rotation)) ?? {
        started: known,
        heldAt: Infinity,
        held: false,
        finished: known,
        unused: known,
      }
      this.#told.set(keyOf(rotation), told)
      const news = newsOf(rotation, told, now)
      if (isSettled(rotation)) this.#told.delete(keyOf(rotation))
      const { source } = rotation
      const about = rotationName(rotation)
      return news.map((each) => ({
        ...each,
        action: 'Rotate' as const,
        regarding: sourceSubject(source, uidOf(source)),
        about,
      }))
    })
    this.nextAt = soonest([...this.#told.values()].map(({ heldAt }) => heldAt))
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
  if (isFinished(rotation) && !told.finished) news.push(ended(rotation))
  told.finished = isFinished(rotation)
  if (isUnused(rotation) && !told.unused) news.push(unused(rotation))
  told.unused = isUnused(rotation)
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
    Succeeded: `${counts} hold the new content, ${seconds} s after the change.${others(rotation)}`,
    TakenBack: 'The content from before the change came back; nothing was restarted for it',
    Superseded: `It changed again when ${counts} held the content; see Rotation ${supersededBy ?? ''}`,
    Abandoned: `All its workloads were deleted or opted out, or the changed content was deleted.${others(rotation)}`,
  }
  const known = phase in note ? note[phase as keyof typeof note] : `${phase}: ${counts}`
  return { type: 'Normal', reason: 'RotationFinished', note: known }
}

/** Who may still hold old content, opted in or not. */
function others({ conditions }: Rotation): string {
  const claim = conditions.find(({ type }) => type === 'OldContentUnused')
  if (!claim) return ''
  return claim.status === 'True'
    ? ' No running pod holds old content'
    : ` Old content may still be in use: ${claim.message}`
}

function unused(rotation: Rotation): News {
  const seconds = Math.max(0, Math.round((sinceOf(rotation) - rotation.changedAt) / 1000))
  const note = `No running pod of the namespace holds old content, ${seconds} s after the change; see Rotation ${rotationName(rotation)}`
  return { type: 'Normal', reason: 'OldContentUnused', note }
}

function sinceOf({ conditions, changedAt }: Rotation): number {
  return conditions.find(({ type }) => type === 'OldContentUnused')?.since ?? changedAt
}

function keyOf(rotation: Rotation): string {
  return `${rotation.source.namespace}/${rotationName(rotation)}`
}
