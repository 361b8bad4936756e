/**
 * The program: arguments in, exit code out.
 */
import { readFileSync } from 'node:fs'
import manifest from '../package.json' with { type: 'json' }
import { runCommandLine } from './command-line.ts'
import { runOperator } from './operator.ts'

process.exitCode = await runCommandLine(process.argv.slice(2), {
  version: manifest.version,
  readFile: (path) => readFileSync(path, 'utf8'),
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  run: (config) => runOperator(config, manifest.version),
})
