/**
 * The command line: words in, one call out. It decides nothing.
 */
import { Command, CommanderError } from 'commander'
import { describeFault, type Fault } from '../model/fault.ts'
import { loadConfig, type ReadFile } from '../config/load.ts'
import { namespaceNames, secretAccess } from '../config/kind.ts'
import { flagOf, settingRows, type Config } from '../config/settings.ts'
import type { RbacOptions } from './rbac.ts'

/** What the commands do, and where their text goes. */
export interface CommandLine {
  readonly version: string
  readonly readFile: ReadFile
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** `sluice run`: settles when the operator has ended; whatever it rejects with is passed on. */
  readonly run: (config: Config) => Promise<void>
  /** `sluice rbac`: resolves to whether nothing differs; whatever it rejects with is passed on. */
  readonly rbac: (config: Config, options: RbacOptions) => Promise<boolean>
}

/** The exit code for a command line or a configuration that must be put right first. */
const FAULTY = 2

/** The exit code for rights that differ from those that are needed. */
const DIFFERENT = 1

/** Runs one command, given by the arguments after the program's name; resolves to the exit code. */
export async function runCommandLine(
  args: readonly string[],
  commandLine: CommandLine,
): Promise<number> {
  try {
    let exitCode = 0
    await buildProgram(commandLine, (code) => (exitCode = code)).parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    // Commander has printed its message already; what it throws after `--help` has code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : FAULTY
    throw error
  }
}

function buildProgram(
  { version, readFile, out, err, run, rbac }: CommandLine,
  exit: (code: number) => void,
): Command {
  const program = new Command('sluice')
    .description('Restarts the workloads that still hold an old Secret, inside a budget.')
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err })

  const runCommand = program
    .command('run')
    .description('run the operator')
    .option('--config <file>', 'A YAML file of the settings below, spelled like quietPeriod.')
  for (const [name, row] of settingRows) {
    // The default is text only: for commander it would be a value, and win over the file.
    runCommand.option(
      `${flagOf(name)} <${row.kind.placeholder}>`,
      `${row.meaning} (default: ${row.default})`,
    )
  }
  runCommand.action(async ({ config, ...flags }: Record<string, string>) => {
    const loaded = loadConfig({ file: config, flags }, readFile)
    if ('faults' in loaded) runCommand.error(loaded.faults.map(describeFault).join('\n'))
    else await run(loaded.config)
  })

  const rbacCommand = program
    .command('rbac')
    .description(
      'print the least Roles for what is opted in now, or compare them with what is granted',
    )
    .option('--config <file>', 'The YAML file that `sluice run` is given.')
    .option(
      `${flagOf('secretAccess')} <${secretAccess.placeholder}>`,
      'How Secrets shall be read (default: as the configuration says)',
    )
    .option(
      `--namespace <${namespaceNames.placeholder}>`,
      'Only what is opted in in these namespaces (default: everywhere)',
    )
    .option('--evict-only', 'Without the right to change a workload.')
    .option('--check', 'Compare with the rights at hand; exit code 1 where they differ.')
  rbacCommand.action(async (options: Partial<Record<string, string | true>>) => {
    const { config, secretAccess: access, namespace, evictOnly, check } = options
    const flags = evictOnly ? { strategy: 'evict-only' } : {}
    const loaded = loadConfig({ file: config as string | undefined, flags }, readFile)
    const [chosen, names] = [
      secretAccess.schema.safeParse(access),
      namespaceNames.schema.safeParse(namespace),
    ]
    const faults = [
      ...('faults' in loaded ? loaded.faults : []),
      ...faultIn(flagOf('secretAccess'), access, chosen),
      ...faultIn('--namespace', namespace, names),
    ]
    if ('faults' in loaded || faults.length > 0) {
      rbacCommand.error(faults.map(describeFault).join('\n'))
    } else {
      const same = await rbac(loaded.config, {
        access: chosen.data,
        namespaces: names.data,
        check: check === true,
      })
      exit(same ? 0 : DIFFERENT)
    }
  })

  program
    .command('version')
    .description('print the version')
    .action(() => out(`${version}\n`))
  return program
}

/** The fault of an option that was given and cannot be read. */
function faultIn(
  where: string,
  given: unknown,
  {
    error,
  }: { readonly error?: { readonly issues: readonly { readonly message: string }[] } | undefined },
): readonly Fault[] {
  if (given === undefined || !error) return []
  return [
    { where, expected: error.issues[0]?.message ?? 'something else', found: JSON.stringify(given) },
  ]
}
