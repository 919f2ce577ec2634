import { constants } from 'node:fs'
import { copyFile, stat } from 'node:fs/promises'
import { extname, join, resolve } from 'node:path'
import { quoteLiteral } from '../core/engine/sql.ts'
import { ManifestError } from '../core/errors.ts'
import type { FileSource } from '../core/manifest/types.ts'
import { loadDataflow } from '../core/runs/manifest-store.ts'
import { readRun } from '../core/runs/runs.ts'
import { exitCodes } from './fail.ts'
import { type Records, withRecords } from './home.ts'
import type { Io } from './io.ts'
import {
  findQuarantine,
  type OpenQuarantine,
  type Quarantine,
  rowColumns,
  withRejectedRows,
} from './quarantine-files.ts'
import { plainCsv, rawCsv, rawParquet, writeRawLines } from './quarantine-raw.ts'
import { emit } from './report.ts'
import { bytes, plural } from './words.ts'

export interface ExportOptions {
  readonly to: string
  /** Only the rows themselves, as they were delivered: what is corrected and replayed. */
  readonly raw?: boolean
  readonly pending?: boolean
}

type Format = 'parquet' | 'ndjson' | 'csv'

/** Writes the rejected rows of one dataflow to a file of this machine, by the end of its name. Replaces none. */
export async function exportQuarantine(
  io: Io,
  runId: string,
  dataflow: string,
  { to, raw, pending }: ExportOptions,
): Promise<number> {
  const format = formatOf(to)
  const target = resolve(to)
  if ((await stat(target).catch(() => undefined)) !== undefined) throw taken(to)
  return await withRecords(io, runId, async (records) => {
    const found = await findQuarantine(records, runId, dataflow)
    if (raw === true) checkRaw(found)
    const where = pending === true ? 'NOT acknowledged' : 'true'
    const rows = await withRejectedRows(records, found, async (open) => {
      const file =
        raw === true
          ? await rawFile(open, where, format, await sourceOf(records, found))
          : await rowFile(open, where, format)
      await copyNew(file.path, target, to)
      return file.rows
    })
    const { size } = await stat(target)
    const data = {
      schema: 'sluice.quarantine_export.v1',
      run_id: runId,
      dataflow,
      format,
      rows,
      bytes: size,
      to,
    }
    emit(io, data, [
      { kind: 'text', text: `${plural(rows, 'row')} written to ${to} (${format}, ${bytes(size)})` },
    ])
    return exitCodes.success
  })
}

/** The source as the run has read it that rejected the rows. */
async function sourceOf(records: Records, { index }: Quarantine): Promise<Pick<FileSource, 'csv'>> {
  const { manifest } = await readRun(records, index.run_id)
  return (await loadDataflow(records.evidence, manifest, index.dataflow)).source ?? {}
}

/** Also where somebody else has made the file meanwhile, or a link leads to where there is none yet. */
async function copyNew(from: string, target: string, to: string): Promise<void> {
  try {
    await copyFile(from, target, constants.COPYFILE_EXCL)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw taken(to)
    if (code === 'ENOENT') throw refused(`there is no directory for ${to}`, 'Make it first')
    throw error
  }
}

function taken(to: string): ManifestError {
  return refused(`there is a ${to} already`, 'Choose another name')
}

function formatOf(to: string): Format {
  const end = extname(to).slice(1)
  if (end === 'parquet' || end === 'ndjson' || end === 'csv') return end
  throw refused(
    `${to} ends in none of .parquet, .ndjson, .csv`,
    'Name the file after the format that it should have',
  )
}

function checkRaw({ index }: Quarantine): void {
  if (index.pii_policy === 'preserve') return
  throw refused(
    `the rows were not kept (pii_policy: ${index.pii_policy})`,
    'Export without --raw, and correct the rows at their source',
  )
}

interface Written {
  readonly path: string
  readonly rows: number
}

async function rowFile(open: OpenQuarantine, where: string, format: Format): Promise<Written> {
  const path = join(open.engine.directory, `export.${format}`)
  // A list in a CSV field is read by nobody the same way; JSON is.
  const columns = format === 'csv' ? rowColumns.replace('reasons', 'to_json(reasons) AS reasons') : rowColumns
  await copy(
    open,
    `SELECT ${columns} FROM ${open.rows} WHERE ${where} ORDER BY part, file_row_number`,
    path,
    format,
  )
  return { path, rows: await rowsWritten(open, where) }
}

async function rowsWritten({ engine, rows }: OpenQuarantine, where: string): Promise<number> {
  const [row] = await engine.rows<{ rows: bigint }>(`SELECT count(*) AS rows FROM ${rows} WHERE ${where}`)
  return Number(row?.rows)
}

async function rawFile(
  open: OpenQuarantine,
  where: string,
  format: Format,
  { csv }: Pick<FileSource, 'csv'>,
): Promise<Written> {
  const lines = join(open.engine.directory, 'raw.ndjson')
  const rows = await writeRawLines(open, where, lines, true)
  if (rows === 0) throw refused('no row of this quarantine was kept whole', 'Export without --raw')
  if (format === 'ndjson') return { path: lines, rows }
  const path = join(open.engine.directory, `raw.${format}`)
  if (format === 'parquet') await rawParquet(open, { path: lines, where }, path)
  else if (!(await rawCsv(open, { path: lines, where }, path, csv ?? plainCsv)))
    throw refused(
      'CSV as the dataflow reads it (source.csv) has no spelling for some of these values',
      'Export them as .ndjson',
    )
  return { path, rows }
}

async function copy({ engine }: OpenQuarantine, select: string, path: string, format: Format): Promise<void> {
  const options = {
    parquet: 'FORMAT parquet, COMPRESSION zstd',
    ndjson: 'FORMAT json',
    csv: 'FORMAT csv, HEADER',
  }[format]
  await engine.run(`COPY (${select}) TO ${quoteLiteral(path)} (${options})`)
}

function refused(fact: string, next: string): ManifestError {
  return new ManifestError({ code: 'EXPORT_REFUSED', fact, consequence: 'Nothing was written', next })
}
