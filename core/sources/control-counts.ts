import type { CheckSpec } from '../contract/checks.ts'
import { parseRowCount } from '../contract/reconciliation.ts'
import { SourceError } from '../errors.ts'
import type { ControlCount } from '../runs/extract-record.ts'
import type { ObjectPin, ObjectReader } from '../stores/object-store.ts'
import { mapParallel } from '../tables/table-files.ts'

/** Bytes. A number, or an object with a few keys; what is larger is another file. */
const largest = 1 << 16

/**
 * The counts that were delivered beside the objects: of those that are pinned, and of no others. Throws `SourceError`
 * `CONTROL_COUNT_MISSING`, `CONTROL_COUNT_INVALID`, and `CONTROL_COUNT_IN_SOURCE` where one would be loaded as rows.
 */
export async function readControlCounts(
  store: ObjectReader,
  checks: readonly CheckSpec[] | undefined,
  pins: readonly ObjectPin[],
): Promise<ControlCount[]> {
  const counts: ControlCount[] = []
  for (const { name, row_count_reconciliation } of checks ?? []) {
    const { sidecar, control_file } = row_count_reconciliation?.against ?? {}
    if (sidecar === undefined && control_file === undefined) continue
    const kind = sidecar === undefined ? 'control_file' : 'sidecar'
    const keys = control_file === undefined ? pins.map(({ key }) => `${key}${sidecar}`) : [control_file]
    const loaded = new Set(pins.map(({ key }) => key))
    const inside = keys.find((key) => loaded.has(key))
    if (inside !== undefined) throw inSource(name, `${store.uri}/${inside}`)
    const found = await mapParallel(keys, async (key) => await readCount(store, name, kind, key))
    counts.push({ check: name, rows: found.reduce((a, b) => a + b, 0), objects: keys.length })
  }
  return counts
}

async function readCount(
  store: ObjectReader,
  check: string,
  kind: 'sidecar' | 'control_file',
  key: string,
): Promise<number> {
  const info = await store.head(key)
  if (info === undefined) throw missing(check, `${store.uri}/${key}`)
  const bytes = info.size > largest ? new Uint8Array() : await store.read(info, 0, info.size)
  const count = parseRowCount(kind, new TextDecoder().decode(bytes))
  if (count === undefined) throw invalid(check, kind, `${store.uri}/${key}`)
  return count
}

function missing(check: string, where: string): SourceError {
  return new SourceError({
    code: 'CONTROL_COUNT_MISSING',
    fact: `${where} is not there, whose number of rows the check ${check} compares with`,
    consequence: 'Nothing was read or written',
    next: 'Deliver it before the object whose rows it counts',
    details: { check },
  })
}

function invalid(check: string, kind: 'sidecar' | 'control_file', where: string): SourceError {
  const wanted =
    kind === 'sidecar' ? 'a whole number and nothing else' : 'JSON with a whole number at row_count'
  return new SourceError({
    code: 'CONTROL_COUNT_INVALID',
    fact: `${where}, which the check ${check} compares with, is not ${wanted}`,
    consequence: 'Nothing was read or written',
    next: 'Deliver it again',
    details: { check },
  })
}

function inSource(check: string, where: string): SourceError {
  return new SourceError({
    code: 'CONTROL_COUNT_IN_SOURCE',
    fact: `${where}, which the check ${check} compares with, is matched by source.path, so it would be loaded as rows`,
    consequence: 'Nothing was read or written',
    next: 'Narrow source.path (*.csv for *), or deliver the counts in another folder',
    details: { check },
  })
}
