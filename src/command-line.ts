/**
 * The command line: words in, one call out. It decides nothing.
 */
import { Command, CommanderError } from 'commander'
import { describeFault } from './config/fault.ts'
import { loadConfig, type ReadFile } from './config/load.ts'
import { flagOf, settingRows, type Config } from './config/settings.ts'

/** What the commands do, and where their text goes. */
export interface CommandLine {
  readonly version: string
  readonly readFile: ReadFile
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** `sluice run`: settles when the operator has ended; whatever it rejects with is passed on. */
  readonly run: (config: Config) => Promise<void>
}

/** The exit code for a command line or a configuration that must be put right first. */
const FAULTY = 2

/** Runs one command, given by the arguments after the program's name; resolves to the exit code. */
export async function runCommandLine(
  args: readonly string[],
  commandLine: CommandLine,
): Promise<number> {
  try {
    await buildProgram(commandLine).parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    // Commander has printed its message already; what it throws after `--help` has code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : FAULTY
    throw error
  }
}

function buildProgram({ version, readFile, out, err, run }: CommandLine): Command {
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

  program
    .command('version')
    .description('print the version')
    .action(() => out(`${version}\n`))
  return program
}
