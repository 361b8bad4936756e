/**
 * The kinds of values a setting can have: how its text is read, and what to say where it cannot be.
 */
import * as z from 'zod'
import { LIMIT_FORM, parseLimit, type Limit } from './limit.ts'
import { DURATION_FORM, parseDuration } from './duration.ts'
import { LISTEN_FORM, parseListenAddress, type ListenAddress } from './listen-address.ts'
import type { KindOfSource } from '../model/refs.ts'
import type { SecretAccess } from './secret-access.ts'

/** One kind of value. */
export interface Kind<T> {
  /** Stands for the value in the help text: `--quiet-period <duration>`. */
  readonly placeholder: string
  /** Reads the text of a flag, or a string or number of the file; its only message is what was expected. */
  readonly schema: z.ZodType<T, string | number | boolean>
}

function kind<T>(
  placeholder: string,
  expected: string,
  parse: (text: string) => T | undefined,
): Kind<T> {
  const schema = z
    .union([z.string(), z.number(), z.boolean()], expected)
    .transform((raw, context) => {
      const value = parse(String(raw))
      if (value !== undefined) return value
      context.addIssue(expected)
      return z.NEVER
    })
  return { placeholder, schema }
}

/** A length of time, in milliseconds. */
export const duration: Kind<number> = kind('duration', DURATION_FORM, parseDuration)

/** The longest that a workload may ask to be waited for (ms): meanwhile it keeps others from their turn. */
const LONGEST_WAIT = 3_600_000

/** How long others may have to wait for a replacement, in milliseconds. */
export const upToAnHour: Kind<number> = kind(
  'duration',
  'a duration such as 5s or 1m30s, at most 1h',
  (text) => {
    const value = parseDuration(text)
    return value !== undefined && value <= LONGEST_WAIT ? value : undefined
  },
)

/** A number of pods, or a share of a workload's replicas. */
export const limit: Kind<Limit> = kind('limit', LIMIT_FORM, parseLimit)

/** Where to listen. */
export const listenAddress: Kind<ListenAddress> = kind('address', LISTEN_FORM, parseListenAddress)

function isNamespaceName(text: string): boolean {
  return /^[a-z\d](?:[-a-z\d]{0,61}[a-z\d])?$/.test(text)
}

/** The name of a Namespace. */
export const namespaceName: Kind<string> = kind(
  'name',
  'the name of a Namespace: up to 63 lower-case letters, digits and hyphens',
  (text) => (isNamespaceName(text) ? text : undefined),
)

function parseNamespaceNames(text: string): readonly string[] | undefined {
  const names = text.split(',').map((name) => name.trim())
  return names.every(isNamespaceName) ? [...new Set(names)].sort() : undefined
}

/** Names of Namespaces, once each and in order. */
export const namespaceNames: Kind<readonly string[]> = kind(
  'names',
  'names of Namespaces, separated by commas',
  parseNamespaceNames,
)

/** How far Secrets are read. Its two words are no names in a list: nobody who writes them there means a Namespace. */
export const secretAccess: Kind<SecretAccess> = kind(
  'cluster|named|names',
  'cluster, named, or names of Namespaces, separated by commas',
  (text) => {
    if (text === 'cluster' || text === 'named') return text
    const names = parseNamespaceNames(text)
    return names?.includes('cluster') || names?.includes('named') ? undefined : names
  },
)

/**
 * A field selector of Secrets, '' for all. `namespace` is `secretAccess`'s to say.
 * Source: kubernetes/pkg/registry/core/secret/strategy.go, SelectableFields.
 */
export const secretSelector: Kind<string> = kind(
  'selector|none',
  'a field selector of type or metadata.name such as type!=example.com/archive, several separated by commas, or none',
  (text) => {
    if (text === 'none') return ''
    const readable = text
      .split(',')
      .every((term) => /^(?:type|metadata\.name)(?:==?|!=)[^\s,=!\\]+$/.test(term))
    return readable ? text : undefined
  },
)

/** The path of a directory, or null. Whether it exists shows when it is read. */
export const directory: Kind<string | null> = kind(
  'directory|none',
  'the path of a directory from the root, or none',
  (text) => (text === 'none' ? null : text.startsWith('/') ? text : undefined),
)

/** A whole number of at least 1. */
export const positiveNumber: Kind<number> = kind(
  'number',
  'a whole number of at least 1',
  (text) => (/^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined),
)

/** The name of a group of restarts. */
export const groupName: Kind<string> = kind(
  'name',
  'a name: up to 63 lower-case letters, digits and hyphens',
  (text) => (/^[a-z\d](?:[-a-z\d]{0,61}[a-z\d])?$/.test(text) ? text : undefined),
)

/** A whole number of at least 1, or none. */
export const numberOrNone: Kind<number> = kind(
  'number|none',
  'a whole number of at least 1, or none',
  (text) => (text === 'none' ? Infinity : /^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined),
)

/** A whole number, negative ones included. */
export const wholeNumber: Kind<number> = kind(
  'number',
  'a whole number from -1000000 to 1000000',
  (text) =>
    /^(?:0|-?[1-9]\d{0,6})$/.test(text) && Math.abs(Number(text)) <= 1_000_000
      ? Number(text)
      : undefined,
)

const SOURCES: Readonly<Record<string, KindOfSource>> = {
  secrets: 'Secret',
  configmaps: 'ConfigMap',
}

/** Which kinds of sources are watched. */
export const sources: Kind<ReadonlySet<KindOfSource>> = kind(
  'secrets|configmaps',
  'secrets, configmaps, or both separated by a comma',
  (text) => {
    const kinds = text.split(',').map((name) => SOURCES[name.trim()])
    return kinds.includes(undefined)
      ? undefined
      : new Set(kinds.filter((each) => each !== undefined))
  },
)

/** Changes of which kinds of sources restart a workload: of those that are `watched`, all for "true" and none for "false". */
export function restartOnChange(
  watched: ReadonlySet<KindOfSource>,
): Kind<ReadonlySet<KindOfSource>> {
  const names = Object.entries(SOURCES).filter(([, each]) => watched.has(each))
  const missing = Object.entries(SOURCES).filter(([, each]) => !watched.has(each))
  const expected = `"true", ${names.map(([name]) => `"${name}"`).join(', ')} or "false"`
  const why = missing.map(([, each]) => ` (the installation does not watch ${each}s)`).join('')
  return kind('boolean|secrets|configmaps', expected + why, (text) => {
    if (text === 'true') return watched
    if (text === 'false') return new Set()
    const own = names.find(([name]) => name === text)
    return own && new Set([own[1]])
  })
}

/** "true" or "false": annotations have no other way to say yes or no. */
export const yesOrNo: Kind<boolean> = kind('boolean', '"true" or "false"', (text) =>
  text === 'true' ? true : text === 'false' ? false : undefined,
)

/**
 * Sources (`secret/db`) and keys (`secret/db/password`) to leave out. A name that nobody uses leaves nothing out. A text
 * that is not of this form is a fault: it was meant otherwise.
 */
export const ignored: Kind<ReadonlySet<string>> = kind(
  'names',
  'names like secret/db, secret/db/password or configmap/app, separated by commas',
  (text) => {
    const names = text
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
    const readable = names.every((name) =>
      /^(?:secret|configmap)\/[a-z\d][-.a-z\d]*(?:\/[-._a-zA-Z\d]+)?$/.test(name),
    )
    return readable ? new Set(names) : undefined
  },
)

/** One of a few words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): Kind<Word> {
  return kind(words.join('|'), `one of ${words.join(', ')}`, (text) =>
    words.find((word) => word === text),
  )
}
