/**
 * Runs every check and every test, lists the slowest files, and closes with one line that counts them.
 *
 * A check that fails counts as one failed test, so that the line never looks better than what was found. Arguments
 * are passed on to vitest as filters of test files.
 */
import { spawnSync } from 'node:child_process'
import { startVitest, type Vitest } from 'vitest/node'

/** The nodes of the test cluster, which are a program of their own. */
const NODES = 'testbed/nodes'
/** What keeps a real node; it is for Linux alone. */
const KEEPER = 'testbed/real-node/keeper'

/** Names as in node_modules/.bin, which make puts first on PATH. */
const CHECKS: readonly { readonly command: readonly string[]; readonly cwd?: string }[] = [
  { command: ['eslint', '.'] },
  { command: ['prettier', '--check', '--log-level', 'warn', '.'] },
  { command: ['tsc'] },
  // Who may use whom, and what nobody uses.
  { command: ['depcruise', 'src', '--config', '.dependency-cruiser.js'] },
  { command: ['knip'] },
  { command: ['go', 'vet', './...'], cwd: NODES },
  { command: ['go', 'test', './...'], cwd: NODES },
  ...(process.platform === 'linux'
    ? [
        { command: ['go', 'vet', './...'], cwd: KEEPER },
        { command: ['go', 'test', './...'], cwd: KEEPER },
      ]
    : []),
]

/** How many of the slowest files are listed. */
const MOST_LISTED = 10

interface Counts {
  passed: number
  failed: number
  skipped: number
}

const failedChecks = CHECKS.filter(({ command: [program = '', ...args], cwd }) => {
  console.log(`> ${[program, ...args].join(' ')}`)
  const { status, error } = spawnSync(program, args, { stdio: 'inherit', ...(cwd && { cwd }) })
  if (error) console.error(error.message)
  return status !== 0
})

const counts = await runTests(process.argv.slice(2))
counts.failed += failedChecks.length

for (const { command } of failedChecks) console.log(`failed: ${command.join(' ')}`)
const { passed, failed, skipped } = counts
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = failed > 0 ? 1 : 0

async function runTests(filters: string[]): Promise<Counts> {
  const vitest = await startVitest(filters, { watch: false })
  const counts = count(vitest)
  for (const line of slowest(vitest)) console.log(line)
  await vitest.close()
  // Vitest sets it for whatever else makes a run a failure, such as no test at all.
  if (counts.failed === 0 && (process.exitCode ?? 0) !== 0) counts.failed = 1
  return counts
}

/** The files that took longest, so that growth is seen. */
function slowest(vitest: Vitest): readonly string[] {
  const files = vitest.state.getTestModules().map((module) => ({
    name: `${module.relativeModuleId} (${module.project.name})`,
    seconds: module.diagnostic().duration / 1000,
  }))
  return files
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, MOST_LISTED)
    .map(({ name, seconds }) => `${seconds.toFixed(0).padStart(5)} s  ${name}`)
}

function count(vitest: Vitest): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const module of vitest.state.getTestModules()) {
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      // A test that never came to an end has not passed.
      counts[state === 'pending' ? 'failed' : state]++
    }
    // Errors outside of tests: a file that does not load, a hook that throws.
    counts.failed += module.errors().length
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length
  }
  counts.failed += vitest.state.getUnhandledErrors().length
  return counts
}
