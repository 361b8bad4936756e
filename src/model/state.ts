/** What a person sees first. */
export const STATES = [
  /** Every pod is proven to hold today's content. */
  'Fresh',
  /** Nothing is to be restarted, but not every pod is proven to hold today's content. */
  'Unproven',
  'Waiting',
  'Restarting',
  'Held',
  'Failed',
  'Paused',
] as const
export type State = (typeof STATES)[number]
