/**
 * The wire form of an Event, `events.k8s.io/v1`. Pure.
 * Source of the limits: kubernetes/pkg/apis/core/validation/events.go.
 */
import type { SluiceEvent } from './recorder.ts'

/** Who reports: a qualified name. */
const REPORTING_CONTROLLER = 'sluice.dev/sluice'
const LONGEST_INSTANCE = 128
/** Bytes. */
const LONGEST_NOTE = 1024
const LONGEST_NAME = 253

/** The Event as it is created. @param instance the name of the pod that reports */
export function writeEvent(event: SluiceEvent, instance: string): object {
  const { occurrence, at } = event
  const { regarding, related, type, reason, action, note } = occurrence
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { namespace: regarding.namespace, name: eventName(event) },
    eventTime: microTime(at),
    reportingController: REPORTING_CONTROLLER,
    reportingInstance: instance.slice(0, LONGEST_INSTANCE),
    action,
    reason,
    regarding,
    ...(related && { related }),
    note: shortened(note, LONGEST_NOTE),
    type,
  }
}

/** The name of the object and the time, as client-go has it. */
export function eventName({ occurrence, at, serial }: SluiceEvent): string {
  const micros = BigInt(Math.floor(at)) * 1000n + BigInt(serial)
  const suffix = `.${micros.toString(16)}`
  const start = occurrence.regarding.name.slice(0, LONGEST_NAME - suffix.length)
  return start.replace(/[-.]+$/, '') + suffix
}

/** At most so many bytes of UTF-8, with no character cut. */
function shortened(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text
  const ellipsis = '…'
  const room = bytes - Buffer.byteLength(ellipsis)
  const cut = Buffer.from(text).subarray(0, room).toString('utf8').replace(/�$/, '')
  return cut + ellipsis
}

/** As metav1.MicroTime reads it. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z')
}
