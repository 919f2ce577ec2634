import { quoteIdentifier, quoteLiteral, quoteLiterals } from '../engine/sql.ts'
import { SourceError } from '../errors.ts'
import { sqlType } from './lake-types.ts'
import type { CsvDialect, ScanRelation } from './scan.ts'
import { unreadable } from './unreadable.ts'

/** Bytes; see readable-inputs.ts. */
export const maxLineBytes = 1 << 21

/**
 * Every column as text. A quoted empty field is an empty string, an unquoted one is NULL where the
 * dialect's `null_values` list it. Lines that do not fit go to `reject_errors` with their number, or are left out
 * where they have been told before (`again`): then one thread reads, in the order of the file. `file` names a further
 * column with each row's path.
 */
export function csvReader(
  paths: readonly string[],
  columns: readonly string[],
  dialect: CsvDialect,
  again = false,
  file?: string,
): string {
  const options = [
    'auto_detect = false',
    `header = ${dialect.header}`,
    `delim = ${quoteLiteral(dialect.delimiter)}`,
    `quote = ${quoteLiteral(dialect.quote)}`,
    `escape = ${quoteLiteral(dialect.escape)}`,
    `nullstr = ${quoteLiterals(dialect.null_values.length === 0 ? [noField] : dialect.null_values)}`,
    'allow_quoted_nulls = false',
    `max_line_size = ${maxLineBytes}`,
    'ignore_errors = true',
    ...(again ? ['parallel = false'] : ['store_rejects = true', 'rejects_limit = 0']),
    ...fileOption(file),
    `columns = ${textColumns(columns)}`,
  ]
  return `read_csv(${quoteLiterals(paths)}, ${options.join(', ')})`
}

/** The engine wants a spelling of NULL, and no unquoted field is a line end. */
const noField = '\n'

/**
 * The named keys as text (nested values as JSON text), or without `columns` the whole object as `json`.
 * JSON numbers beyond 64-bit integers pass through a double, as in JavaScript: `1.50` reads `1.5`. `file` as of CSV.
 */
export function jsonReader(
  paths: readonly string[],
  format: 'ndjson' | 'array',
  columns: readonly string[] | undefined,
  file?: string,
): string {
  const options = [
    'auto_detect = false',
    ...fileOption(file),
    `format = ${format === 'ndjson' ? "'newline_delimited'" : "'array'"}`,
    ...(columns === undefined
      ? ['records = false', "columns = {json: 'JSON'}"]
      : ['records = true', `columns = ${textColumns(columns)}`]),
  ]
  return `read_json(${quoteLiterals(paths)}, ${options.join(', ')})`
}

/** By a name of its own, since a column `filename` that the files have would hide the engine's. */
export function fileOption(file: string | undefined): string[] {
  return file === undefined ? [] : [`filename = ${quoteLiteral(file)}`]
}

export function parquetReader(paths: readonly string[], options: readonly string[] = []): string {
  return `read_parquet(${[quoteLiterals(paths), 'union_by_name = true', ...options].join(', ')})`
}

function textColumns(columns: readonly string[]): string {
  return `{${columns.map((name) => `${quoteIdentifier(name)}: 'VARCHAR'`).join(', ')}}`
}

/**
 * A relation's SELECT. Where every column has a field id the files are read by it, so that columns renamed,
 * added or moved since a file was written come out right; otherwise by name.
 */
export function relationSelect({ paths, columns }: ScanRelation): string {
  if (paths.length === 0) {
    const empty = columns.map(
      ({ name, type }) => `CAST(NULL AS ${sqlType(type)}) AS ${quoteIdentifier(name)}`,
    )
    return `SELECT ${empty.join(', ')} WHERE false`
  }
  if (columns.every((column) => column.field_id !== undefined)) {
    const fields = columns.map(
      ({ field_id, name, type }) =>
        `${field_id}: {name: ${quoteLiteral(name)}, type: ${quoteLiteral(sqlType(type))}, default_value: NULL}`,
    )
    return `SELECT * FROM read_parquet(${quoteLiterals(paths)}, schema = MAP {${fields.join(', ')}})`
  }
  const list = columns.map(({ source, name }) => `${quoteIdentifier(source)} AS ${quoteIdentifier(name)}`)
  return `SELECT ${list.join(', ')} FROM ${parquetReader(paths)}`
}

/** Runs `work`; a `SourceError` out of it names the source whose path DuckDB's message holds. */
export async function namingSource<T>(
  files: readonly { readonly source: string; readonly path?: string; readonly from_byte?: number }[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof SourceError) || error.code !== 'SOURCE_UNREADABLE') throw error
    const said = error.cause instanceof Error ? error.cause.message : error.message
    const named = files.filter((file) => file.path !== undefined && said.includes(file.path))
    const sources = (named.length > 0 ? named : files).map((file) => file.source)
    const { fact: what, next } = unreadable(said)
    let fact = what
    for (const { path, source, from_byte } of named) {
      const part = from_byte === undefined ? '' : ` (from byte ${from_byte} on)`
      fact = fact.replaceAll(path as string, `${source}${part}`)
    }
    throw new SourceError({
      code: 'SOURCE_UNREADABLE',
      fact: `${sources.join(', ')} cannot be read: ${fact}`,
      consequence: 'Nothing was written',
      next,
      details: { sources },
      cause: error.cause,
    })
  }
}
