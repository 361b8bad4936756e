/**
 * Kubeconfig files, with errors that name the file and what is missing in it, but quote nothing.
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import { parse } from 'yaml'
import { CredentialsError } from './credentials-error.ts'

/**
 * Reads one or more files: what the first one says counts, as with kubectl.
 * @throws CredentialsError
 */
export function readKubeConfig(files: readonly string[]): KubeConfig {
  const [first, ...others] = files.map(readFile)
  if (first === undefined) throw new CredentialsError('no kubeconfig file is named')
  for (const other of others) {
    first.clusters.push(...lacking(first.clusters, other.clusters))
    first.users.push(...lacking(first.users, other.users))
    first.contexts.push(...lacking(first.contexts, other.contexts))
    first.currentContext ||= other.currentContext
  }
  requireComplete(first, files.join(':'))
  return first
}

function readFile(file: string): KubeConfig {
  const text = attempt(`${file} cannot be read`, () => readFileSync(file, 'utf8'))
  const content = attempt(`${file} is not YAML`, () => parse(text) as unknown)
  if (typeof content !== 'object' || content === null) {
    throw new CredentialsError(`${file} is not a kubeconfig`)
  }
  const config = new KubeConfig()
  attempt(`${file} is not a kubeconfig`, () => config.loadFromString(text))
  config.makePathsAbsolute(dirname(file))
  config.users = config.users.map((user) => {
    const tokenFile = tokenFileOf(content, user.name)
    if (tokenFile === undefined) return user
    // The library looks for another name of this field, and would not read the file again.
    const path = resolve(dirname(file), tokenFile)
    return { ...user, authProvider: { name: 'tokenFile', config: { tokenFile: path } } }
  })
  return config
}

function requireComplete(config: KubeConfig, files: string): void {
  const name = config.currentContext
  if (!name) throw new CredentialsError(`${files}: no current-context is set`)
  const context = config.contexts.find((each) => each.name === name)
  if (!context) throw new CredentialsError(`${files}: there is no context ${name}`)
  for (const [kind, known, wanted] of [
    ['cluster', config.clusters, context.cluster],
    ['user', config.users, context.user],
  ] as const) {
    if (!known.some((each) => each.name === wanted)) {
      throw new CredentialsError(
        `${files}: context ${name} needs the ${kind} ${wanted}, which is missing`,
      )
    }
  }
}

function lacking<T extends { readonly name: string }>(known: readonly T[], more: T[]): T[] {
  return more.filter(({ name }) => !known.some((each) => each.name === name))
}

function tokenFileOf(content: object, user: string): string | undefined {
  const { users } = content as { users?: { name?: string; user?: { tokenFile?: string } }[] }
  return users?.find(({ name }) => name === user)?.user?.tokenFile
}

/** Of an error only the system's code is told: that of a parser may quote a token. */
function attempt<T>(fault: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new CredentialsError(code === undefined ? fault : `${fault}: ${code}`)
  }
}
