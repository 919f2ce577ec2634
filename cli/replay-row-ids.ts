import { copyFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { describeParquet, discoverJsonColumns } from '../core/contract/describe.ts'
import { csvReader, jsonReader, parquetReader } from '../core/contract/readers.ts'
import type { CsvDialect } from '../core/contract/scan.ts'
import type { Engine } from '../core/engine/engine.ts'
import { quoteIdentifier } from '../core/engine/sql.ts'
import { SourceError } from '../core/errors.ts'
import type { Covers } from '../core/runs/acknowledgements.ts'
import type { ReplayInput } from '../core/runs/replay.ts'
import { rowIdColumn } from '../core/sources/column-names.ts'
import { readCsvHeader } from '../core/sources/csv-header.ts'
import { openDirectoryStore } from '../core/stores/directory-object-store.ts'
import type { Records } from './home.ts'
import { coversSql, type OpenQuarantine, type Quarantine, withRejectedRows } from './quarantine-files.ts'
import { refused } from './replay-input.ts'
import { plural } from './words.ts'

/**
 * A file of corrected rows that says which rejected row each is has every chosen row exactly once: counted alone, a row
 * that is there twice would stand for one that is missing, which would be acknowledged and lost. The plan names the
 * digest of these bytes, so what holds here holds for the run. Throws `ManifestError` `REPLAY_REFUSED`.
 */
export async function checkRowIds(
  records: Records,
  found: Quarantine,
  given: { readonly covers: Covers; readonly input: ReplayInput; readonly local: string },
): Promise<void> {
  await withRejectedRows(records, found, async (open) => {
    const path = join(open.engine.directory, `corrected${extname(given.local)}`)
    await copyFile(given.local, path)
    const reader = await idReader(open.engine, given.input, path)
    if (reader !== undefined) await compareIds(open, reader, given.covers)
  })
}

async function compareIds(open: OpenQuarantine, reader: string, covers: Covers): Promise<void> {
  const [row] = await open.engine.rows<Record<'missing' | 'unknown' | 'doubled', bigint>>(`
    SELECT count(*) FILTER (given.times IS NULL) AS missing,
      count(*) FILTER (wanted.row_id IS NULL) AS unknown,
      count(*) FILTER (wanted.row_id IS NOT NULL AND given.times > 1) AS doubled
    FROM (SELECT row_id FROM ${open.rows} WHERE NOT acknowledged AND ${coversSql(covers)}) wanted
    FULL JOIN (SELECT CAST(${quoteIdentifier(rowIdColumn)} AS VARCHAR) AS row_id, count(*) AS times
      FROM ${reader} GROUP BY 1) given USING (row_id)`)
  const wrong = [
    [row?.missing, 'missing'],
    [row?.doubled, 'there more than once'],
    [row?.unknown, 'none of those that are replayed'],
  ] as const
  const said = wrong.flatMap(([count = 0n, what]) =>
    count === 0n ? [] : [`${plural(Number(count), 'row is', 'rows are')} ${what}`],
  )
  if (said.length === 0) return
  throw refused(
    `by the ${rowIdColumn} of its rows the file is not of these rejected rows: ${said.join(', ')}`,
    'Give it each of them once; acknowledge those that stay out (sluice quarantine ack), or choose rows with --row or --code',
  )
}

/** `undefined`: its rows do not say which they are, or it cannot be read, which gates 1 and 2 say better. */
async function idReader(engine: Engine, input: ReplayInput, path: string): Promise<string | undefined> {
  try {
    return await readerOf(engine, input, path)
  } catch (error) {
    if (error instanceof SourceError) return undefined
    throw error
  }
}

async function readerOf(
  engine: Engine,
  { format, csv, object }: ReplayInput,
  path: string,
): Promise<string | undefined> {
  const file = { source: object.key, path }
  if (format === 'parquet') {
    const columns = await describeParquet(engine, [file])
    return columns.some(({ name }) => name === rowIdColumn) ? parquetReader([path]) : undefined
  }
  if (format === 'csv') {
    const columns = await headerOf(engine, path, csv as CsvDialect)
    return columns.includes(rowIdColumn) ? csvReader([path], columns, csv as CsvDialect, true) : undefined
  }
  const json = format === 'json' ? 'array' : 'ndjson'
  const columns = await discoverJsonColumns(engine, { ...file, format: json, compression: 'none' })
  return columns.includes(rowIdColumn) ? jsonReader([path], json, [rowIdColumn]) : undefined
}

async function headerOf(engine: Engine, path: string, dialect: CsvDialect): Promise<string[]> {
  const store = openDirectoryStore(engine.directory)
  const pin = await store.head(path.slice(engine.directory.length + 1))
  return pin === undefined ? [] : await readCsvHeader(store, pin, dialect, 'none')
}
