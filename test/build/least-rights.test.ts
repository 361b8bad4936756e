// The manifests grant what `sluice rbac` prints, and docs/least-privilege.md lists it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { leastGrants, type Grant, type Need } from '../../src/access/grants.ts'
import { describeRight, rightsIn } from '../../src/access/rights.ts'
import { roleManifests } from '../../src/access/role-manifests.ts'
import { loadConfig } from '../../src/config/load.ts'
import { INSTALL_FILE } from '../../tools/manifests.ts'
import { objectsIn } from './rendering.ts'

const need: Need = { ...defaults(), judged: [] }

function defaults(): Omit<Need, 'judged'> {
  const loaded = loadConfig({ flags: {} }, () => {
    throw Object.assign(new Error('no file'), { code: 'ENOENT' })
  })
  if ('faults' in loaded) throw new Error('the defaults have faults')
  return loaded.config
}

/** Roles of a text, by place and name. */
function rolesIn(yaml: string): Record<string, unknown> {
  const roles = [...objectsIn(yaml, 'ClusterRole'), ...objectsIn(yaml, 'Role')]
  return Object.fromEntries(
    roles.map(({ kind, metadata, rules }) => [
      [kind, metadata?.namespace, metadata?.name].filter(Boolean).join(' '),
      rules,
    ]),
  )
}

function rightsOf(grants: readonly Grant[]): string[] {
  return rightsIn(grants).map(describeRight).sort()
}

test('the default install grants what is needed, role by role', () => {
  const printed = roleManifests(leastGrants(need), 'sluice-system')
  expect(rolesIn(printed)).toEqual(rolesIn(readFileSync(INSTALL_FILE, 'utf8')))
})

test('every role is bound to the service account', () => {
  const printed = roleManifests(leastGrants({ ...need, namespace: 'ops' }), 'ops')
  const bindings = printed.split('---\n').filter((text) => /^kind: \w+Binding$/m.test(text))
  expect(bindings).toHaveLength(leastGrants(need).length)
  for (const binding of bindings) {
    expect(binding).toContain('- kind: ServiceAccount\n    name: sluice\n    namespace: ops\n')
  }
})

test('docs/least-privilege.md lists every right of the default install, and no other', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/least-privilege.md'), 'utf8')
  const rows = page.matchAll(/^\| `([^`]+)` \| ([^|]+) \| (everywhere|its own namespace) \|/gm)
  const told = [...rows].flatMap(([, resource, verbs = '', where]) => {
    const [kind = '', name = ''] = (resource ?? '').split(' ')
    const place = where === 'everywhere' ? '' : ' in namespace sluice-system'
    return verbs.split(', ').map((verb) => `${verb.trim()} ${kind}${name && ` ${name}`}${place}`)
  })
  expect(told.sort()).toEqual(rightsOf(leastGrants(need)))
})
