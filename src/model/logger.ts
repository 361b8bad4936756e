/** A line of the log: its fields and its message, or the message alone. */
type LogLine = {
  (fields: object, message?: string): void
  (message: string): void
}

/** Where rooms write their log lines to; the log itself is set up in `report/log.ts`. */
export interface Logger {
  readonly debug: LogLine
  readonly info: LogLine
  readonly warn: LogLine
  readonly error: LogLine
  /** Whether lines of this level are written, where making one costs something. */
  readonly isLevelEnabled: (level: 'debug') => boolean
}
