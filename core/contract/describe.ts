import type { Engine } from '../engine/engine.ts'
import { wordsOfBinding } from '../engine/engine-errors.ts'
import { quoteLiterals } from '../engine/sql.ts'
import { SourceError, TerminalError } from '../errors.ts'
import { readableInputs } from './readable-inputs.ts'
import { jsonReader, namingSource, parquetReader } from './readers.ts'
import { keepsValues } from './same-values.ts'
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
 * Throws `SourceError` `SOURCE_UNREADABLE`, and `SOURCE_TYPES_DIFFER` where a column has one type in one file and one
 * in another, and what both are read as does not keep their values; `TerminalError` `COLUMN_RESERVED` for a column
 * `file_row_number`, and `COLUMN_TYPE_UNSUPPORTED` for decimals of more than 38 digits: DuckDB reads them as doubles
 * of another value (seen: 1e50 as 2.8e64).
 */
export async function describeParquet(
  engine: Engine,
  files: readonly { readonly source: string; readonly path: string }[],
): Promise<DescribedColumn[]> {
  const reader = parquetReader(files.map((file) => file.path))
  return await namingSource(files, async () => {
    const columns = await describe(engine, `SELECT * FROM ${reader}`)
    refuseRowNumber(columns)
    if (columns.some(({ name }) => /_\d+$/.test(name))) await refuseNamesakes(engine, files)
    if (columns.some((column) => column.input.includes('DOUBLE'))) await refuseLongDecimals(engine, files)
    if (files.length > 1) await refuseOtherValues(engine, files, columns)
    return columns
  })
}

/** The scan has the reader number the rows, and it gives the number no other name. */
function refuseRowNumber(columns: readonly DescribedColumn[]): void {
  const taken = columns.find(({ name }) => name.toLowerCase() === 'file_row_number')
  if (taken === undefined) return
  throw new TerminalError({
    code: 'COLUMN_RESERVED',
    fact: `Column ${taken.name} has the name by which the engine's reader of Parquet numbers rows`,
    consequence: 'Nothing was read: rejected rows could not be told apart',
    next: 'Deliver the column under another name',
    details: { column: taken.name },
  })
}

/** Of two columns that differ by case alone the engine calls one `name_1`. */
async function refuseNamesakes(
  engine: Engine,
  files: readonly { readonly source: string; readonly path: string }[],
): Promise<void> {
  const leaves = await engine.rows<{ path: string; name: string; children: bigint | null }>(
    `SELECT file_name AS path, name, num_children AS children
     FROM parquet_schema(${quoteLiterals(files.map(({ path }) => path))}) ORDER BY file_name, column_id`,
  )
  for (const [path, nodes] of Map.groupBy(leaves, (leaf) => leaf.path)) {
    const seen = new Map<string, string>()
    // The root, then each column with all that is nested in it.
    for (let at = 1; at < nodes.length; at = behind(nodes, at)) {
      const { name } = nodes[at]!
      const before = seen.get(name.toLowerCase())
      seen.set(name.toLowerCase(), name)
      if (before === undefined) continue
      throw new TerminalError({
        code: 'COLUMN_COLLISION',
        fact: `${files.find((file) => file.path === path)?.source} has two columns ${before} and ${name}, which SQL does not tell apart`,
        consequence: 'Nothing was read',
        next: 'Rename the column in the source',
      })
    }
  }
}

/** The node after the one at `at` and all below it, in the order of a walk from the root. */
function behind(nodes: readonly { readonly children: bigint | null }[], at: number): number {
  let next = at + 1
  for (let left = Number(nodes[at]!.children ?? 0); left > 0; left--) next = behind(nodes, next)
  return next
}

/** One file of each schema is asked; most deliveries have one. */
async function refuseOtherValues(
  engine: Engine,
  files: readonly { readonly source: string; readonly path: string }[],
  columns: readonly DescribedColumn[],
): Promise<void> {
  const paths = quoteLiterals(files.map(({ path }) => path))
  const schemas = await engine.rows<{ path: string }>(
    `SELECT min(path) AS path FROM (
       SELECT file_name AS path, list(parquet_schema ORDER BY column_id) AS leaves FROM (
         SELECT file_name, column_id, {'n': name, 't': type, 'd': duckdb_type, 'l': logical_type, 'c': num_children} AS parquet_schema
         FROM parquet_schema(${paths})) GROUP BY 1) GROUP BY leaves ORDER BY 1`,
  )
  if (schemas.length < 2) return
  const held = new Map<string, { input: string; source: string }[]>()
  for (const { path } of schemas) {
    const { source } = files.find((file) => file.path === path) as { source: string }
    for (const { name, input } of await describe(engine, `SELECT * FROM ${parquetReader([path])}`)) {
      const key = name.toLowerCase()
      held.set(key, [...(held.get(key) ?? []), { input, source }])
    }
  }
  for (const { name, input } of columns) {
    const types = held.get(name.toLowerCase()) ?? []
    if (types.every((type) => keepsValues(type.input, input))) continue
    const distinct = types.filter((type, i) => types.findIndex((each) => each.input === type.input) === i)
    const told = distinct.slice(0, 3).map((type) => `${type.input} in ${type.source}`)
    throw new SourceError({
      code: 'SOURCE_TYPES_DIFFER',
      fact: `Column ${name} is ${told.join(' and ')}, and no one type that they are read as keeps the values of all`,
      consequence: 'Nothing was read: values would have come out as others',
      next: 'Deliver the column with one type, or load the files in dataflows of their own',
      details: { column: name, types: distinct.slice(0, 20) },
    })
  }
}

async function refuseLongDecimals(
  engine: Engine,
  files: readonly { readonly path: string }[],
): Promise<void> {
  const paths = quoteLiterals(files.map((file) => file.path))
  const [column] = await engine.rows<{ name: string; precision: bigint; scale: bigint }>(
    `SELECT name, precision, scale FROM parquet_schema(${paths}) WHERE precision > 38 LIMIT 1`,
  )
  if (column === undefined) return
  throw new TerminalError({
    code: 'COLUMN_TYPE_UNSUPPORTED',
    fact: `Column ${column.name} has type DECIMAL(${column.precision},${column.scale}), and a table's decimals have at most 38 digits`,
    consequence: 'Nothing was read',
    next: 'Deliver the column with 38 digits or fewer, or as text',
    details: { column: column.name },
  })
}

/** Output columns of a transform that {@link checkTransformSql} let through; nothing of it is run. */
export async function describeSql(
  engine: Engine,
  transform: { readonly sql: string; readonly relations: Readonly<Record<string, ScanRelation>> },
): Promise<DescribedColumn[]> {
  try {
    const view = await createRelations(engine, transform.sql, transform.relations)
    return await describe(engine, `SELECT * FROM ${view}`)
  } catch (error) {
    if (!(error instanceof TerminalError) || error.code !== 'ENGINE_STATEMENT') throw error
    const fact = wordsOfBinding(error)
    throw new TerminalError({ code: error.code, fact, consequence: 'Nothing was read', cause: error.cause })
  }
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
