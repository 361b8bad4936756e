import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { V1Container, V1JSONSchemaProps } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { loadConfig } from '../../src/config/load.ts'
import { INSTALL_FILE } from '../../tools/manifests.ts'
import { objectsIn } from './rendering.ts'

const yaml = readFileSync(INSTALL_FILE, 'utf8')
const [deployment] = objectsIn(yaml, 'Deployment')
const [configMap] = objectsIn(yaml, 'ConfigMap')
const [definition] = objectsIn(yaml, 'CustomResourceDefinition')

function container(): V1Container {
  const [only] = deployment?.spec?.template.spec?.containers ?? []
  if (only) return only
  throw new Error('expected a container, found none')
}

/** Loads the configuration where nothing but one file exists. */
function load(path?: string, text?: string): ReturnType<typeof loadConfig> {
  return loadConfig({ file: path, flags: {} }, (wanted) => {
    if (wanted === path && text !== undefined) return text
    throw Object.assign(new Error(`ENOENT: no such file, open '${wanted}'`), { code: 'ENOENT' })
  })
}

test('the installed configuration is the default one, in writing', () => {
  const { args, volumeMounts } = container()
  const text = configMap?.data?.['config.yaml']
  expect(args).toEqual(['run', `--config=${volumeMounts?.[0]?.mountPath}/config.yaml`])
  expect(load('/etc/sluice/config.yaml', text)).toEqual(load())
})

test('the image is the one of this version', () => {
  expect(container().image?.split(':')).toEqual([expect.any(String), manifest.version])
})

test('docs/image.md tells what to put another image in the place of', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/image.md'), 'utf8')
  const [name, tag] = container().image?.split(':') ?? []
  expect(page).toContain(`- name: ${name}\n`)
  expect(page).toContain(`newTag: ${tag}\n`)
})

test('the NetworkPolicy is about the pod of Sluice, and lets in what its one port gets', () => {
  const [policy] = objectsIn(yaml, 'NetworkPolicy')
  const { podSelector, policyTypes, ingress } = policy?.spec ?? {}
  expect(policy?.metadata?.namespace).toBe(deployment?.metadata?.namespace)
  expect(deployment?.spec?.template.metadata?.labels).toMatchObject(podSelector?.matchLabels ?? {})
  expect(Object.keys(podSelector?.matchLabels ?? {})).not.toEqual([])
  expect(policyTypes).toEqual(['Ingress', 'Egress'])
  const ports = container().ports?.map(({ name }) => ({ port: name, protocol: 'TCP' }))
  expect(ingress).toEqual([{ ports }])
})

test('the NetworkPolicy lets out DNS and the ports of API servers, as docs/least-privilege.md lists them', () => {
  const [policy] = objectsIn(yaml, 'NetworkPolicy')
  const [server, dns, ...more] = policy?.spec?.egress ?? []
  const page = readFileSync(join(import.meta.dirname, '../../docs/least-privilege.md'), 'utf8')
  const [, section = ''] = page.split('## What its pod may reach')
  const listed = [...section.matchAll(/^\| (\d+) \|/gm)].map(([, port]) => Number(port))
  expect(listed).toContain(8443)
  expect(server?.ports).toEqual(listed.map((port) => ({ port, protocol: 'TCP' })))
  expect(dns?.ports?.map(({ port }) => port)).toEqual([53, 53])
  expect(more).toEqual([])
})

test('nothing is asked of its pod before it listens, and it is not killed for what it waits for', () => {
  const { startupProbe, livenessProbe } = container()
  expect(startupProbe?.httpGet).toEqual(livenessProbe?.httpGet)
  expect(startupProbe?.initialDelaySeconds).toBeGreaterThanOrEqual(5)
})

test('every field of a Consumer has a description', () => {
  const schema = definition?.spec.versions[0]?.schema?.openAPIV3Schema
  expect(schema && undescribed(schema, '')).toEqual([])
})

function undescribed(schema: V1JSONSchemaProps, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [
    ...(field.description === undefined ? [`${path}.${name}`] : []),
    ...undescribed(field, `${path}.${name}`),
    ...undescribed((field.items ?? {}) as V1JSONSchemaProps, `${path}.${name}[]`),
  ])
}
