/**
 * Controllers that restart workloads on their own when a Secret changes. Two of them on one workload would
 * restart it twice, so Sluice holds.
 */
const RESTARTERS: readonly { name: string; matches: (annotation: string) => boolean }[] = [
  // https://github.com/stakater/Reloader: reloader.stakater.com/auto, secret.reloader.stakater.com/reload, …
  {
    name: 'Reloader',
    matches: (name) => name.split('/')[0]?.endsWith('reloader.stakater.com') ?? false,
  },
  // https://github.com/wave-k8s/wave: wave.pusher.com/update-on-config-change and its successor's prefix.
  { name: 'wave', matches: (name) => /^wave\.(pusher\.com|wave-k8s\.io)\//.test(name) },
]

// What they leave behind in a pod template, and their own way to say no.
const NO_SWITCH = /\/(last-reloaded-from|ignore|config-hash)$/

/** The name of another restarter that the annotations of a workload or of its pod template turn on. */
export function otherRestarter(
  ...annotations: readonly (Readonly<Record<string, string>> | undefined)[]
): string | undefined {
  const switches = annotations.flatMap((each) => Object.entries(each ?? {}))
  const on = switches
    .filter(([name, value]) => value !== 'false' && !NO_SWITCH.test(name))
    .map(([name]) => name)
  return RESTARTERS.find(({ matches }) => on.some(matches))?.name
}
