import { defineConfig } from 'vitest/config'

/** Against the real control plane. Each file has a cluster of its own, and waits more than it works. */
const onCluster = {
  maxWorkers: 2,
  // Vitest refuses one group for projects with different numbers of workers, which `unit` has on larger machines.
  sequence: { groupOrder: 1 },
  testTimeout: 120_000,
  hookTimeout: 600_000,
}

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          // Properties run many cases, and machines are shared.
          testTimeout: 60_000,
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/faults/**'],
        },
      },
      {
        test: {
          ...onCluster,
          name: 'integration',
          include: ['test/{e2e,faults}/**/*.test.ts', 'testbed/**/*.test.ts'],
        },
      },
      {
        // A part of it once more, with a right to each Secret by its name (test/e2e/named-access.ts).
        test: {
          ...onCluster,
          name: 'named',
          env: { SLUICE_TEST_ACCESS: 'named' },
          include: ['test/e2e/failure.test.ts'],
        },
      },
    ],
  },
})
