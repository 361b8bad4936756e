/**
 * Many measurements of one thing, told by their ranks: a mean would be the noise of a shared machine.
 */

/** The value that `share` (0 to 1) of the samples do not exceed. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN
}

/** The middle one. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5)
}

/** How long each of `times` calls takes (ms). */
export async function timed(times: number, call: () => unknown): Promise<number[]> {
  const samples: number[] = []
  for (let i = 0; i < times; i++) {
    const started = performance.now()
    await call()
    samples.push(performance.now() - started)
  }
  return samples
}

/** How much CPU each of `times` calls takes on this thread (ms): others of the machine are not in it. */
export async function timedOnCpu(times: number, call: () => unknown): Promise<number[]> {
  const used = () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1_000
  }
  const samples: number[] = []
  for (let i = 0; i < times; i++) {
    const started = used()
    await call()
    samples.push(used() - started)
  }
  return samples
}
