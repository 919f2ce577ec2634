import { existsSync } from 'node:fs'
import { SluiceError } from '../core/errors.ts'
import type { Connection, Dataflow, RenderedManifest } from '../core/manifest/types.ts'
import { pinFiles } from '../core/sources/files.ts'
import { openDirectoryReader } from '../core/stores/directory-object-store.ts'
import type { ObjectReader } from '../core/stores/object-store.ts'
import { oneOrMany } from '../core/words.ts'
import { sourceDirectory } from '../local/workspace.ts'
import { type Check, check } from './doctor-check.ts'
import { bytes, plural } from './words.ts'

/** Beyond this many dataflows those whose source is fine share one line. */
const shownFine = 20

/** Each connection, whether it can be reached, and each active dataflow, how much its source matches now. */
export async function checkSources(directory: string, manifest: RenderedManifest): Promise<Check[]> {
  const checks: Check[] = []
  const stores = new Map<string, ObjectReader>()
  for (const [name, connection] of Object.entries(manifest.connections)) {
    if (connection.type !== 'files') continue
    const outcome = openConnection(directory, name, connection)
    checks.push(outcome.check)
    if (outcome.store !== undefined) stores.set(name, outcome.store)
  }
  const matched: Check[] = []
  for (const dataflow of manifest.dataflows) {
    const store = stores.get(dataflow.source?.connection ?? '')
    if (dataflow.is_active && store !== undefined) matched.push(await checkMatches(store, dataflow))
  }
  return [...checks, ...fewer(matched)]
}

function openConnection(
  directory: string,
  name: string,
  connection: Extract<Connection, { type: 'files' }>,
): { readonly check: Check; readonly store?: ObjectReader } {
  const title = `source ${name}`
  try {
    const local = sourceDirectory(directory, connection.path)
    const store = openDirectoryReader(local)
    if (existsSync(local)) return { check: check(title, 'ok', store.uri), store }
    return {
      check: check(title, 'fail', `${local} does not exist`, 'Make it, or correct the connection’s path'),
    }
  } catch (error) {
    if (error instanceof SluiceError) return { check: check(title, 'fail', error.message.replace(/\.$/, '')) }
    throw error
  }
}

async function checkMatches(store: ObjectReader, { name, source }: Dataflow): Promise<Check> {
  const glob = source?.path as string
  try {
    const pins = await pinFiles(store, glob)
    const size = bytes(pins.reduce((sum, pin) => sum + pin.size, 0))
    if (pins.length > 0) return check(name, 'ok', `${glob} matches ${plural(pins.length, 'object')}, ${size}`)
    if (source?.allow_missing) return check(name, 'ok', `${glob} matches nothing, which it may`)
    const next = 'Deliver the files, correct the path, or set source.allow_missing: true'
    return check(name, 'warn', `${glob} matches nothing, so a run of it would fail`, next)
  } catch (error) {
    return check(name, 'fail', `${glob} cannot be listed: ${(error as Error).message.replace(/\.$/, '')}`)
  }
}

function fewer(checks: readonly Check[]): Check[] {
  if (checks.length <= shownFine) return [...checks]
  const fine = checks.filter((one) => one.status === 'ok').length
  const others = checks.filter((one) => one.status !== 'ok')
  return [
    ...others,
    check(
      'sources',
      'ok',
      `${plural(fine, 'dataflow matches', 'dataflows match')} at least one object or ${oneOrMany(fine, 'needs', 'need')} none`,
    ),
  ]
}
