import { describeParquet, describeSql, discoverJsonColumns } from '../contract/describe.ts'
import type { CsvDialect } from '../contract/scan.ts'
import type { Engine } from '../engine/engine.ts'
import { SourceError } from '../errors.ts'
import type { Dataflow, FileSource } from '../manifest/types.ts'
import type { ReadPorts } from '../ports.ts'
import type { ExtractRecord, FilesPinned } from '../runs/extract-record.ts'
import type { InputDraft } from '../runs/lineage-record.ts'
import { compareCodePoints } from '../stores/code-point-order.ts'
import type { ObjectPin, ObjectReader } from '../stores/object-store.ts'
import { mapParallel } from '../tables/table-files.ts'
import { compressionOf } from './compression.ts'
import { readCsvHeader } from './csv-header.ts'
import { inputBytes, linkFiles, linkTables, renderSql, sourceStore } from './inputs.ts'
import { downloadFooter } from './parquet-ranges.ts'
import { pinsOf } from './shards.ts'

/** `input`: `text`, or the DuckDB type in which the input holds the column. */
export interface InputColumn {
  readonly name: string
  readonly input: 'text' | string
}

type TextDraft = InputDraft & { readonly columns: readonly string[] }

export interface DescribedInputs {
  readonly inputs: readonly InputDraft[]
  /** The union over all inputs, in the order in which they first appear. */
  readonly columns: readonly InputColumn[]
}

/**
 * Finds out which columns the pinned inputs have, without reading their rows: of a CSV object the first record is
 * fetched, of Parquet the footer is read. JSON has to be read for its keys.
 */
export async function describeInputs(
  ports: ReadPorts,
  extract: ExtractRecord,
  dataflow: Dataflow,
  signal: AbortSignal,
): Promise<DescribedInputs> {
  const { source } = extract
  if (source.kind === 'tables') {
    const work = async (engine: Engine) => {
      const relations = await linkTables(ports, engine, source.pins)
      return { inputs: [], columns: await describeSql(engine, renderSql(dataflow, relations)) }
    }
    return await ports.engines.use(work, { signal })
  }
  const files = dataflow.source as FileSource
  const store = sourceStore(ports, source)
  if (files.format === 'csv') return await describeCsv(store, source.pins, files)
  if (extract.shards.length > 0) return await describeShards(ports, { ...extract, source }, files, signal)
  const work = async (engine: Engine) => {
    const paths = await linkFiles(store, engine, extract, false)
    return files.format === 'parquet'
      ? await describeParquetFiles(engine, paths)
      : await describeJson(engine, files, paths)
  }
  return await ports.engines.use(work, {
    signal,
    bytes: files.format === 'parquet' ? 0 : inputBytes(extract),
  })
}

/** As without shards, but with no more on the disk than one shard: of Parquet the footers, of JSON one after another. */
async function describeShards(
  ports: ReadPorts,
  extract: ExtractRecord & { readonly source: FilesPinned },
  source: FileSource,
  signal: AbortSignal,
): Promise<DescribedInputs> {
  const store = sourceStore(ports, extract.source)
  if (source.format === 'parquet') {
    const { pins } = extract.source
    const work = async (engine: Engine) => {
      const files = await mapParallel(pins, (pin) => downloadFooter(store, pin, engine.directory))
      return await describeParquetFiles(engine, new Map(files.map(({ pin, path }) => [pin.key, path])))
    }
    return await ports.engines.use(work, { signal })
  }
  const inputs: TextDraft[] = []
  for (const shard of extract.shards) {
    const part = pinsOf(extract, shard)
    const work = async (engine: Engine) =>
      await describeJson(
        engine,
        source,
        await linkFiles(store, engine, part, false),
        shard.range !== undefined,
      )
    inputs.push(...(await ports.engines.use(work, { signal, bytes: shard.bytes })).inputs)
  }
  const whole = joined(inputs)
  for (const { source: key, columns } of whole) if (columns.length === 0) throw emptyJson(key)
  return { inputs: whole, columns: textColumns(whole) }
}

/** One draft for an object, which has the columns of all its parts. */
function joined(inputs: readonly TextDraft[]): TextDraft[] {
  const byObject = Map.groupBy(inputs, ({ source }) => source)
  return [...byObject.values()].map((parts) => ({
    ...(parts[0] as TextDraft),
    columns: [...new Set(parts.flatMap(({ columns }) => columns))].sort(compareCodePoints),
  }))
}

async function describeCsv(
  store: ObjectReader,
  pins: readonly ObjectPin[],
  source: FileSource,
): Promise<DescribedInputs> {
  const dialect = source.csv as CsvDialect
  const inputs = await mapParallel(pins, async (pin) => {
    const compression = compressionOf(source, pin.key)
    const columns = await readCsvHeader(store, pin, dialect, compression)
    return { kind: 'csv', source: pin.key, columns, dialect, compression } as const
  })
  return { inputs, columns: textColumns(inputs) }
}

async function describeParquetFiles(
  engine: Engine,
  paths: ReadonlyMap<string, string>,
): Promise<DescribedInputs> {
  const files = [...paths].map(([source, path]) => ({ source, path }))
  const columns = await describeParquet(engine, files)
  return { inputs: files.map(({ source }) => ({ kind: 'parquet', source })), columns }
}

async function describeJson(
  engine: Engine,
  source: FileSource,
  paths: ReadonlyMap<string, string>,
  inParts = false,
): Promise<DescribedInputs & { readonly inputs: readonly TextDraft[] }> {
  const format = source.format === 'json' ? 'array' : 'ndjson'
  const inputs: TextDraft[] = []
  for (const [key, path] of paths) {
    const compression = compressionOf(source, key)
    const columns = await discoverJsonColumns(engine, { source: key, path, format, compression })
    if (columns.length === 0 && !inParts) throw emptyJson(key)
    inputs.push({ kind: 'json', source: key, columns, format, compression })
  }
  return { inputs, columns: textColumns(inputs) }
}

function textColumns(inputs: readonly { readonly columns: readonly string[] }[]): InputColumn[] {
  const names = new Set(inputs.flatMap((input) => input.columns))
  return [...names].map((name) => ({ name, input: 'text' }))
}

function emptyJson(key: string): SourceError {
  return new SourceError({
    code: 'SOURCE_EMPTY',
    fact: `${key} holds no JSON object`,
    consequence: 'Nothing was written: which columns it has cannot be told',
    next: 'Deliver at least one object, or leave the file out',
  })
}
