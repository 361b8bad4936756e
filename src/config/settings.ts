/**
 * Every setting of Sluice: the one table behind the configuration file, the flags, the help text and the documentation.
 *
 * Only what has an effect stands here: a setting that is accepted and does nothing would be a lie.
 */
import type * as z from 'zod'
import {
  directory,
  duration,
  limit,
  listenAddress,
  namespaceName,
  numberOrNone,
  oneOf,
  positiveNumber,
  secretAccess,
  secretSelector,
  sources,
  upToAnHour,
  yesOrNo,
  type Kind,
} from './kind.ts'
import { VOLUME_MODES } from './volumes.ts'

/** One row of the table. */
export interface Setting {
  readonly kind: Kind<unknown>
  /** As a person would write it. */
  readonly default: string
  /** A file that, where it exists, holds the default instead. */
  readonly defaultFile?: string
  /** Another setting, a duration like this one, that may not be greater. */
  readonly atLeast?: string
  /** What it means, in one sentence. */
  readonly meaning: string
}

/**
 * Helm keeps each release in a Secret, which no pod uses and which may have a MiB.
 * Source: helm.sh/helm/v4/pkg/storage/driver/secrets.go.
 */
const NOT_OF_HELM = 'type!=helm.sh/release.v1'

/** The table, in the order in which people read it. */
export const settings = {
  mode: {
    kind: oneOf('act', 'observe'),
    default: 'act',
    meaning:
      'Whether Sluice restarts workloads, or writes nothing at all and only shows what it would do.',
  },
  sources: {
    kind: sources,
    default: 'secrets,configmaps',
    meaning:
      'Changes of which objects Sluice watches; what is not named here needs no right, and restarts nothing.',
  },
  quietPeriod: {
    kind: duration,
    default: '5s',
    meaning:
      'How long a source must stay unchanged before restarts for it start, so that two Secrets changed together cost one restart. New changes draw it out to twelve times as long at most.',
  },
  minRestartInterval: {
    kind: duration,
    default: '5m',
    meaning: 'The least time between two restarts of one workload.',
  },
  settle: {
    kind: upToAnHour,
    default: '5s',
    meaning:
      'How long a new pod must stay Available, without a restart of a container, before the next pod is replaced.',
  },
  waitForTermination: {
    kind: yesOrNo,
    default: 'true',
    meaning:
      'Whether a replaced pod counts as unavailable until it is gone, at most for its grace period; `false` lets slow drains overlap.',
  },
  margin: {
    kind: duration,
    default: '2s',
    meaning:
      'How much later than a change a pod must have been created to count as holding the new content beyond doubt.',
  },
  nodeMargin: {
    kind: duration,
    default: '60s',
    atLeast: 'margin',
    meaning: 'The same for times that were taken from the clock of a node.',
  },
  maxConcurrentRestarts: {
    kind: positiveNumber,
    default: '1',
    meaning: 'How many workloads Sluice restarts at once in the whole cluster.',
  },
  maxConcurrentPerGroup: {
    kind: positiveNumber,
    default: '1',
    meaning:
      'How many workloads of one group it restarts at once; workloads that use the same changed source are a group.',
  },
  maxStartingPods: {
    kind: numberOrNone,
    default: 'none',
    meaning:
      'How many pods of one group may be starting at once, whatever started them, before Sluice replaces another.',
  },
  urgentMaxUnavailable: {
    kind: limit,
    default: '25%',
    meaning:
      'What maxUnavailable is for an urgent Secret, where it is more and the workload does not say itself.',
  },
  urgentMaxConcurrentRestarts: {
    kind: positiveNumber,
    default: '4',
    meaning:
      'How many workloads at once an urgent Secret may bring it to, in the cluster and in a group.',
  },
  urgentReach: {
    kind: oneOf('cluster', 'namespace'),
    default: 'cluster',
    meaning:
      'How far an urgent Secret goes first: before everything, inside the wider limits for urgent ones, or before the rest of its own namespace alone, where those who may annotate Secrets do not trust each other.',
  },
  failureWindow: {
    kind: duration,
    default: '30m',
    meaning:
      'Within which time two failed restarts stop new ones: those of one namespace there, those of two namespaces everywhere.',
  },
  failureCooldown: {
    kind: duration,
    default: '10m',
    meaning:
      'How long nothing new starts then, until one restart is tried; twice as long after each try that fails, up to an hour.',
  },
  maxUnavailable: {
    kind: limit,
    default: '1',
    meaning:
      'How many pods of one workload Sluice may have away at once; a percentage is one of its replicas, rounded down, at least 1.',
  },
  volumes: {
    kind: oneOf(...VOLUME_MODES),
    default: 'ignore',
    meaning:
      'What a change means for workloads that mount the source as a plain volume, whose files the kubelet updates by itself: `restart` restarts them; `live` says that their processes read the files again, which counts two minutes after the change; `ignore` does and says nothing.',
  },
  strategy: {
    kind: oneOf('auto', 'evict', 'rollout', 'evict-only'),
    default: 'auto',
    meaning:
      'How a workload is restarted: pod by pod through evictions, by one rollout, or whichever of the two suits it; `evict-only` leaves it no choice, and needs no right to change a workload.',
  },
  managedNamespaces: {
    kind: oneOf('all', 'required'),
    default: 'all',
    meaning:
      'Where pods may be evicted: in all namespaces, or, with `required`, only in those with the label sluice.dev/managed=true.',
  },
  namespace: {
    kind: namespaceName,
    default: 'sluice-system',
    defaultFile: '/var/run/secrets/kubernetes.io/serviceaccount/namespace',
    meaning:
      'The namespace in which Sluice keeps its own objects; in a pod, that of the pod unless it is named here.',
  },
  secretAccess: {
    kind: secretAccess,
    default: 'cluster',
    meaning:
      'Which Secrets Sluice reads: all (`cluster`), each that an opted-in workload uses by its name (`named`), or those of the Namespaces that are named, separated by commas.',
  },
  secretSelector: {
    kind: secretSelector,
    default: NOT_OF_HELM,
    meaning:
      'Which Secrets the API server sends, as a field selector; a Secret that is left out counts as missing. By default Helm releases are, which no pod uses; `none` leaves out nothing. Secrets read by name are not affected.',
  },
  leaderElection: {
    kind: oneOf('on', 'off'),
    default: 'on',
    meaning:
      'Whether a Lease decides which of several Sluices acts; `off` only where there is never more than one. Mode observe needs none.',
  },
  listen: {
    kind: listenAddress,
    default: ':8080',
    meaning: 'Where metrics, health checks and the status are served over HTTP.',
  },
  endpointAccess: {
    kind: oneOf('open', 'token'),
    default: 'open',
    meaning:
      'Who may read metrics and the status: everybody, or requests with a bearer token of an account that may `get` /metrics or /status.',
  },
  tlsDirectory: {
    kind: directory,
    default: 'none',
    meaning:
      'Where tls.crt and tls.key are, to serve HTTPS instead; they are read again when they change.',
  },
  logLevel: {
    kind: oneOf('debug', 'info', 'warn', 'error'),
    default: 'info',
    meaning: 'The least important log lines that are still written.',
  },
  writeRate: {
    kind: positiveNumber,
    default: '20',
    meaning: 'How many writes Sluice sends to the API server in one second at most.',
  },
} satisfies Record<string, Setting>

/** The name of a setting, as the file spells it. */
export type SettingName = keyof typeof settings

/** All settings, read and checked. Durations are milliseconds. */
export type Config = Readonly<{
  [Name in SettingName]: z.output<(typeof settings)[Name]['kind']['schema']>
}>

/** The table as rows. */
export const settingRows = Object.entries(settings) as readonly [SettingName, Setting][]

/** `quietPeriod` as a flag: `--quiet-period`. */
export function flagOf(name: SettingName): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}
