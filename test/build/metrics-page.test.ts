import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { METRICS_PAGE, metricsPage } from '../../tools/metrics-page.ts'

test('docs/metrics.md tells of every metric as it is (make generated)', () => {
  expect(readFileSync(METRICS_PAGE, 'utf8')).toBe(metricsPage())
})
