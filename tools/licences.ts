/**
 * The licences of what is bundled: nearly all of them ask that their text goes with every copy.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Name, version and licence text of each package that these files are of, by name.
 * @param files paths below `root`, as the bundler names its inputs
 * @throws where a package ships no text
 */
export function licencesOf(root: string, files: readonly string[]): string {
  const packages = new Set(
    files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []),
  )
  return [...packages]
    .sort()
    .map((folder) => licenceOf(join(root, folder)))
    .join(`\n${'-'.repeat(80)}\n\n`)
}

function licenceOf(folder: string): string {
  const manifest = readFileSync(join(folder, 'package.json'), 'utf8')
  const { name, version, license } = JSON.parse(manifest) as Record<string, string>
  const texts = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
  if (texts.length === 0) throw new Error(`expected the text of a licence in ${folder}, found none`)
  const text = texts.map((file) => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n')
  return `${name ?? ''} ${version ?? ''} (${license ?? ''})\n\n${text}\n`
}
