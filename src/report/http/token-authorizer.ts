/**
 * Who may read an endpoint: whoever sends a bearer token that the API server knows, and may `get` its path. The same
 * question as kube-rbac-proxy and controller-runtime's `WithAuthenticationAndAuthorization` ask.
 */
import { createHash } from 'node:crypto'
import type PQueue from 'p-queue'
import type { User } from '../../access/reviews.ts'

/** Why a request is not answered. */
export interface Refusal {
  /** 401: no token, or nobody's. 403: his, who may not. 503: that cannot be told now. */
  readonly status: 401 | 403 | 503
  readonly message: string
}

export interface GateOptions {
  /** Whose token it is. May throw. */
  readonly ownerOf: (token: string) => Promise<User | undefined>
  /** Whether he may `get` the path. May throw. */
  readonly mayGet: (user: User, path: string) => Promise<boolean>
  /** Bounds what strangers can bring us to ask. */
  readonly queue: PQueue
  /** Milliseconds. */
  readonly now: () => number
  readonly onError: (error: unknown) => void
}

/** How long an answer holds (ms): a right that is withdrawn ends so much later. */
const ALLOWED_FOR = 60_000
const REFUSED_FOR = 10_000
/** Answers that are remembered; strangers cannot make us remember more. */
const MOST_KNOWN = 1_000
/** Questions that may wait. */
const MOST_WAITING = 100

const NO_TOKEN: Refusal = { status: 401, message: 'expected a bearer token' }
const UNKNOWN_TOKEN: Refusal = { status: 401, message: 'the API server does not know this token' }
const UNDECIDED: Refusal = {
  status: 503,
  message: 'the API server cannot be asked whether you may',
}
const TOO_MANY: Refusal = { status: 503, message: 'too many are asking' }

interface Known {
  readonly verdict: Promise<Refusal | undefined>
  /** Infinity while the API server is being asked. */
  until: number
}

export class TokenAuthorizer {
  readonly #options: GateOptions
  /** By path and a digest of the token: no token is kept. */
  readonly #known = new Map<string, Known>()

  constructor(options: GateOptions) {
    this.#options = options
  }

  /** What stands against a request for a path with this `Authorization` header; undefined if nothing does. */
  async refuse(path: string, authorization: string | undefined): Promise<Refusal | undefined> {
    const token = /^Bearer +([-\w.~+/]+=*)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) return NO_TOKEN
    const key = `${path} ${createHash('sha256').update(token).digest('base64')}`
    const known = this.#known.get(key)
    if (known && known.until > this.#options.now()) return known.verdict
    if (this.#options.queue.size >= MOST_WAITING) return TOO_MANY
    return this.#ask(key, token, path)
  }

  async #ask(key: string, token: string, path: string): Promise<Refusal | undefined> {
    const { queue, now, onError } = this.#options
    const verdict = queue
      .add(() => this.#judge(token, path))
      .catch((error: unknown) => {
        onError(error)
        return UNDECIDED
      })
    const entry: Known = { verdict, until: Infinity }
    this.#known.delete(key)
    this.#known.set(key, entry)
    if (this.#known.size > MOST_KNOWN) this.#known.delete(this.#known.keys().next().value ?? '')
    const refusal = await verdict
    if (refusal === UNDECIDED) this.#known.delete(key)
    else entry.until = now() + (refusal ? REFUSED_FOR : ALLOWED_FOR)
    return refusal
  }

  async #judge(token: string, path: string): Promise<Refusal | undefined> {
    const user = await this.#options.ownerOf(token)
    if (!user) return UNKNOWN_TOKEN
    if (await this.#options.mayGet(user, path)) return undefined
    return { status: 403, message: `${user.username} may not get ${path}` }
  }
}
