import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { makeOnce } from './bundle.ts'

export type DuckdbArchitecture = 'x64' | 'arm64'

/**
 * What npm recorded for the pinned version (package-lock.json; a test compares). A binding that has to be
 * fetched is refused unless it is this one.
 */
export const bindingIntegrity: Readonly<Record<DuckdbArchitecture, string>> = {
  x64: 'sha512-kCyq6BXhn6QXfwF8yVdVKriSSHP+rfVWcJ56cG8qZzlOZpxyvT5WGm6jMshxg4ditLlOsHsIN/D47RYrcjXuHQ==',
  arm64: 'sha512-CafH2AIvXtpwDynG3KB/4uEOHRGlFoB7auCRMIwH3BKNIobsANV5LSpDJ3tfyRCFIsK6e8AT1eseWVnu2Dv3cw==',
}

const require = createRequire(import.meta.url)

/**
 * The directory of a Lambda layer with DuckDB's JavaScript and its native binding for one architecture (about
 * 70 MB, most of it libduckdb), and nothing else. The binding is taken from node_modules where the machine has
 * that architecture; otherwise npm fetches the pinned version, once, into `cache`.
 */
export function duckdbLayer(architecture: DuckdbArchitecture, cache: string): string {
  const api = packageDirectory('@duckdb/node-api')
  const bindings = packageDirectory('@duckdb/node-bindings', api)
  const { version } = JSON.parse(readFileSync(join(bindings, 'package.json'), 'utf8')) as { version: string }
  return makeOnce(join(cache, 'duckdb', `${version}-${architecture}`.replaceAll('.', '_')), (directory) => {
    const target = join(directory, 'nodejs', 'node_modules', '@duckdb')
    const native = `node-bindings-linux-${architecture}`
    const copy = (from: string, name: string) =>
      cpSync(from, join(target, name), { recursive: true, filter: isNeeded })
    copy(api, 'node-api')
    copy(bindings, 'node-bindings')
    const installed = findPackage(`@duckdb/${native}`, bindings)
    if (installed !== undefined) copy(installed, native)
    else {
      const integrity = bindingIntegrity[architecture]
      fetchPackage(`@duckdb/${native}`, version, integrity, cache, (from) => copy(from, native))
    }
  })
}

/** Types, maps and documents have no use in a function. */
function isNeeded(path: string): boolean {
  return !/\.(d\.ts|map|md)$/.test(path)
}

function packageDirectory(name: string, from?: string): string {
  const found = findPackage(name, from)
  if (found !== undefined) return found
  throw new Error(`${name} is not installed, so the DuckDB layer cannot be built. Run npm ci in the project.`)
}

function findPackage(name: string, from?: string): string | undefined {
  try {
    return dirname(require.resolve(`${name}/package.json`, from === undefined ? {} : { paths: [from] }))
  } catch {
    return undefined
  }
}

/** `npm pack` brings the file, `tar` opens it: installing refuses what is made for another machine. */
function fetchPackage(
  name: string,
  version: string,
  integrity: string,
  cache: string,
  use: (directory: string) => void,
): void {
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'fetch-'))
  try {
    const options = ['--pack-destination', folder, '--json', '--loglevel', 'error']
    execFileSync('npm', ['pack', `${name}@${version}`, ...options], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    const [file] = readdirSync(folder)
    const path = join(folder, file as string)
    const actual = `sha512-${createHash('sha512').update(readFileSync(path)).digest('base64')}`
    if (actual !== integrity)
      throw new Error(`${name}@${version} is ${actual}, not ${integrity}. It was not used.`)
    execFileSync('tar', ['-xzf', path, '-C', folder])
    use(join(folder, 'package'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
