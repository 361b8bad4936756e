/**
 * The house: which room of src/ may use which (docs/architecture.md).
 *
 * Each room stands on those below it, never the other way round, type imports included.
 */

/** From the top floor to the ground. */
const FLOORS = [
  'cli',
  'watch',
  'restart',
  'report',
  'plan',
  'access',
  'records',
  'workloads',
  'sources',
  'config',
  'kube',
  'model',
]

/** Rooms of rules: no I/O, and no clock but the `now` that they are given. */
const PURE = ['plan', 'records', 'workloads', 'sources', 'config', 'model']

const room = (name) => `^src/${name}/`

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-circles',
      comment: 'Files that import each other have no reading order.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    ...FLOORS.map((name, index) => ({
      name: `${name}-stands-on-lower-floors`,
      comment: `src/${name} may use only what stands below it: ${FLOORS.slice(index + 1).join(', ') || 'nothing'}.`,
      severity: 'error',
      from: { path: room(name) },
      to: { path: '^src/', pathNot: FLOORS.slice(index).map(room).join('|') },
    })),
    {
      name: 'two-files-at-the-root',
      comment: 'A new file belongs in a room.',
      severity: 'error',
      from: {},
      to: { path: '^src/[^/]+$', pathNot: '^src/(main|operator)\\.ts$' },
    },
    {
      name: 'twelve-rooms',
      comment: 'A new room is a decision: it needs a floor here.',
      severity: 'error',
      from: {},
      to: { path: '^src/[^/]+/', pathNot: FLOORS.map(room).join('|') },
    },
    {
      name: 'rules-do-no-io',
      comment:
        'The plan and what it is made from run in tests, in the simulation and in a rehearsal.',
      severity: 'error',
      from: { path: PURE.map(room).join('|'), pathNot: '^src/(plan/loop|model/wake-up)\\.ts$' },
      to: {
        dependencyTypes: ['core', 'npm'],
        pathNot: '^(node:)?(crypto|zod|yaml)|node_modules/(zod|yaml)/',
      },
    },
    {
      name: 'rules-do-not-call-the-api-server',
      severity: 'error',
      from: { path: PURE.map(room).join('|'), pathNot: '^src/plan/loop\\.ts$' },
      to: { path: '^src/kube/' },
    },
    {
      name: 'only-what-is-installed',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['unknown', 'undetermined', 'npm-no-pkg', 'npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
}
