/**
 * Renders what `kubectl apply -f manifests/install.yaml` installs, with the kubectl of the test cluster.
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from '../testbed/build.ts'

const MANIFESTS = join(import.meta.dirname, '../manifests')

/** The committed rendering of the base. */
export const INSTALL_FILE = join(MANIFESTS, 'install.yaml')

/** What `kubectl kustomize` makes of a folder below `manifests/`. */
export async function render(folder: string): Promise<string> {
  const kubectl = await build('controlplane', (line) => process.stderr.write(`${line}\n`))
  return execFileSync(kubectl, ['kubectl', 'kustomize', join(MANIFESTS, folder)], {
    encoding: 'utf8',
  })
}

/** The text of {@link INSTALL_FILE}. */
export async function renderInstall(): Promise<string> {
  return `# Made from manifests/base by \`make manifests\`.\n${await render('base')}`
}

if (import.meta.main) writeFileSync(INSTALL_FILE, await renderInstall())
