/**
 * The log: one JSON object a line, on standard output.
 */
import { pino, type DestinationStream, type Logger } from 'pino'
import type { Config } from '../config/settings.ts'

/** What is printed of an error. */
export interface ErrorDescription {
  readonly name: string
  readonly message: string
  /** The system's word for it, such as ECONNREFUSED. */
  readonly code?: string
  readonly stack?: string
  readonly cause?: ErrorDescription
}

/**
 * A logger that writes each line before the call returns: a line that could get lost when the process is killed is
 * missing exactly when it is needed. A write takes some microseconds, and lines are few.
 */
export function createLogger({
  level,
  destination = pino.destination({ dest: 1, sync: true }),
}: {
  readonly level: Config['logLevel']
  readonly destination?: DestinationStream
}): Logger {
  return pino(
    {
      level,
      // The pod's name is known to whoever collects the log, and its process id is 1.
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // In place of pino's own serializer, which copies every property.
      serializers: { err: describeIfError },
      hooks: {
        // Before pino sees it: pino would take the message of an error for that of the line.
        logMethod([first, ...rest], method) {
          method.apply(this, [describeErrors(first), ...rest] as Parameters<typeof method>)
        },
      },
    },
    destination,
  )
}

/** The fields of a line, with each error (the line's own, or the value of a field) replaced by its description. */
function describeErrors(fields: unknown): unknown {
  if (fields instanceof Error) return { err: describeError(fields) }
  if (typeof fields !== 'object' || fields === null) return fields
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, describeIfError(value)]),
  )
}

function describeIfError(value: unknown): unknown {
  return value instanceof Error ? describeError(value) : value
}

/** How many causes deep an error is described; a chain may be a circle. */
const DEPTH = 5

/**
 * An error without anything but its known fields. Where it carries the answer of an API server, which may be a
 * Secret, the message is left out too: clients like to put the whole answer into it.
 */
export function describeError(error: Error, depth = DEPTH): ErrorDescription {
  const { name, message, stack, cause } = error
  const answered = ['body', 'headers', 'response'].some((field) => field in error)
  const code = 'code' in error ? error.code : undefined
  return {
    name,
    message: answered ? 'an answer of the API server, not shown' : message,
    ...(typeof code === 'string' && { code }),
    ...(stack !== undefined && { stack: answered ? framesOf(stack) : stack }),
    ...(cause instanceof Error && depth > 0 && { cause: describeError(cause, depth - 1) }),
  }
}

function framesOf(stack: string): string {
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n')
}
