/**
 * Reads the configuration: defaults, then the file, then the flags; the later one wins. All faults are reported at once.
 */
import { parse as parseYaml } from 'yaml'
import * as z from 'zod'
import { formatDuration } from './duration.ts'
import type { Fault } from '../model/fault.ts'
import { nearest } from '../model/nearest.ts'
import { flagOf, settingRows, settings, type Config, type SettingName } from './settings.ts'

/** What the command line says. */
export interface ConfigSources {
  /** The path of the YAML file. */
  readonly file?: string | undefined
  /** The text of each flag that was given, under the name of its setting. */
  readonly flags: Readonly<Partial<Record<SettingName, string>>>
}

/** Returns the text of a file; throws like `fs.readFileSync`. */
export type ReadFile = (path: string) => string

/** Settings as they were written, and what to call the place where one stands. */
interface Layer {
  readonly values: Readonly<Record<string, unknown>>
  readonly where: (name: string) => string
}

/** Each setting by itself; an unknown one is an issue. */
const each = z.strictObject(
  Object.fromEntries(
    settingRows.map(([name, row]) => [name, row.kind.schema.prefault(row.default)]),
  ),
)

/** The settings together. A rule is left out where one of its two settings has a fault of its own. */
const together = settingRows.reduce(
  (schema, [name, { atLeast }]) =>
    atLeast === undefined
      ? schema
      : schema.refine((config) => milliseconds(config, name) >= milliseconds(config, atLeast), {
          path: [name],
          error: ({ input }) =>
            `at least ${atLeast}, which is ${formatDuration(milliseconds(input, atLeast))}`,
          when: ({ issues }) =>
            !issues.some(({ path }) => path?.[0] === name || path?.[0] === atLeast),
        }),
  each,
)

function milliseconds(config: unknown, name: string): number {
  return Number((config as Record<string, unknown>)[name])
}

/** Reads all sources of the configuration, or tells everything that is wrong with them. */
export function loadConfig(
  sources: ConfigSources,
  readFile: ReadFile,
): { readonly config: Config } | { readonly faults: readonly Fault[] } {
  const { layers, faults } = readLayers(sources, readFile)

  // Each layer by itself, so that a fault shows even where a later layer wins; then what came out of all.
  const merged = together.safeParse(Object.assign({}, ...layers.map(({ values }) => values)))
  faults.push(...layers.flatMap((layer) => faultsOf(each.safeParse(layer.values), [layer])))
  const known = new Set(faults.map(({ where }) => where))
  faults.push(...faultsOf(merged, layers).filter(({ where }) => !known.has(where)))

  // Schema and type come from the same table.
  if (merged.success && faults.length === 0) return { config: merged.data as Config }
  return { faults }
}

function readLayers(
  { file, flags }: ConfigSources,
  readFile: ReadFile,
): { layers: readonly Layer[]; faults: Fault[] } {
  const layers: Layer[] = []
  const faults: Fault[] = []

  for (const [name, { defaultFile }] of settingRows) {
    if (defaultFile === undefined) continue
    try {
      layers.push({ values: { [name]: readFile(defaultFile).trim() }, where: () => defaultFile })
    } catch (error) {
      if (!isNoSuchFile(error)) faults.push(unreadable(defaultFile, error))
    }
  }

  if (file !== undefined) {
    try {
      const values: unknown = parseYaml(readFile(file)) ?? {}
      if (isMapping(values)) layers.push({ values, where: (name) => `${file}: ${name}` })
      else faults.push({ where: file, expected: 'a mapping of settings', found: show(values) })
    } catch (error) {
      faults.push(unreadable(file, error))
    }
  }

  layers.push({ values: flags, where: (name) => flagOf(name as SettingName) })
  return { layers, faults }
}

/** The issues of a parse as faults; the last of the layers that has a setting is the one to blame. */
function faultsOf(result: z.ZodSafeParseResult<unknown>, layers: readonly Layer[]): Fault[] {
  if (result.success) return []
  return result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => unknownSetting(key, layers))
      : [wrongValue(String(issue.path[0]), issue.message, layers)],
  )
}

function wrongValue(name: string, expected: string, layers: readonly Layer[]): Fault {
  const layer = layers.findLast(({ values }) => Object.hasOwn(values, name))
  if (layer !== undefined) {
    return { where: layer.where(name), expected, found: show(layer.values[name]) }
  }
  const found = settings[name as SettingName].default
  return { where: `${name}, by default`, expected, found: show(found) }
}

function unknownSetting(key: string, layers: readonly Layer[]): Fault {
  const meant = nearest(
    key,
    settingRows.map(([name]) => name),
  )
  return {
    where: layers.findLast(({ values }) => Object.hasOwn(values, key))?.where(key) ?? key,
    expected:
      meant === undefined ? 'the name of a setting' : `the name of a setting, perhaps ${meant}`,
    found: show(key),
  }
}

function unreadable(file: string, error: unknown): Fault {
  // Only the first line: YAML errors go on with an excerpt of the file.
  const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  return { where: file, expected: 'a readable file of valid content', found: reason }
}

function isNoSuchFile(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function show(value: unknown): string {
  const text = JSON.stringify(value)
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`
}
