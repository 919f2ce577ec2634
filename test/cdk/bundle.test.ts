import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildSync } from 'esbuild'
import { afterAll, describe, expect, it } from 'vitest'
import { bundleHandlers, bundleMirror, bundleOptions } from '../../cdk/bundle.ts'
import { bindingIntegrity, type DuckdbArchitecture, duckdbLayer } from '../../cdk/duckdb-layer.ts'
import { handlerFile, handlerNames } from '../../cdk/handlers.ts'
import * as errors from '../../core/errors.ts'
import { handlers } from '../../local/handlers.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-bundle-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const bundles = bundleHandlers(folder)
const mebibyte = 1024 * 1024

/** Bundles a file of the project as the handlers are bundled, away from any node_modules. */
function bundleAlone(name: string, entry: string): string {
  buildSync({ ...bundleOptions({ [name]: entry }), outdir: folder })
  return join(folder, `${name}.mjs`)
}

describe('the bundles', () => {
  it('are made for the handlers that the embedded engine has', () => {
    expect([...handlerNames].sort()).toEqual(Object.keys(handlers).sort())
    for (const name of handlerNames) {
      expect(readdirSync(bundles[name].directory), name).toEqual(['index.mjs'])
      expect(existsSync(join('lambdas', `${handlerFile(name)}.ts`)), name).toBe(true)
    }
  })

  it('are under 1 MB and hold nothing of DuckDB', () => {
    for (const name of handlerNames) {
      expect(bundles[name].bytes, name).toBeLessThan(mebibyte)
      expect(readFileSync(join(bundles[name].directory, 'index.mjs')).byteLength).toBe(bundles[name].bytes)
      const foreign = bundles[name].inputs.filter((path) => path.includes('node_modules/@duckdb/'))
      expect(foreign, name).toEqual([])
    }
  })

  it('have the mirror as one more, which is in none of the others', () => {
    const mirror = bundleMirror(folder)
    expect(readdirSync(mirror.directory)).toEqual(['index.mjs'])
    expect([mirror.bytes < mebibyte, mirror.needsEngine]).toEqual([true, false])
    expect(mirror.inputs).toContain('core/stores/glue-mirror-catalog.ts')
    for (const name of handlerNames)
      expect(
        bundles[name].inputs.filter((path) => /glue|mirror/.test(path)),
        name,
      ).toEqual([])
  })

  it('get the layer exactly where the handler leases an engine', () => {
    const leasing = handlerNames.filter((name) =>
      readFileSync(join(bundles[name].directory, 'index.mjs'), 'utf8').includes('engines.use('),
    )
    expect(leasing.length).toBeGreaterThan(0)
    expect(handlerNames.filter((name) => bundles[name].needsEngine)).toEqual(leasing)
  })

  it('export a handler, whose errors keep their names', async () => {
    for (const name of handlerNames) {
      const bundle = await import(pathToFileURL(join(bundles[name].directory, 'index.mjs')).href)
      expect(bundle.handler, name).toBeTypeOf('function')
    }
    const { handler } = await import(pathToFileURL(join(bundles.Plan.directory, 'index.mjs')).href)
    const error = await handler({ execution_name: '#', input: {} }, { ports: {} }).catch((e: unknown) => e)
    expect(error).toMatchObject({ name: 'ManifestError', code: 'RUN_ID_INVALID' })
    expect(error.constructor.name).toBe('ManifestError')
  })

  it('keep the names of all error classes, by which Retry and Catch match', async () => {
    const path = bundleAlone('errors', 'core/errors.ts')
    const bundled = (await import(pathToFileURL(path).href)) as typeof errors
    const classes = Object.entries(errors).filter(([, value]) => isErrorClass(value))
    expect(classes.length).toBeGreaterThan(10)
    for (const [name] of classes) {
      if (name === 'SluiceError') continue
      const Bundled = bundled[name as 'TerminalError']
      const error = new Bundled({ code: 'X', fact: 'x' })
      expect([error.name, error.constructor.name]).toEqual([name, name])
    }
    expect(bundled.isTerminalName('ContractError')).toBe(true)
    expect(readFileSync(path, 'utf8').split('\n').length).toBeLessThan(10)
  })

  it('are written once, under a name made of their content', () => {
    const twice = join(folder, 'twice')
    const [first, second] = [bundleHandlers(twice), bundleHandlers(twice)]
    expect(second.Plan.directory).toBe(first.Plan.directory)
    expect(readdirSync(join(twice, 'handlers'))).toHaveLength(1)
  })
})

function isErrorClass(value: unknown): boolean {
  return typeof value === 'function' && value.prototype instanceof Error
}

describe('the DuckDB layer', () => {
  const architecture = process.arch as DuckdbArchitecture
  const layer = duckdbLayer(architecture, resolve('.cache/sluice'))
  const modules = join(layer, 'nodejs', 'node_modules')

  it('holds the JavaScript, one native binding, and nothing else', () => {
    expect(readdirSync(layer)).toEqual(['nodejs'])
    expect(readdirSync(modules)).toEqual(['@duckdb'])
    expect(readdirSync(join(modules, '@duckdb')).sort()).toEqual([
      'node-api',
      'node-bindings',
      `node-bindings-linux-${architecture}`,
    ])
    const files = readdirSync(modules, { recursive: true }) as string[]
    expect(files.filter((file) => /\.(d\.ts|map|md)$/.test(file))).toEqual([])
    expect(files.filter((file) => /\.(node|so)$/.test(file))).toHaveLength(2)
  })

  it('is what a bundle finds by NODE_PATH, and only there', () => {
    const engine = bundleAlone('engine', 'core/engine/engine.ts')
    const script = join(folder, 'select.mjs')
    writeFileSync(
      script,
      `import { openEnginePool } from ${JSON.stringify(engine)}
       const pool = openEnginePool({ directory: ${JSON.stringify(join(folder, 'scratch'))}, size: 1 })
       const rows = await pool.use((engine) => engine.rows('SELECT 6 * 7 AS n'))
       await pool.close()
       console.log(Number(rows[0].n))`,
    )
    const run = (path: string) =>
      spawnSync(process.execPath, [script], { cwd: folder, encoding: 'utf8', env: { NODE_PATH: path } })
    expect(run(modules)).toMatchObject({ status: 0, stdout: '42\n' })
    const without = run('')
    expect(without.status).toBe(1)
    expect(without.stderr).toContain("Cannot find module '@duckdb/node-api'")
  })

  it('takes no other binding than the one that package-lock.json names', () => {
    const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      readonly packages: Readonly<Record<string, { readonly integrity: string }>>
    }
    for (const [arch, integrity] of Object.entries(bindingIntegrity))
      expect(lock.packages[`node_modules/@duckdb/node-bindings-linux-${arch}`]?.integrity).toBe(integrity)
  })
})
