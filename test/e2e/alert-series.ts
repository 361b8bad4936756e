/**
 * Time series that an alert is tried with: one sample a minute, in the notation of promtool.
 */
export interface AlertCase {
  readonly alert: string
  readonly series: Readonly<Record<string, string>>
  /** The last minute at which it must not fire yet, and the first one at which it must. */
  readonly calm: string
  readonly fires: string
  /** What a person reads. */
  readonly summary: string
  /** Labels besides alertname and severity. */
  readonly labels: Readonly<Record<string, string>>
  /** Series with which it never fires within three hours. */
  readonly never: readonly Readonly<Record<string, string>>[]
}

const SELF = 'job="sluice",instance="10.0.0.7:8080"'
const WEB = 'namespace="shop",workload_type="deployment",workload="web"'
const DB = 'namespace="shop",source_kind="Secret",source="db"'
const web = { namespace: 'shop', workload_type: 'deployment', workload: 'web' }
/** Nothing but a scrape that answers. */
const healthy = {
  'up{job="sluice",pod="a"}': '1x180',
  'sluice_leader{job="sluice",pod="a"}': '1x180',
}

function held(
  reason: string,
  ...others: readonly string[]
): Pick<AlertCase, 'series' | 'labels' | 'never'> {
  return {
    series: { [`sluice_hold{${WEB},reason="${reason}"}`]: '_x10 1x180' },
    labels: { ...web, reason },
    never: [
      healthy,
      ...others.map((other) => ({ [`sluice_hold{${WEB},reason="${other}"}`]: '1x180' })),
    ],
  }
}

/** So many Secrets that change at minute 10, and as many again that do not. */
function changedSources(count: number): Readonly<Record<string, string>> {
  const series = (name: string) =>
    `sluice_source_changes_total{namespace="shop",source_kind="Secret",source="${name}"}`
  return Object.fromEntries(
    Array.from({ length: count }, (_, n) => n).flatMap((n): [string, string][] => [
      [series(`s${n}`), '0x9 1x180'],
      [series(`calm${n}`), '0x180'],
    ]),
  )
}

export const ALERT_CASES: readonly AlertCase[] = [
  {
    alert: 'SluiceStaleTooLong',
    summary: 'deployment shop/web has held old content of a Secret for 1h 6m 0s.',
    // Stale since minute 10: over an hour from 70 on, and that for five minutes.
    series: { [`sluice_stale_since_timestamp_seconds{${WEB}}`]: '_x10 600x180' },
    calm: '75m',
    fires: '76m',
    labels: web,
    // Fresh again just before the hour has passed; stale again and again with ever newer content.
    never: [
      healthy,
      { [`sluice_stale_since_timestamp_seconds{${WEB}}`]: '0x59 stale' },
      { [`sluice_stale_since_timestamp_seconds{${WEB}}`]: '0+60x180' },
    ],
  },
  {
    alert: 'SluiceOldContentInUse',
    summary: '2 running pods may still hold old content of Secret shop/db.',
    series: { [`sluice_old_content_pods{${DB}}`]: '_x10 2x180' },
    calm: '69m',
    fires: '70m',
    labels: { namespace: 'shop', source_kind: 'Secret', source: 'db' },
    // The last holder went just before the hour had passed.
    never: [healthy, { [`sluice_old_content_pods{${DB}}`]: '2x59 0x120' }],
  },
  {
    alert: 'SluiceGroupHalted',
    summary: 'Restarts of the group Secret shop/db are halted.',
    series: { 'sluice_group_halted{group="Secret shop/db"}': '0x9 1x180' },
    calm: '10m',
    fires: '11m',
    labels: { group: 'Secret shop/db' },
    never: [healthy, { 'sluice_group_halted{group="Secret shop/db"}': '0x180' }],
  },
  {
    alert: 'SluiceRestartFailed',
    summary: 'The restart of deployment shop/web failed (RestartFailed).',
    ...held('RestartFailed', 'GroupHalted', 'PodDisruptionBudget', 'QuietPeriod'),
    calm: '10m',
    fires: '11m',
  },
  {
    alert: 'SluiceRestartFailed',
    summary: 'The restart of deployment shop/web failed (CannotStart).',
    ...held('CannotStart', 'GroupHalted'),
    calm: '10m',
    fires: '11m',
  },
  {
    alert: 'SluiceRestartFailed',
    summary: 'The restart of deployment shop/web failed (RolloutUndone).',
    ...held('RolloutUndone', 'GroupHalted'),
    calm: '10m',
    fires: '11m',
  },
  {
    alert: 'SluiceDown',
    summary: 'No Sluice answers.',
    series: { 'up{job="sluice",pod="a"}': '1x9 0x180', 'up{job="sluice",pod="b"}': '1x9 0x180' },
    calm: '14m',
    fires: '15m',
    labels: {},
    // One of two is enough.
    never: [healthy, { 'up{job="sluice",pod="a"}': '1x180', 'up{job="sluice",pod="b"}': '0x180' }],
  },
  {
    alert: 'SluiceDown',
    summary: 'No Sluice answers.',
    series: {},
    calm: '4m',
    fires: '5m',
    labels: {},
    never: [],
  },
  {
    alert: 'SluiceNotLeading',
    summary: 'Sluice runs, but none of its processes leads.',
    series: {
      'sluice_leader{job="sluice",pod="a"}': '1x9 0x180',
      'sluice_leader{job="sluice",pod="b"}': '0x180',
    },
    calm: '11m',
    fires: '12m',
    labels: { job: 'sluice' },
    // A standby beside a leader; a takeover of a minute.
    never: [
      {
        'sluice_leader{job="sluice",pod="a"}': '1x180',
        'sluice_leader{job="sluice",pod="b"}': '0x180',
      },
      { 'sluice_leader{job="sluice",pod="a"}': '1x9 0x1 1x100' },
    ],
  },
  {
    alert: 'SluiceWatchStalled',
    summary: 'The watch of pods in Sluice (a) fails or is silent.',
    series: {
      'sluice_watch_blind{pod="a",resource="pods"}': '0x10 1x180',
      'sluice_watch_blind{pod="a",resource="secrets"}': '0x180',
    },
    calm: '12m',
    fires: '13m',
    labels: { pod: 'a', resource: 'pods' },
    never: [{ 'sluice_watch_blind{pod="a",resource="pods"}': '0x180' }],
  },
  {
    alert: 'SluiceSourceMissing',
    summary:
      'deployment shop/web needs a Secret, or a key of one, that is missing or cannot be read (SourceMissing).',
    ...held('SourceMissing', 'RestartFailed', 'Paused'),
    calm: '14m',
    fires: '15m',
  },
  {
    alert: 'SluiceSourceMissing',
    summary:
      'deployment shop/web needs a Secret, or a key of one, that is missing or cannot be read (SourceUnreadable).',
    ...held('SourceUnreadable'),
    calm: '14m',
    fires: '15m',
  },
  {
    alert: 'SluiceSourceMissing',
    summary:
      'deployment shop/web needs a Secret, or a key of one, that is missing or cannot be read (KeyMissing).',
    ...held('KeyMissing'),
    calm: '14m',
    fires: '15m',
  },
  {
    alert: 'SluiceSourceMissing',
    summary:
      'deployment shop/web needs a Secret, or a key of one, that is missing or cannot be read (ValueEmpty).',
    ...held('ValueEmpty'),
    calm: '14m',
    fires: '15m',
  },
  {
    alert: 'SluiceInvalidAnnotation',
    summary: 'A sluice.dev annotation that concerns deployment shop/web cannot be read.',
    ...held('InvalidSetting', 'Paused'),
    labels: web,
    calm: '14m',
    fires: '15m',
  },
  {
    alert: 'SluiceInvalidAnnotation',
    summary: 'A sluice.dev annotation that concerns deployment shop/web cannot be read.',
    series: { [`sluice_invalid_settings{${WEB}}`]: '_x10 2x180' },
    calm: '14m',
    fires: '15m',
    labels: web,
    never: [healthy],
  },
  {
    alert: 'SluiceMalformedConsumer',
    summary: 'The Consumer of deployment shop/web cannot be read.',
    ...held('MalformedConsumer', 'InvalidSetting'),
    labels: web,
    calm: '14m',
    fires: '15m',
  },
  {
    alert: 'SluiceSourceFlapping',
    summary: 'Secret shop/db changed 6 times within an hour.',
    // A change every ten minutes, seen by two Sluices in turn: the sixth increase within an hour is at minute 60.
    series: {
      'sluice_source_changes_total{namespace="shop",source_kind="Secret",source="db",pod="a"}':
        '0x9 1x9 2x9 3x9 3x120',
      'sluice_source_changes_total{namespace="shop",source_kind="Secret",source="db",pod="b"}':
        '0x39 1x9 2x9 3x120',
      'sluice_source_changes_total{namespace="shop",source_kind="Secret",source="mail",pod="a"}':
        '0x180',
    },
    calm: '64m',
    fires: '65m',
    labels: { namespace: 'shop', source_kind: 'Secret', source: 'db' },
    // Five changes at once; one every quarter of an hour; a Sluice that starts to count again.
    never: [
      healthy,
      {
        'sluice_source_changes_total{namespace="shop",source_kind="Secret",source="db"}':
          '0x9 5x180',
      },
      {
        'sluice_source_changes_total{namespace="shop",source_kind="Secret",source="db"}':
          '0x14 1x14 2x14 3x14 4x120',
      },
      {
        'sluice_source_changes_total{namespace="shop",source_kind="Secret",source="db"}':
          '0x9 4x9 0x180',
      },
    ],
  },
  {
    alert: 'SluiceMassChange',
    summary: '21 Secrets changed within 10 minutes.',
    series: changedSources(21),
    calm: '10m',
    fires: '11m',
    labels: {},
    never: [healthy, changedSources(20)],
  },
  {
    alert: 'SluiceVolumesUnverified',
    summary:
      '3 pods of deployment shop/web mount files of a Secret that changed after they started.',
    series: { [`sluice_unverified_pods{${WEB}}`]: '_x10 3x180' },
    calm: '69m',
    fires: '70m',
    labels: web,
    never: [healthy, { [`sluice_unverified_pods{${WEB}}`]: '3x59 stale' }],
  },
  {
    alert: 'SluiceMemoryNearLimit',
    summary: 'Sluice in 10.0.0.7:8080 uses 93.75% of its memory limit.',
    series: {
      [`process_resident_memory_bytes{${SELF}}`]: '240x30',
      [`sluice_memory_limit_bytes{${SELF}}`]: '256x30',
    },
    calm: '4m',
    fires: '5m',
    labels: { instance: '10.0.0.7:8080', job: 'sluice' },
    never: [
      // Another process of the cluster; one without a limit.
      { 'process_resident_memory_bytes{job="web",instance="10.0.0.8:80"}': '999x30' },
      {
        [`process_resident_memory_bytes{${SELF}}`]: '230x30',
        [`sluice_memory_limit_bytes{${SELF}}`]: '256x30',
      },
    ],
  },
]
