import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          // Properties run many cases, and machines are shared.
          testTimeout: 60_000,
          include: ['test/**/*.test.ts'],
          exclude: ['test/cluster/**', 'test/e2e/**', 'test/faults/**'],
        },
      },
      {
        // Against the real control plane: one file at a time, since Sluice watches a whole cluster.
        test: {
          name: 'integration',
          include: ['test/{cluster,e2e,faults}/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
})
