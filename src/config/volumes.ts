/**
 * What a change means for plain volumes.
 */
export const VOLUMES = ['ignore', 'restart', 'live'] as const
export type Volumes = (typeof VOLUMES)[number]
