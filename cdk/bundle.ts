import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, buildSync, type Metafile } from 'esbuild'
import { type HandlerName, handlerFile, handlerNames } from './handlers.ts'

export interface HandlerBundle {
  /** Holds `index.mjs` and nothing else; its handler is `index.handler`. */
  readonly directory: string
  readonly bytes: number
  /** The files whose code is in the bundle, relative to the package. */
  readonly inputs: readonly string[]
  /** The handler has SQL run, so its function needs the DuckDB layer. */
  readonly needsEngine: boolean
}

/** The package's own root: the repository, or `dist` of the built package. */
const root = fileURLToPath(new URL('..', import.meta.url))
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

/** Builds every port of a process, the engine's too, whether the handler uses it or not. */
const environment = `lambdas/environment.${extension}`

/**
 * Bundles all handlers with one call of esbuild (0.2 s; one call per function costs 0.6 s each). The bundles
 * are written below `cache` in a directory named by their content, so that concurrent builds never see each
 * other's halves and an unchanged build writes nothing.
 */
export function bundleHandlers(cache: string): Readonly<Record<HandlerName, HandlerBundle>> {
  return bundle(cache, handlerNames)
}

/** Of the function that is no part of the workflow: it copies the catalog's pointers to Glue. */
export function bundleMirror(cache: string): HandlerBundle {
  return bundle(cache, ['Mirror']).Mirror
}

function bundle<N extends string>(cache: string, names: readonly N[]): Readonly<Record<N, HandlerBundle>> {
  const entries = Object.fromEntries(
    names.map((name) => [`${handlerFile(name)}/index`, `lambdas/${handlerFile(name)}.${extension}`]),
  )
  const { outputFiles, metafile } = buildSync({ ...bundleOptions(entries), write: false, metafile: true })
  const files = outputFiles.map((file) => ({ path: relative(outputRoot, file.path), body: file.contents }))
  const directory = writeOnce(join(cache, 'handlers'), files)
  const bundles = names.map((name) => {
    const file = handlerFile(name)
    const output = Object.entries(metafile.outputs).find(([path]) => path.endsWith(`/${file}/index.mjs`))
    if (output === undefined) throw new Error(`esbuild made no bundle for ${name}`)
    const inputs = Object.entries(output[1].inputs)
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([path]) => path)
    const made: HandlerBundle = {
      directory: join(directory, file),
      bytes: output[1].bytes,
      inputs,
      needsEngine: reaches(metafile, `lambdas/${file}.${extension}`, inputs),
    }
    return [name, made] as const
  })
  return Object.fromEntries(bundles) as Record<N, HandlerBundle>
}

/** Nothing is written there: it is what the paths of the outputs are relative to. */
const outputRoot = join(root, '.bundle')

/**
 * How a bundle is made. `keepNames` is load-bearing: `Retry` and `Catch` match on `error.name`, which is the
 * name of the class. The banner gives CommonJS dependencies a `require`; DuckDB comes from its layer through it.
 */
export function bundleOptions(entryPoints: Readonly<Record<string, string>>): BuildOptions {
  return {
    absWorkingDir: root,
    entryPoints: { ...entryPoints },
    outdir: outputRoot,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    minify: true,
    keepNames: true,
    legalComments: 'none',
    logLevel: 'error',
    alias: { '@duckdb/node-api': fileURLToPath(new URL('./duckdb-from-layer.cjs', import.meta.url)) },
    external: ['@duckdb/*'],
    banner: {
      js: "import { createRequire as sluiceCreateRequire } from 'node:module'; const require = sluiceCreateRequire(import.meta.url);",
    },
  }
}

/**
 * Whether the handler's own imports lead to `core/engine/` code that is in its bundle. What the environment
 * wires up for every handler is not the handler's own.
 */
function reaches(metafile: Metafile, entry: string, inputs: readonly string[]): boolean {
  const kept = new Set(inputs)
  const seen = new Set<string>([environment])
  const open = [entry]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path)) continue
    seen.add(path)
    if (path.startsWith('core/engine/') && kept.has(path)) return true
    for (const { path: next, external } of metafile.inputs[path]?.imports ?? [])
      if (!external) open.push(next)
  }
  return false
}

interface OutputFile {
  readonly path: string
  readonly body: Uint8Array
}

function writeOnce(parent: string, files: readonly OutputFile[]): string {
  const hash = createHash('sha256')
  for (const { path, body } of files) hash.update(`${path} ${body.byteLength}\n`).update(body)
  return makeOnce(join(parent, hash.digest('hex').slice(0, 16)), (directory) => {
    for (const { path, body } of files) {
      mkdirSync(dirname(join(directory, path)), { recursive: true })
      writeFileSync(join(directory, path), body)
    }
  })
}

/** Fills a directory beside the wanted one and renames it, so that whoever sees it sees it whole. */
export function makeOnce(wanted: string, fill: (directory: string) => void): string {
  if (existsSync(wanted)) return wanted
  mkdirSync(dirname(wanted), { recursive: true })
  const draft = mkdtempSync(`${wanted}.`)
  try {
    fill(draft)
    renameSync(draft, wanted)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    if (!existsSync(wanted)) throw error
  }
  return wanted
}
