/**
 * What a change means for plain volumes.
 */
export const VOLUME_MODES = ['ignore', 'restart', 'live'] as const
export type Volumes = (typeof VOLUME_MODES)[number]
