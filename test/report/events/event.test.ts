import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { eventName, writeEvent } from '../../../src/report/events/event.ts'
import type { Occurrence } from '../../../src/report/events/occurrence.ts'
import type { SluiceEvent } from '../../../src/report/events/recorder.ts'
import { at } from '../../plan/cluster-builder.ts'

const web = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'web', uid: 'u' }
const db = { apiVersion: 'v1', kind: 'Secret', namespace: 'shop', name: 'db', uid: 'v' }

function event(change: Partial<Occurrence> = {}, rest: Partial<SluiceEvent> = {}): SluiceEvent {
  const occurrence: Occurrence = {
    regarding: web,
    related: db,
    type: 'Warning',
    reason: 'RestartHeld',
    action: 'Restart',
    about: 'Paused',
    note: 'Paused: …',
    ...change,
  }
  return { occurrence, at: at(0), serial: 0, ...rest }
}

test('an Event as the API server takes it', () => {
  expect(writeEvent(event(), 'sluice-1')).toEqual({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { namespace: 'shop', name: 'web.64bf535af1000' },
    eventTime: '2026-03-01T12:00:00.000000Z',
    reportingController: 'sluice.dev/sluice',
    reportingInstance: 'sluice-1',
    action: 'Restart',
    reason: 'RestartHeld',
    regarding: web,
    related: db,
    note: 'Paused: …',
    type: 'Warning',
  })
})

test('a note of any text is cut to what the API server takes, between two characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 1500, size: 'max' }), (note) => {
      const { note: written } = writeEvent(event({ note }), 'sluice-1') as { note: string }
      expect(Buffer.byteLength(written)).toBeLessThanOrEqual(1024)
      if (Buffer.byteLength(note) <= 1024) expect(written).toBe(note)
      else expect(note.startsWith(written.replace(/…$/, ''))).toBe(true)
    }),
  )
})

test('names are valid, and differ within a millisecond', () => {
  const long = { ...web, name: `${'a'.repeat(238)}.${'b'.repeat(14)}` }
  const name = eventName(event({ regarding: long }))
  expect(name.length).toBeLessThanOrEqual(253)
  expect(name).toMatch(/^a{238}\.[0-9a-f]+$/)
  expect(eventName(event({}, { serial: 1 }))).not.toBe(eventName(event()))
  expect(writeEvent(event(), 'x'.repeat(200))).toHaveProperty('reportingInstance', 'x'.repeat(128))
})
