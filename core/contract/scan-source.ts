import type { Engine } from '../engine/engine.ts'
import { quoteIdentifier, quoteLiteral, quoteLiterals } from '../engine/sql.ts'
import { IntegrityError } from '../errors.ts'
import { csvReader, fileOption, jsonReader, parquetReader } from './readers.ts'
import type { ScanInput, ScanRequest } from './scan.ts'
import { transformedSource } from './scan-transformers.ts'
import { createRelations } from './transform-sql.ts'

/** The inputs as one table expression of raw columns. */
export interface ScanSource {
  readonly from: string
  /** Further raw expressions that the reasons need. */
  readonly extras: readonly string[]
  /** Name of the extra column that holds a row's file path, where there are several files. */
  readonly file?: string
  /** Name of the extra column that holds a row's number in its file, counted from 1. */
  readonly row?: string
  /** Where rows have no number: what tells a row's record in its file. */
  readonly record?: ScanRecord
  /** Rows of the inputs where the scan's own operators cannot tell, since filters reach into the reader. */
  readonly countRows?: () => Promise<number>
  /** Whether `reject_errors` exists after the scan. */
  readonly csv: boolean
}

/** The texts of all columns of the files. */
export interface ScanRecord {
  readonly columns: readonly string[]
  /** Names of the extra columns that hold them, in the same order. */
  readonly fields: readonly string[]
}

/**
 * `undefined` where the inputs can hold no row (no input, or CSV files without a header).
 *
 * `numbered`: rows of text carry their number, too. No reader gives it, and counting them holds the whole scan to one
 * thread; so it is for a second reading of what the first one has rejected.
 */
export async function scanSource(
  engine: Engine,
  request: ScanRequest,
  inputs: readonly ScanInput[],
  numbered = false,
): Promise<ScanSource | undefined> {
  const source = await readSource(engine, request, inputs, numbered)
  const { transformers } = request
  return source === undefined || transformers === undefined ? source : transformedSource(source, transformers)
}

async function readSource(
  engine: Engine,
  request: ScanRequest,
  inputs: readonly ScanInput[],
  numbered: boolean,
): Promise<ScanSource | undefined> {
  const readable = inputs.filter((input) => !('columns' in input) || input.columns.length > 0)
  const kinds = new Set(readable.map((input) => input.kind))
  if (readable.length === 0) return undefined
  if (kinds.size > 1 || (kinds.has('sql') && readable.length > 1)) {
    throw new IntegrityError({
      code: 'SCAN_INPUTS_MIXED',
      fact: 'One scan reads inputs of one kind, and one SQL at most',
    })
  }
  const first = readable[0]!
  if (first.kind === 'sql') {
    return { from: await createRelations(engine, first.sql, first.relations), extras: [], csv: false }
  }
  const several = readable.length > 1 || numbered
  const file = several ? { file: pathColumn } : {}
  const extras = several ? [pathColumn] : []
  if (first.kind === 'parquet') {
    const paths = readable.map((input) => (input as typeof first).path)
    const filtered = request.watermark?.columns.some((column) => column.after !== undefined)
    return {
      from: parquetReader(paths, ['file_row_number = true', ...fileOption(several ? pathColumn : undefined)]),
      extras: [...extras, `file_row_number + 1 AS ${rowColumn}`],
      ...file,
      row: rowColumn,
      ...(filtered ? { countRows: () => parquetRows(engine, paths) } : {}),
      csv: false,
    }
  }
  const wanted = wantedColumns(request)
  if (numbered) {
    const from = union((readable as TextInput[]).map((input) => numberedSelect(input, wanted)))
    return { from, extras: [pathColumn, rowColumn], ...file, row: rowColumn, csv: false }
  }
  const from = union(alike(readable as TextInput[]).map((group) => textSelect(group, wanted, several)))
  const record = recordOf(request, readable as TextInput[], wanted)
  return {
    from,
    extras: [
      ...extras,
      ...(record?.columns ?? []).map((name, i) => `${quoteIdentifier(name)} AS ${record!.fields[i]}`),
    ],
    ...file,
    ...(record === undefined ? {} : { record }),
    csv: first.kind === 'csv',
  }
}

function union(parts: readonly string[]): string {
  return parts.length === 1
    ? parts[0]!
    : `(${parts.map((part) => `SELECT * FROM ${part}`).join(' UNION ALL ')})`
}

/** Names that no column of a source has. */
const pathColumn = '_sluice_path'
const rowColumn = '_sluice_row'

/** One file, its rows counted from 1 as its reader gives them: in their order, without those that it cannot split. */
function numberedSelect(input: TextInput, wanted: readonly string[]): string {
  const reader =
    input.kind === 'csv'
      ? csvReader([input.path], input.columns, input.dialect, true)
      : jsonReader([input.path], input.format, input.columns)
  const columns = [
    ...wanted.map((name) => columnOf(input, name)),
    `${quoteLiteral(input.path)} AS ${pathColumn}`,
    `row_number() OVER () AS ${rowColumn}`,
  ]
  return `(SELECT ${columns.join(', ')} FROM ${reader})`
}

/**
 * Of lines of CSV whose columns are all read. Rows that are held in memory, as deduplicating does, would be held twice.
 */
function recordOf(
  { transformers }: ScanRequest,
  inputs: readonly TextInput[],
  wanted: readonly string[],
): ScanRecord | undefined {
  const isWhole = inputs.every(
    ({ kind, columns }) => kind === 'csv' && columns.every((name) => wanted.includes(name)),
  )
  if (!isWhole || transformers?.removes.some(({ why }) => why === 'deduplicated')) return undefined
  return { columns: wanted, fields: wanted.map((_, i) => `_sluice_f${i}`) }
}

function wantedColumns({ transformers, columns, unexpected }: ScanRequest): readonly string[] {
  if (transformers !== undefined) return transformers.reads.map(({ name }) => name)
  const sources = [...columns, ...(unexpected ?? [])].map(({ source }) => source)
  return [...new Set(sources.filter((source) => source !== null))]
}

type TextInput = Extract<ScanInput, { kind: 'csv' | 'json' }>

/** Files with the same columns and dialect are read by one reader. */
function alike(inputs: readonly TextInput[]): TextInput[][] {
  const groups = new Map<string, TextInput[]>()
  for (const input of inputs) {
    const key = JSON.stringify([input.columns, input.kind === 'csv' ? input.dialect : input.format])
    groups.set(key, [...(groups.get(key) ?? []), input])
  }
  return [...groups.values()]
}

/** A column that these files do not have is NULL. */
function textSelect(group: readonly TextInput[], wanted: readonly string[], withFile: boolean): string {
  const first = group[0]!
  const paths = group.map((input) => input.path)
  const file = withFile ? pathColumn : undefined
  const reader =
    first.kind === 'csv'
      ? csvReader(paths, first.columns, first.dialect, false, file)
      : jsonReader(paths, first.format, first.columns, file)
  const lacking = wanted.filter((name) => !first.columns.includes(name))
  if (lacking.length === 0 && !withFile) return reader
  const columns = wanted.map((name) => columnOf(first, name))
  return `(SELECT ${[...columns, ...(file === undefined ? [] : [file])].join(', ')} FROM ${reader})`
}

function columnOf(input: TextInput, name: string): string {
  const column = quoteIdentifier(name)
  return input.columns.includes(name) ? column : `CAST(NULL AS VARCHAR) AS ${column}`
}

async function parquetRows(engine: Engine, paths: readonly string[]): Promise<number> {
  const [row] = await engine.rows<{ rows: bigint }>(
    `SELECT CAST(sum(num_rows) AS BIGINT) AS rows FROM parquet_file_metadata(${quoteLiterals(paths)})`,
  )
  return Number(row!.rows)
}
