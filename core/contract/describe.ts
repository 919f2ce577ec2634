import type { Engine } from '../engine/engine.ts'
import { readableInputs } from './readable-inputs.ts'
import { jsonReader, namingSource, parquetReader } from './readers.ts'
import type { Compression, ScanRelation } from './scan.ts'
import { createRelations } from './transform-sql.ts'

/** One column of an input and the DuckDB type in which the input holds it. */
export interface DescribedColumn {
  readonly name: string
  readonly input: string
}

interface Described extends Record<string, unknown> {
  readonly column_name: string
  readonly column_type: string
}

/**
 * The union of the files' columns by name, in order of appearance, from their footers alone.
 * Throws `SourceError` `SOURCE_UNREADABLE`.
 */
export async function describeParquet(
  engine: Engine,
  files: readonly { readonly source: string; readonly path: string }[],
): Promise<DescribedColumn[]> {
  const reader = parquetReader(files.map((file) => file.path))
  return await namingSource(files, async () => await describe(engine, `SELECT * FROM ${reader}`))
}

/** Output columns of a transform that {@link checkTransformSql} let through; nothing of it is run. */
export async function describeSql(
  engine: Engine,
  transform: { readonly sql: string; readonly relations: Readonly<Record<string, ScanRelation>> },
): Promise<DescribedColumn[]> {
  const view = await createRelations(engine, transform.sql, transform.relations)
  return await describe(engine, `SELECT * FROM ${view}`)
}

async function describe(engine: Engine, sql: string): Promise<DescribedColumn[]> {
  const rows = await engine.rows<Described>(`DESCRIBE ${sql}`)
  return rows.map((row) => ({ name: row.column_name, input: row.column_type }))
}

/**
 * All keys of all top-level objects of a JSON file, sorted: it is read to its end, since a key that only the
 * last object has is a column as well. Throws `SourceError` `SOURCE_UNREADABLE`.
 */
export async function discoverJsonColumns(
  engine: Engine,
  file: {
    readonly source: string
    readonly path: string
    readonly format: 'ndjson' | 'array'
    readonly compression: Compression
  },
): Promise<string[]> {
  const [input] = await readableInputs(engine, [{ kind: 'json', columns: [], ...file }])
  const reader = jsonReader([(input as typeof file).path], file.format, undefined)
  const rows = await namingSource([file], () =>
    engine.rows<{ name: string }>(
      `SELECT DISTINCT unnest(json_keys(json)) AS name FROM ${reader} ORDER BY name`,
    ),
  )
  return rows.map((row) => row.name)
}
