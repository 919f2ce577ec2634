import { PolicyError, SourceError } from '../errors.ts'
import { digestOf } from '../json.ts'
import type { Dataflow } from '../manifest/types.ts'
import type { Ports, ReadPorts } from '../ports.ts'
import type { ContractRecord } from '../runs/contract-record.ts'
import { definitionDigest } from '../runs/evidence.ts'
import type { ExtractRecord } from '../runs/extract-record.ts'
import type { LoadedObjects, SourceState, SourceStateChange, SourceStateItem } from '../runs/items.ts'
import { readJsonRef, writeJson } from '../stores/object-ref.ts'
import type { ObjectPin } from '../stores/object-store.ts'
import { columnName } from './column-names.ts'

/**
 * What a dataflow remembers of its source decides what the next run reads:
 * - `watermark` (append with `watermark_columns`): rows beyond the largest values so far.
 * - `objects` (append of files without them): objects that no commit has loaded yet.
 * - `full` (overwrite): everything, every time.
 */
export type SourceStateKind = SourceState['kind']

export function sourceStateKind(dataflow: Dataflow): SourceStateKind {
  if (dataflow.sink.load_type === 'overwrite') return 'full'
  return watermarkColumns(dataflow).length > 0 ? 'watermark' : 'objects'
}

/** As the table names them. */
export function watermarkColumns(dataflow: Dataflow): readonly string[] {
  const named = dataflow.source?.watermark_columns ?? dataflow.transform?.watermark_columns ?? []
  return named.map((column) => columnName(column, dataflow.column_names))
}

/** Equal for equal inputs under an equal definition, so that "the same again" can be told without reading. */
export function inputsDigest(dataflow: Dataflow, pins: unknown): string {
  return digestOf({ definition: definitionDigest(dataflow), pins })
}

/** Bytes of JSON up to which the list of loaded objects lies in the state itself. */
const inlineLimit = 8 * 1024

export async function readLoaded(
  ports: Pick<ReadPorts, 'evidence'>,
  state: SourceState | undefined,
): Promise<Readonly<Record<string, string>>> {
  if (state === undefined || state.kind !== 'objects') return {}
  if ('objects' in state.loaded) return state.loaded.objects
  return (await readJsonRef<LoadedObjects>(ports.evidence, state.loaded)).objects
}

/**
 * The objects that are still to be loaded. One that was loaded in another version is an error unless the
 * source says `changed_objects: append`, because its old rows are in the table already.
 */
export function notLoaded(
  dataflow: Dataflow,
  pins: readonly ObjectPin[],
  loaded: Readonly<Record<string, string>>,
): ObjectPin[] {
  const fresh = pins.filter((pin) => !Object.hasOwn(loaded, pin.key))
  const changed = pins.filter((pin) => Object.hasOwn(loaded, pin.key) && loaded[pin.key] !== pin.etag)
  if (changed.length === 0 || dataflow.source?.changed_objects === 'append')
    return [...fresh, ...changed].sort(byKey)
  throw new SourceError({
    code: 'SOURCE_OBJECT_CHANGED',
    fact: `${changed.length} of the objects that ${dataflow.name} has loaded changed since then, the first is ${changed[0]?.key}`,
    consequence:
      'Nothing was read: the rows of their old versions are in the table, and reading them again would double them',
    next: 'Deliver changed data under new names, use watermark_columns, or set changed_objects: append to add their rows again',
    details: { objects: changed.slice(0, 20).map((pin) => pin.key), count: changed.length },
  })
}

/**
 * A dataflow that reads in another way, or writes to another table, cannot go on from what it remembers: a
 * watermark column without a value would let every row in again, and what counts as loaded is in the old table.
 */
export function checkSourceState(dataflow: Dataflow, stored: SourceStateItem | undefined): void {
  const kind = sourceStateKind(dataflow)
  if (stored === undefined || kind === 'full') return
  const before = wayOf(
    stored.state.kind,
    stored.state.kind === 'watermark' ? Object.keys(stored.state.values) : [],
  )
  const now = wayOf(kind, watermarkColumns(dataflow))
  if (before !== now) {
    throw new PolicyError({
      code: 'SOURCE_STATE_KIND',
      fact: `${dataflow.name} has loaded by ${before} before, and now asks to load by ${now}`,
      consequence: 'Nothing was read: which rows are new cannot be told',
      next: 'Go back to the old way of loading, or use load_type: overwrite, or give the dataflow and its table new names',
    })
  }
  if (stored.table === dataflow.sink.table) return
  throw new PolicyError({
    code: 'SOURCE_STATE_TABLE',
    fact: `${dataflow.name} has loaded into ${stored.table} before, and now asks to load into ${dataflow.sink.table}`,
    consequence: `Nothing was read: what it has loaded before would be missing in ${dataflow.sink.table}`,
    next: 'Go back to the old table, or use load_type: overwrite, or give the dataflow a new name, too, so that it begins anew',
  })
}

function wayOf(kind: SourceStateKind, columns: readonly string[]): string {
  if (kind === 'watermark') return `watermark_columns ${[...new Set(columns)].sort().join(', ')}`
  return kind === 'objects' ? 'new objects (append without watermark_columns)' : 'overwrite'
}

/**
 * The source state that committing this attempt entitles to. A long list of loaded objects is written to the
 * object store first, under a name of its own; until the commit nothing refers to it.
 */
export async function nextSourceState(
  ports: Pick<Ports, 'evidence'>,
  dataflow: Dataflow,
  stored: SourceStateItem | undefined,
  extract: ExtractRecord,
  contract: ContractRecord,
  key: string,
): Promise<SourceStateChange> {
  const change = (state: SourceState): SourceStateChange => ({
    previous_version: extract.state_version,
    state,
  })
  const { inputs, source } = extract
  const kind = sourceStateKind(dataflow)
  if (kind === 'full') return change({ kind, inputs })
  if (kind === 'watermark')
    return change({ kind, values: laterOf(extract.after, contract.watermark), inputs })
  const objects: Record<string, string> = { ...(await readLoaded(ports, stored?.state)) }
  if (source.kind === 'files') for (const pin of source.pins) objects[pin.key] = pin.etag
  const isSmall = JSON.stringify(objects).length <= inlineLimit
  const loaded = isSmall ? { objects } : await writeJson(ports.evidence, key, { objects })
  return change({ kind, loaded, inputs })
}

/** A column in which nothing beyond the old value was read keeps the old value: a watermark never goes back. */
function laterOf(
  before: Readonly<Record<string, string | null>>,
  read: Readonly<Record<string, string | null>>,
): Record<string, string | null> {
  return Object.fromEntries(
    Object.keys(read).map((column) => [column, read[column] ?? before[column] ?? null]),
  )
}

function byKey(a: ObjectPin, b: ObjectPin): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0
}
