import { open, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { ColumnType } from '../contract/column-types.ts'
import { relationSelect } from '../contract/readers.ts'
import type { Engine } from '../engine/engine.ts'
import { quoteIdentifier, quoteLiteral, quoteLiterals } from '../engine/sql.ts'
import { IntegrityError } from '../errors.ts'
import type { ObjectPin, ObjectReader } from '../stores/object-store.ts'
import { mapParallel } from '../tables/table-files.ts'

/** A local file of a pinned object's length. Where it is not `whole`, only the ranges that were fetched are there. */
export interface ParquetFile {
  readonly pin: ObjectPin
  readonly path: string
  readonly whole: boolean
}

/** Bytes. An object up to this is fetched whole: it costs less than to ask for its parts. */
const smallObject = 1 << 20
/** Bytes of the end of a file that nearly always hold its footer. */
const footerGuess = 1 << 16
/** Bytes that are read at a time, and so in memory. */
const chunk = 1 << 24

let made = 0

/**
 * The object with its footer alone, as a sparse file: readers find schema, statistics and row counts in it, and it takes
 * the disk only what the footer takes. What is no Parquet comes out as it is, for the reader to say so.
 */
export async function downloadFooter(
  store: ObjectReader,
  pin: ObjectPin,
  directory: string,
): Promise<ParquetFile> {
  if (pin.size <= smallObject) return { pin, path: await store.download(pin, directory), whole: true }
  const path = join(directory, `ranges-${++made}-${basename(pin.key)}`)
  const end = Buffer.from(await store.read(pin, pin.size - footerGuess, pin.size))
  // Length of the footer, then `PAR1`, in the last 8 bytes (Parquet format, "File format").
  const footer = Math.min(end.readUInt32LE(end.byteLength - 8) + 8, pin.size)
  const file = await open(path, 'wx')
  try {
    await file.truncate(pin.size)
    await file.write(end, 0, end.byteLength, pin.size - end.byteLength)
    if (footer > end.byteLength)
      await copyRange(store, pin, file, pin.size - footer, pin.size - end.byteLength)
  } finally {
    await file.close()
  }
  return { pin, path, whole: false }
}

type FileHandle = Awaited<ReturnType<typeof open>>

async function copyRange(
  store: ObjectReader,
  pin: ObjectPin,
  file: FileHandle,
  start: number,
  end: number,
): Promise<void> {
  for (let at = start; at < end; at += chunk) {
    const bytes = await store.read(pin, at, Math.min(at + chunk, end))
    await file.write(bytes, 0, bytes.byteLength, at)
  }
}

/** Objects whose ranges lie on the disk at a time. */
const batch = 16

/** A column of a table, whatever it was called when a file was written. */
export interface ColumnRef {
  readonly name: string
  readonly field_id: number
  /** As which its values are read. */
  readonly type: ColumnType
}

/**
 * Some columns of the objects in local Parquet files that hold nothing else, unless the objects are small, so that
 * tables larger than the disk can be asked about them. They are found by their field ids, and to be read by them: small
 * files may have them under older names. Objects that lack one of them give no file. Throws `IntegrityError`
 * `PARQUET_COLUMN_INCOMPLETE` where fewer rows were read than the objects' footers count.
 */
export async function downloadColumns(
  store: ObjectReader,
  engine: Engine,
  pins: readonly ObjectPin[],
  columns: readonly ColumnRef[],
  lacking: 'skip' | 'null' = 'skip',
): Promise<string[]> {
  const results: string[] = []
  for (let i = 0; i < pins.length; i += batch) {
    const files = await mapParallel(pins.slice(i, i + batch), (pin) =>
      downloadFooter(store, pin, engine.directory),
    )
    const chunks = Map.groupBy(await columnChunks(engine, files, columns), (chunk) => chunk.path)
    const found = (path: string) => new Set(chunks.get(path)?.map((chunk) => chunk.field_id)).size
    const having = lacking === 'null' ? files : files.filter((file) => found(file.path) === columns.length)
    if (files.every((file) => file.whole)) {
      results.push(...having.map((file) => file.path))
      continue
    }
    await mapParallel(having, (file) => fillIn(store, file, chunks.get(file.path) ?? []))
    if (having.length > 0) {
      const rows = await countRows(engine, having)
      results.push(await extractColumns(engine, having, columns, rows))
    }
    for (const { path } of files) await rm(path)
  }
  return results
}

interface ColumnChunk extends Record<string, unknown> {
  readonly path: string
  readonly field_id: bigint
  readonly start: bigint
  readonly size: bigint
}

/** Where the columns' pages lie, by row group, of a nested one those of its leaves; a dictionary comes before them. */
async function columnChunks(
  engine: Engine,
  files: readonly ParquetFile[],
  columns: readonly ColumnRef[],
): Promise<ColumnChunk[]> {
  const paths = quoteLiterals(files.map((file) => file.path))
  return await engine.rows<ColumnChunk>(
    `SELECT m.file_name AS path, s.field_id,
       least(coalesce(nullif(m.dictionary_page_offset, 0), m.data_page_offset), m.data_page_offset) AS start,
       m.total_compressed_size AS size
     FROM parquet_metadata(${paths}) m
     JOIN parquet_schema(${paths}) s ON s.file_name = m.file_name
       AND (s.name = m.path_in_schema OR starts_with(m.path_in_schema, s.name || ', '))
     WHERE s.field_id IN (${columns.map((column) => column.field_id).join(', ')})`,
  )
}

/** As the footers have it. */
async function countRows(engine: Engine, files: readonly ParquetFile[]): Promise<number> {
  const paths = quoteLiterals(files.map((file) => file.path))
  const [row] = await engine.rows<{ rows: bigint }>(
    `SELECT CAST(sum(num_rows) AS BIGINT) AS rows FROM parquet_file_metadata(${paths})`,
  )
  return Number(row!.rows)
}

async function fillIn(store: ObjectReader, file: ParquetFile, chunks: readonly ColumnChunk[]): Promise<void> {
  if (file.whole) return
  const handle = await open(file.path, 'r+')
  try {
    for (const { start, size } of chunks) {
      await copyRange(store, file.pin, handle, Number(start), Number(start + size))
    }
  } finally {
    await handle.close()
  }
}

/** Without any condition on the values: a reader that filters looks at filters and indexes that were not fetched. */
async function extractColumns(
  engine: Engine,
  files: readonly ParquetFile[],
  columns: readonly ColumnRef[],
  expected: number,
): Promise<string> {
  const path = join(engine.directory, `columns-${++made}.parquet`)
  const paths = files.map((file) => file.path)
  const values = columnsSelect(paths, columns)
  const ids = columns.map(({ name, field_id }) => `${quoteIdentifier(name)}: ${field_id}`)
  const { files: written } = await engine.copy(
    `COPY (${values}) TO ${quoteLiteral(path)} (FORMAT parquet, RETURN_STATS, FIELD_IDS {${ids.join(', ')}})`,
  )
  const rows = written.reduce((sum, file) => sum + file.rows, 0)
  if (rows === expected) return path
  const names = columns.map(({ name }) => name)
  throw new IntegrityError({
    code: 'PARQUET_COLUMN_INCOMPLETE',
    fact: `${names.join(', ')} of ${files.map((file) => file.pin.key).join(', ')} gave ${rows} rows, and the footers count ${expected}`,
    consequence: 'Nothing became visible',
    next: 'Verify the files of the table (sluice evidence verify), and report this if they are as written',
    details: { columns: names, rows, expected },
  })
}

/** The columns of local Parquet files by field id, each under its name. */
export function columnsSelect(paths: readonly string[], columns: readonly ColumnRef[]): string {
  return relationSelect({ paths, columns: columns.map((column) => ({ source: column.name, ...column })) })
}
