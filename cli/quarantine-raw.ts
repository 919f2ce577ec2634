import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { csvReader } from '../core/contract/readers.ts'
import { reasonCodes } from '../core/contract/rule-names.ts'
import type { CsvDialect } from '../core/contract/scan.ts'
import { quoteLiteral } from '../core/engine/sql.ts'
import { rowIdColumn } from '../core/sources/column-names.ts'
import { type OpenQuarantine, rowPages } from './quarantine-files.ts'

/** Of a dataflow that reads no CSV. */
export const plainCsv = {
  delimiter: ',',
  quote: '"',
  escape: '"',
  header: true,
  null_values: [''],
} as const satisfies CsvDialect

/** Rows without a line's text alone: a record that could not be split has no columns. One of these may be called `_line`. */
const whole = `raw IS NOT NULL AND NOT list_contains(list_transform(reasons, lambda r: r.code), ${quoteLiteral(reasonCodes.structure)})`

/** The raw rows as one JSON object a line; `withIds`: each says first which row it is. */
export async function writeRawLines(
  open: OpenQuarantine,
  where: string,
  path: string,
  withIds = false,
): Promise<number> {
  const stream = createWriteStream(path)
  let rows = 0
  for await (const page of rowPages(open, `${where} AND ${whole}`)) {
    rows += page.length
    const lines = page.map(({ raw, row_id }) => (withIds ? named(raw as string, row_id) : raw))
    stream.write(lines.map((line) => `${line}\n`).join(''))
  }
  stream.end()
  await finished(stream)
  return rows
}

/** The text of the row stays as it is: numbers that JavaScript has not would not. */
function named(raw: string, rowId: string): string {
  const rest = raw.slice(1)
  return `{"${rowIdColumn}":"${rowId}"${rest.trimStart().startsWith('}') ? '' : ','}${rest}`
}

/** The rows of lines with ids as Parquet. */
export async function rawParquet(open: OpenQuarantine, lines: RawLines, path: string): Promise<void> {
  const { read } = await readLines(open, lines)
  await open.engine.run(
    `COPY (SELECT * FROM ${read}) TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION zstd)`,
  )
}

/**
 * The rows of lines with ids as CSV in the dataflow's dialect, every text in quotes and NULL as one of its `null_values`.
 * It is read back as a replay will read it: `false` where that gives other rows, because the dialect has no NULL, or no
 * quotes for what stands in a text.
 */
export async function rawCsv(
  open: OpenQuarantine,
  lines: RawLines,
  path: string,
  dialect: CsvDialect,
): Promise<boolean> {
  const { read, names } = await readLines(open, lines)
  const { delimiter, quote, escape: escapeWith, null_values } = dialect
  const missing = null_values.includes('') ? '' : (null_values[0] ?? '')
  const options = [
    `DELIMITER ${quoteLiteral(delimiter)}`,
    `QUOTE ${quoteLiteral(quote)}`,
    `ESCAPE ${quoteLiteral(escapeWith)}`,
    `NULLSTR ${quoteLiteral(missing)}`,
    ...(quote === '' ? [] : ['FORCE_QUOTE *']),
  ]
  await open.engine.run(
    `COPY (SELECT * FROM ${read}) TO ${quoteLiteral(path)} (FORMAT csv, HEADER, ${options.join(', ')})`,
  )
  const again = csvReader([path], names, { ...dialect, header: true }, true)
  const [row] = await open.engine.rows<{ same: boolean }>(
    `SELECT (SELECT count(*) FROM ${read}) = (SELECT count(*) FROM ${again})
      AND NOT EXISTS (SELECT * FROM ${read} EXCEPT ALL SELECT * FROM ${again}) AS same`,
  )
  return row?.same === true
}

export interface RawLines {
  /** As {@link writeRawLines} has written it, with ids. */
  readonly path: string
  /** Which rows it holds. */
  readonly where: string
}

async function readLines({ engine, rows }: OpenQuarantine, { path, where }: RawLines) {
  const keys = await engine.rows<{ name: string }>(
    `SELECT DISTINCT unnest(json_keys(raw)) AS name FROM ${rows} WHERE ${where} AND ${whole} ORDER BY name`,
  )
  const names = [rowIdColumn, ...keys.map(({ name }) => name)]
  const columns = names.map((name) => `${quoteLiteral(name)}: 'VARCHAR'`).join(', ')
  const options = `format = 'newline_delimited', auto_detect = false, records = true, columns = {${columns}}`
  return { names, read: `read_json(${quoteLiteral(path)}, ${options})` }
}
