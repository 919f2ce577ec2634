import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ScanInput, ScanRelation } from '../contract/scan.ts'
import type { Engine } from '../engine/engine.ts'
import { IntegrityError, SourceError } from '../errors.ts'
import type { Dataflow } from '../manifest/types.ts'
import { renderTransformSql } from '../planning/refs.ts'
import type { ReadPorts } from '../ports.ts'
import type { ExtractRecord, FilesPinned, SourcePin, TablePin } from '../runs/extract-record.ts'
import type { LineageRecord } from '../runs/lineage-record.ts'
import { columnTypeOf } from '../sinks/iceberg-types.ts'
import type { ObjectPin, ObjectReader } from '../stores/object-store.ts'
import { currentSchema } from '../tables/metadata.ts'
import { type LiveFile, listDataFiles, loadTable } from '../tables/scan.ts'
import { mapParallel } from '../tables/table-files.ts'
import { counted } from '../words.ts'
import { csvHeaderBytes, downloadLines } from './line-ranges.ts'
import { checkNestedIds } from './nested-ids.ts'

type Stores = Pick<ReadPorts, 'evidence' | 'lake' | 'openSource'>

/** Where the pinned objects lie. */
export function sourceStore(
  ports: Pick<ReadPorts, 'evidence' | 'openSource'>,
  source: FilesPinned,
): ObjectReader {
  return source.in_evidence === true ? ports.evidence : ports.openSource(source.path)
}

/** The pinned inputs as files inside the engine's directory, ready for the scan. */
export async function linkInputs(
  ports: Stores,
  engine: Engine,
  extract: ExtractRecord,
  lineage: LineageRecord,
  dataflow: Dataflow,
): Promise<ScanInput[]> {
  if (extract.source.kind === 'tables') {
    const relations = await linkTables(ports, engine, extract.source.pins)
    return [
      { kind: 'sql', source: dataflow.name, version: extract.inputs, ...renderSql(dataflow, relations) },
    ]
  }
  const isHeaded = dataflow.source?.csv?.header === true
  const paths = await linkFiles(sourceStore(ports, extract.source), engine, extract, isHeaded)
  const pins = new Map(extract.source.pins.map((pin) => [pin.key, pin]))
  return lineage.inputs.flatMap((draft): ScanInput[] => {
    const path = paths.get(draft.source)
    // In a part of an object there may begin no line.
    if (path === undefined) return []
    const { etag, range } = pins.get(draft.source) as SourcePin
    const part = range === undefined || draft.kind === 'parquet' ? {} : { from_byte: range.start }
    return [{ ...draft, version: etag, path, ...part }]
  })
}

/** How much of the pinned inputs there is to read. */
export function inputBytes({ source }: ExtractRecord): number {
  const sizes = source.kind === 'files' ? source.pins.map(pinBytes) : source.pins.map((pin) => pin.bytes)
  return sizes.reduce((sum, size) => sum + size, 0)
}

function pinBytes({ size, range }: SourcePin): number {
  return range === undefined ? size : range.end - range.start
}

/**
 * Local path by object key; none where the shard's part of an object has no line. `isHeaded`: each part of a CSV
 * object gets the object's header.
 */
export async function linkFiles(
  store: ObjectReader,
  engine: Engine,
  extract: ExtractRecord,
  isHeaded: boolean,
): Promise<Map<string, string>> {
  const { directory } = engine
  const paths = new Map<string, string>()
  if (extract.source.kind !== 'files') return paths
  for (const pin of extract.source.pins) {
    const { range } = pin
    if (range === undefined) {
      paths.set(pin.key, await store.download(pin, directory))
      continue
    }
    const header = isHeaded ? await csvHeaderBytes(store, pin) : undefined
    const path = await downloadLines(store, pin, range, directory, header)
    if (path !== undefined) paths.set(pin.key, path)
  }
  return paths
}

/** Relations by table name, each the data files of the pinned snapshot under the columns of its schema. */
export async function linkTables(
  ports: Pick<ReadPorts, 'lake'>,
  engine: Engine,
  pins: readonly TablePin[],
): Promise<Record<string, ScanRelation>> {
  const entries = await Promise.all(
    pins.map(async (pin, i) => [pin.table, await linkTable(ports, engine, pin, i)] as const),
  )
  return Object.fromEntries(entries)
}

async function linkTable(
  ports: Pick<ReadPorts, 'lake'>,
  engine: Engine,
  pin: TablePin,
  i: number,
): Promise<ScanRelation> {
  const { metadata } = await loadTable(ports.lake, pin.metadata_location)
  const files =
    pin.snapshot_id === null ? [] : await listDataFiles(ports.lake, metadata, BigInt(pin.snapshot_id))
  const paths = await linkDataFiles(ports.lake, files, join(engine.directory, `table-${i}`))
  const { fields } = currentSchema(metadata)
  await checkNestedIds(engine, paths, fields)
  const columns = fields.map((field) => ({
    source: field.name,
    name: field.name,
    type: columnTypeOf(field.type, field.name),
    field_id: field.id,
  }))
  return { paths, columns }
}

/** Local paths in the order of `files`. */
export async function linkDataFiles(
  lake: ObjectReader,
  files: readonly LiveFile[],
  directory: string,
): Promise<string[]> {
  await mkdir(directory, { recursive: true })
  return await mapParallel(files, async (file) => lake.download(await pinLive(lake, file), directory))
}

/** Data files never change, so whatever version is there is the one that the manifest means, if it has its size. */
export async function pinLive(lake: ObjectReader, live: LiveFile): Promise<ObjectPin> {
  const info = await lake.head(live.key)
  if (info !== undefined && BigInt(info.size) === live.file.fileSizeInBytes) return info
  throw new IntegrityError({
    code: 'TABLE_FILE_DAMAGED',
    fact: `${live.file.filePath} ${info === undefined ? 'is gone' : `has ${counted(info.size, 'byte')}, not ${live.file.fileSizeInBytes}`}`,
    consequence: 'The table cannot be read whole, so nothing was read',
    next: 'Restore the file from a backup or an older object version',
  })
}

/** Relation names are plain and short; the tables' own names stay in the SQL that people read. */
export function renderSql(dataflow: Dataflow, byTable: Readonly<Record<string, ScanRelation>>) {
  const names = new Map(
    Object.keys(byTable).map((table, i) => [table, `ref_${i}_${table.replace('.', '_')}`]),
  )
  const sql = renderTransformSql(dataflow.transform?.sql as string, (table) => names.get(table) as string)
  const relations = Object.fromEntries(
    Object.entries(byTable).map(([table, r]) => [names.get(table) as string, r]),
  )
  return { sql, relations }
}

/** After the scan: a source that was overwritten in place while it was read has been read torn. */
export async function checkPins(ports: Stores, extract: ExtractRecord): Promise<void> {
  if (extract.source.kind !== 'files') return
  const store = sourceStore(ports, extract.source)
  for (const pin of extract.source.pins) {
    const now = await store.head(pin.key)
    if (now?.etag === pin.etag) continue
    throw new SourceError({
      code: 'SOURCE_CHANGED_WHILE_READ',
      fact: `${store.uri}/${pin.key} was ${now === undefined ? 'removed' : 'replaced'} while it was read`,
      consequence: 'What was read of it was thrown away; nothing became visible',
      next: 'Deliver files whole (write under another name, then rename), and run again',
    })
  }
}
