/**
 * The program: arguments in, exit code out.
 */
import { readFileSync } from 'node:fs'
import manifest from '../package.json' with { type: 'json' }
import { runCommandLine } from './cli/command-line.ts'
import { runOperator } from './operator.ts'
import { runRbac } from './cli/rbac.ts'

const out = (text: string) => process.stdout.write(text)
const err = (text: string) => process.stderr.write(text)

try {
  process.exitCode = await runCommandLine(process.argv.slice(2), {
    version: manifest.version,
    readFile: (path) => readFileSync(path, 'utf8'),
    out,
    err,
    run: (config) => runOperator(config, manifest.version),
    rbac: (config, options) => runRbac(config, options, out),
  })
} catch (error) {
  // What ends the program is told in a line; its cause, where it has one, tells more.
  if (!(error instanceof Error)) throw error
  err(`sluice: ${error.message}${error.cause instanceof Error ? `: ${error.cause.message}` : ''}\n`)
  process.exit(1)
}
