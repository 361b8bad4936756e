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
        // Against the real control plane. Each file has a cluster of its own, and waits more than it works.
        test: {
          name: 'integration',
          include: ['test/{cluster,e2e,faults}/**/*.test.ts'],
          maxWorkers: 2,
          testTimeout: 120_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
})
