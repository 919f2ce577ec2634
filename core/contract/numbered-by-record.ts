import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CopyStats, Engine } from '../engine/engine.ts'
import { quoteLiteral, quoteLiterals } from '../engine/sql.ts'
import { recordNumbers } from './record-numbers.ts'
import { inOrder } from './record-text.ts'
import type { ScanInput } from './scan.ts'
import type { ScanRecord } from './scan-source.ts'
import { judgedColumn } from './scan-sql.ts'
import { unreadRecords } from './structural.ts'

type CsvInput = Extract<ScanInput, { kind: 'csv' }>

/** Rows, and bytes of what is said of them, which are held in memory some three times over. */
const limits = { rows: 200_000, bytes: 1 << 26 }

/** The rejected rows of one file. */
interface RejectedRecords {
  /** Path of the file, `null` where the scan has one only. */
  readonly file: string | null
  /** Where each row stands among all rejected ones. */
  readonly places: readonly number[]
  /** What it holds, as the scan's `ScanRecord` has the columns: record-text.ts. */
  readonly records: readonly string[]
}

/**
 * The rejected rows of CSV files with their numbers, found in the files by what they hold. What a row holds decides its
 * verdict; so where as many records hold the same as were rejected, these are the rejected ones. `undefined` where that
 * is not so, where `recordNumbers` cannot tell, or where there are too many of them.
 *
 * Returns a scratch file of its own. `rows` is how many the engine has read.
 */
export async function numberByRecord(
  engine: Engine,
  { columns }: ScanRecord,
  inputs: readonly CsvInput[],
  scratch: readonly CopyStats[],
  rows: number,
): Promise<string | undefined> {
  const rejected = await rejectedRecords(engine, scratch)
  if (rejected === undefined) return undefined
  const lines: string[] = []
  for (const { file, places, records } of rejected) {
    const input = inputs.find(({ path }) => file === null || file === path)
    if (input === undefined) return undefined
    const order = input.columns.map((name) => columns.indexOf(name))
    const isOrdered = order.length === columns.length && order.every((i, k) => i === k)
    const wanted = isOrdered ? records : records.map((record) => inOrder(record, order))
    const found = await numbersIn(engine, input, wanted)
    if (found === undefined || (inputs.length === 1 && found.rows !== rows)) return undefined
    for (const [i, place] of places.entries()) lines.push(`${place},${found.numbers[i]}`)
  }
  return await writeNumbered(engine, scratch, lines)
}

async function numbersIn(engine: Engine, { path, columns, dialect }: CsvInput, wanted: readonly string[]) {
  const unread = await unreadRecords(engine, path)
  return await recordNumbers({ path, columns: columns.length, dialect, unread }, wanted)
}

/** All rejected rows, which a window without an order reads one after the other: each time in the same order. */
function placed(scratch: readonly CopyStats[]): string {
  const paths = quoteLiterals(scratch.map(({ file }) => file))
  return `(SELECT ${judgedColumn}, row_number() OVER () AS place FROM read_parquet(${paths}))`
}

/** One value for all rows of a file: the engine hands over rows one by one at 15 µs each. */
async function rejectedRecords(
  engine: Engine,
  scratch: readonly CopyStats[],
): Promise<readonly RejectedRecords[] | undefined> {
  if (scratch.reduce((rows, file) => rows + file.rows, 0) > limits.rows) return undefined
  const [size] = await engine.rows<{ bytes: bigint }>(
    `SELECT CAST(sum(strlen(${judgedColumn})) AS BIGINT) AS bytes FROM read_parquet(${quoteLiterals(scratch.map(({ file }) => file))})`,
  )
  if (Number(size!.bytes) > limits.bytes) return undefined
  const files = await engine.rows<{ file: string | null; places: string; records: string }>(
    `SELECT json_extract_string(${judgedColumn}, '$.file') AS file,
      '[' || string_agg(place, ',' ORDER BY place) || ']' AS places,
      '[' || string_agg(json_extract(${judgedColumn}, '$.record'), ',' ORDER BY place) || ']' AS records
    FROM ${placed(scratch)} GROUP BY file`,
  )
  return files.map(({ file, places, records }) => ({
    file,
    places: JSON.parse(places) as number[],
    records: JSON.parse(records) as string[],
  }))
}

/**
 * The judgement is a JSON object; its number stands there in place of the record, which is the first thing in it and
 * ends with the only quote there that has no backslash before it. `lines` are places and numbers.
 */
async function writeNumbered(
  engine: Engine,
  scratch: readonly CopyStats[],
  lines: readonly string[],
): Promise<string> {
  const file = join(engine.directory, `numbered-by-record-${scratch[0]!.file.split('/').at(-1)}`)
  await writeFile(`${file}.csv`, lines.join('\n'))
  const others = `substr(${judgedColumn}, strpos(${judgedColumn}, '","') + 1)`
  await engine.run(`COPY (
    SELECT '{"row":' || number || ${others} AS ${judgedColumn}
    FROM ${placed(scratch)} JOIN read_csv(${quoteLiteral(`${file}.csv`)}, auto_detect = false, header = false,
      columns = {place: 'BIGINT', number: 'BIGINT'}) USING (place)) TO ${quoteLiteral(file)} (FORMAT parquet)`)
  return file
}
