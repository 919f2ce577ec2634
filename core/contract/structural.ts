import { open } from 'node:fs/promises'
import type { Engine } from '../engine/engine.ts'
import { quoteLiteral } from '../engine/sql.ts'
import { SourceError } from '../errors.ts'
import { byPath, fromByte, reasonLiteral } from './rejected-sql.ts'
import type { ScanInput } from './scan.ts'
import type { PiiPolicy } from './types.ts'

type CsvInput = Extract<ScanInput, { kind: 'csv' }>

/**
 * How many CSV records did not fit their file's columns, dialect or encoding; each counts once however many errors
 * it has. They stand in the reader's own tables, `reject_errors` and `reject_scans`.
 *
 * Throws `SourceError` where the reader lost its place, so that more than the rejected record may be gone:
 * `CSV_QUOTE_UNTERMINATED` for a quote that its line does not close (seen: 161,215 rows swallowed, one
 * reject) and `CSV_LINE_TOO_LONG` for a record beyond 2 MiB.
 */
export async function countStructural(engine: Engine, inputs: readonly ScanInput[]): Promise<number> {
  const some = await engine.rows('SELECT 1 FROM reject_errors LIMIT 1')
  if (some.length === 0) return 0
  const [row] = await engine.rows<{ lines: bigint; long: bigint | null; quotes: bigint | null }>(
    `SELECT count(DISTINCT (scan_id, file_id, line)) AS lines,
       count(*) FILTER (error_type = 'LINE SIZE OVER MAXIMUM') AS long,
       count(*) FILTER (error_type = 'UNQUOTED VALUE') AS quotes FROM reject_errors`,
  )
  if (Number(row!.long) > 0) {
    const [first] = await positions(engine, 'LINE SIZE OVER MAXIMUM', 1)
    throw lost('CSV_LINE_TOO_LONG', first, inputs, 'is longer than 2 MiB')
  }
  if (Number(row!.quotes) > 0) await checkQuotes(engine, inputs)
  return Number(row!.lines)
}

interface Position extends Record<string, unknown> {
  readonly file_path: string
  readonly line: bigint
  readonly byte_position: bigint
}

/** More than so many are no slips of the pen; each costs a read of some bytes. */
const quoteLimit = 10_000

async function checkQuotes(engine: Engine, inputs: readonly ScanInput[]): Promise<void> {
  const found = await positions(engine, 'UNQUOTED VALUE', quoteLimit + 1)
  if (found.length > quoteLimit) {
    throw lost(
      'CSV_QUOTE_UNTERMINATED',
      found[0],
      inputs,
      `and over ${quoteLimit} more lines have stray quotes`,
    )
  }
  for (const position of found) {
    const input = inputs.find((i): i is CsvInput => i.kind === 'csv' && i.path === position.file_path)
    if (input === undefined || !(await closesItsQuote(input, Number(position.byte_position) - 1))) {
      throw lost('CSV_QUOTE_UNTERMINATED', position, inputs, 'opens a quote that the line does not close')
    }
  }
}

async function positions(engine: Engine, type: string, limit: number): Promise<Position[]> {
  return await engine.rows<Position>(
    `SELECT file_path, line, byte_position FROM reject_errors JOIN reject_scans USING (scan_id, file_id)
     WHERE error_type = ${quoteLiteral(type)} ORDER BY byte_position LIMIT ${limit}`,
  )
}

/** Of one file: the numbers of its records that did not fit, counted from 1 with the header and empty lines. */
export async function unreadRecords(engine: Engine, path: string): Promise<ReadonlySet<number>> {
  const rows = await engine.rows<{ line: bigint }>(
    `SELECT DISTINCT line FROM reject_errors JOIN reject_scans USING (scan_id, file_id) WHERE file_path = ${quoteLiteral(path)}`,
  )
  return new Set(rows.map(({ line }) => Number(line)))
}

/** Whether the quoted field at `offset` ends before its line does, so that the next line is a record again. */
async function closesItsQuote(input: CsvInput, offset: number): Promise<boolean> {
  const { quote, escape: escapeWith } = input.dialect
  const file = await open(input.path)
  try {
    const buffer = Buffer.alloc(1 << 16)
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset)
    const text = buffer.toString('latin1', 0, bytesRead)
    if (text[0] !== quote) return false
    for (let i = 1; i < text.length; i++) {
      if (text[i] === '\n' || text[i] === '\r') return false
      if (text[i] === escapeWith && text[i + 1] === quote) i++
      else if (text[i] === quote) return true
    }
    return false
  } finally {
    await file.close()
  }
}

function lost(
  code: string,
  position: Position | undefined,
  inputs: readonly ScanInput[],
  what: string,
): SourceError {
  const input = inputs.find((i) => 'path' in i && i.path === position?.file_path)
  const source = input?.source ?? 'the source'
  const line = Number(position?.line ?? 0)
  const part = input && fromByte(input)
  const where = part === undefined ? `line ${line}` : `about line ${line} from byte ${part} on`
  return new SourceError({
    code,
    fact: `${source}, ${where}: the record ${what}`,
    consequence: 'Where the next record begins cannot be told, so nothing was written',
    next: 'Correct the line, or the quote and escape of the source',
    details: { source, ...(part === undefined ? { line } : { from_byte: Number(part) }) },
  })
}

const structuralMessages: Readonly<Record<string, string>> = {
  'MISSING COLUMNS': 'has fewer columns than the header',
  'TOO MANY COLUMNS': 'has more columns than the header',
  'UNQUOTED VALUE': 'has text behind a closing quote',
  'INVALID ENCODING': 'is not UTF-8',
}

const structural = (message: string) => reasonLiteral({ column: null, rule: 'structure', message })

/**
 * One row per record that did not fit, as `writeRejected` wants them. `source_line` is the reader's: it counts the
 * header and empty lines, and a record with line ends inside of quotes once.
 */
export function structuralSelect(inputs: readonly ScanInput[], policy: PiiPolicy): string {
  const line = policy === 'masked' ? quoteLiteral('[masked line]') : 'any_value(csv_line)'
  const raw =
    policy === 'reference_only' ? 'CAST(NULL AS VARCHAR)' : `CAST(to_json({'_line': ${line}}) AS VARCHAR)`
  const cases = Object.entries(structuralMessages).map(
    ([error, message]) => `WHEN ${quoteLiteral(error)} THEN [${structural(message)}]`,
  )
  return `SELECT ${byPath(inputs, ({ source }) => source, 'any_value(file_path)')} AS source_file,
      ${byPath(inputs, ({ version }) => version, 'any_value(file_path)')} AS source_version,
      CAST(NULL AS BIGINT) AS source_row, CAST(line AS BIGINT) AS source_line,
      ${byPath(inputs, fromByte, 'any_value(file_path)')} AS from_byte,
      CASE any_value(error_type) ${cases.join(' ')}
        ELSE [${structural('cannot be split into columns')}] END AS reasons,
      ${raw} AS raw
    FROM reject_errors JOIN reject_scans USING (scan_id, file_id) GROUP BY scan_id, file_id, line`
}
