import { describeParquet, describeSql, discoverJsonColumns } from '../contract/describe.ts'
import type { Compression, CsvDialect } from '../contract/scan.ts'
import type { Engine } from '../engine/engine.ts'
import { SourceError } from '../errors.ts'
import type { Dataflow, FileSource } from '../manifest/types.ts'
import type { Ports } from '../ports.ts'
import type { ExtractRecord, InputDraft } from '../runs/records.ts'
import { readCsvHeader } from './csv-header.ts'
import { linkFiles, linkTables, renderSql } from './inputs.ts'

/** `input`: `text`, or the DuckDB type in which the input holds the column. */
export interface InputColumn {
  readonly name: string
  readonly input: 'text' | string
}

export interface DescribedInputs {
  readonly inputs: readonly InputDraft[]
  /** The union over all inputs, in the order in which they first appear. */
  readonly columns: readonly InputColumn[]
}

/** Finds out which columns the pinned inputs have, without reading their rows (JSON has to be read for its keys). */
export async function describeInputs(
  ports: Ports,
  extract: ExtractRecord,
  dataflow: Dataflow,
  signal: AbortSignal,
): Promise<DescribedInputs> {
  return await ports.engines.use(
    async (engine) => {
      if (extract.source.kind === 'tables') {
        const relations = await linkTables(ports, engine, extract.source.pins)
        return { inputs: [], columns: await describeSql(engine, renderSql(dataflow, relations)) }
      }
      const paths = await linkFiles(ports.openSource(extract.source.path), engine, extract)
      return await describeFiles(engine, dataflow.source as FileSource, paths)
    },
    { signal },
  )
}

async function describeFiles(
  engine: Engine,
  source: FileSource,
  paths: ReadonlyMap<string, string>,
): Promise<DescribedInputs> {
  if (source.format === 'parquet') {
    const columns = await describeParquet(
      engine,
      [...paths].map(([key, path]) => ({ source: key, path })),
    )
    return { inputs: [...paths.keys()].map((key) => ({ kind: 'parquet', source: key })), columns }
  }
  const inputs: InputDraft[] = []
  for (const [key, path] of paths) inputs.push(await describeText(engine, source, key, path))
  const names = new Set(inputs.flatMap((input) => ('columns' in input ? input.columns : [])))
  return { inputs, columns: [...names].map((name) => ({ name, input: 'text' })) }
}

async function describeText(
  engine: Engine,
  source: FileSource,
  key: string,
  path: string,
): Promise<InputDraft> {
  const compression = compressionOf(source, key)
  if (source.format === 'csv') {
    const dialect = source.csv as CsvDialect
    return {
      kind: 'csv',
      source: key,
      columns: await readCsvHeader(path, dialect, compression),
      dialect,
      compression,
    }
  }
  const format = source.format === 'json' ? 'array' : 'ndjson'
  const columns = await discoverJsonColumns(engine, { source: key, path, format, compression })
  if (columns.length > 0) return { kind: 'json', source: key, columns, format, compression }
  throw new SourceError({
    code: 'SOURCE_EMPTY',
    fact: `${key} holds no JSON object`,
    consequence: 'Nothing was written: which columns it has cannot be told',
    next: 'Deliver at least one object, or leave the file out',
  })
}

function compressionOf(source: FileSource, key: string): Compression {
  if (source.compression === 'auto') return key.endsWith('.gz') ? 'gzip' : 'none'
  return source.compression
}
