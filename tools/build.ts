/**
 * Bundles the operator into one file: less to load, so it starts sooner and takes less memory, and the image needs no
 * node_modules.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { licencesOf } from './licences.ts'

const ROOT = join(import.meta.dirname, '..')

/**
 * Of the client library only what reads kubeconfigs is used, but that names its generated part, and so brings a class
 * for each kind of object: a sixth of the bundle, and 10 MiB of memory. What it takes from there stays.
 */
const withoutModels: Plugin = {
  name: 'without-models',
  setup(bundling) {
    bundling.onLoad({ filter: /client-node\/dist\/gen\/index\.js$/ }, () => ({
      contents: `
        export { createConfiguration } from './configuration.js'
        export { ServerConfiguration } from './servers.js'
      `,
    }))
  },
}

/**
 * Of undici the dispatchers are used. Its index brings fetch, caches, mocks and web sockets with them, a sixth of the
 * bundle. The client library names fetch for requests of its own, none of which Sluice makes.
 */
const onlyDispatchers: Plugin = {
  name: 'only-dispatchers',
  setup(bundling) {
    bundling.onLoad({ filter: /node_modules\/undici\/index\.js$/ }, () => ({
      contents: `
        const Dispatcher = require('./lib/dispatcher/dispatcher')
        Object.assign(Dispatcher.prototype, require('./lib/api'))
        exports.Agent = require('./lib/dispatcher/agent')
        exports.ProxyAgent = require('./lib/dispatcher/proxy-agent')
        exports.fetch = () => { throw new Error('fetch of undici is not part of the bundle') }
      `,
    }))
  },
}

/** Builds the program into `outfile`, with its source map and its licences beside it. */
export async function bundle(outfile: string): Promise<void> {
  const { warnings, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/main.ts'],
    outfile,
    bundle: true,
    plugins: [withoutModels, onlyDispatchers],
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // CommonJS dependencies call `require`, which an ES module does not have.
    banner: {
      js: "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)",
    },
    // Names stay: they stand in stack traces, and shorter ones were measured to save no memory.
    minifyWhitespace: true,
    minifySyntax: true,
    // Node prints the line of code with an error that nobody caught: not a megabyte of it.
    lineLimit: 120,
    // The texts of the licences stand beside it, see below.
    legalComments: 'none',
    metafile: true,
    // Beside the bundle and not mentioned in it: node reads it only when asked to.
    sourcemap: 'external',
    logLevel: 'warning',
  })
  if (warnings.length > 0) throw new Error('expected a bundle without a warning, see above')
  writeFileSync(`${outfile}.LEGAL.txt`, licencesOf(ROOT, Object.keys(metafile.inputs)))
}

if (import.meta.main) await bundle(join(ROOT, 'dist/sluice.mjs'))
