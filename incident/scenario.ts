/**
 * What is compared: ways to rotate the password, and what is done about the pods that hold the old one.
 */

/** How the login is changed. */
export const ROTATIONS = {
  'cut-over': {
    title: 'Cut-over: one role gets a new password',
    what: 'ALTER ROLE … PASSWORD, then the Secret, which is marked urgent. From that moment on nobody can log in with the old password; connections that are open stay so.',
  },
  'two-users': {
    title: 'Two roles in turn: old and new are valid for a while',
    what: 'The second role gets a new password, the Secret its login; when no pod holds the old one, the first role loses its password.',
  },
  'bad-password': {
    title: 'A bad rotation: the Secret gets a wrong password',
    what: 'As with two roles, but the password in the Secret is mistyped. The right one is written 60 s later.',
  },
} as const
export type Rotation = keyof typeof ROTATIONS

/** What is done about pods that hold the old login. */
export const RESPONSES = {
  nobody: 'Nobody restarts',
  'all-at-once': 'Everything restarts at once',
  sluice: 'Sluice',
} as const
type Response = keyof typeof RESPONSES

/** One run of the script. */
export interface Scenario {
  readonly rotation: Rotation
  readonly response: Response
}

/** All runs, in the order of the report. */
export const SCENARIOS: readonly Scenario[] = [
  { rotation: 'cut-over', response: 'nobody' },
  { rotation: 'cut-over', response: 'all-at-once' },
  { rotation: 'cut-over', response: 'sluice' },
  { rotation: 'two-users', response: 'all-at-once' },
  { rotation: 'two-users', response: 'sluice' },
  { rotation: 'bad-password', response: 'all-at-once' },
  { rotation: 'bad-password', response: 'sluice' },
]

/** `cut-over.sluice` */
export function nameOf({ rotation, response }: Scenario): string {
  return `${rotation}.${response}`
}

/** What all runs have in common; times in seconds. */
export interface Conditions {
  readonly services: number
  readonly replicas: number
  /** Requests a second, to all services together. */
  readonly rate: number
  readonly maxConnections: number
  /** How long the shop runs undisturbed before the rotation, and after everything is done. */
  readonly before: number
  readonly after: number
  /** How long a run lasts after the rotation where nothing is done about it. */
  readonly neglected: number
  /** How long it may take at most where something is. */
  readonly patience: number
  /** When the mistyped password is corrected, at the earliest: not before Sluice has told of it. */
  readonly correction: number
  /** Settings of Sluice that are not the default. */
  readonly sluiceFlags: readonly string[]
}

/**
 * 48 pods open 3 connections each at start, 144, and under this load have 165 on average and 185 at times. The limit leaves room for rolling
 * updates of a few services at a time, not of all.
 */
export const CONDITIONS: Conditions = {
  services: 12,
  replicas: 4,
  rate: 48,
  maxConnections: 200,
  before: 15,
  after: 10,
  neglected: 150,
  patience: 900,
  correction: 60,
  sluiceFlags: ['--settle=2s'],
}
