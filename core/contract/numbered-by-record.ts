import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CopyStats, Engine } from '../engine/engine.ts'
import { quoteLiteral, quoteLiterals } from '../engine/sql.ts'
import type { Fields } from './csv-records.ts'
import { recordNumbers } from './record-numbers.ts'
import type { ScanInput } from './scan.ts'
import type { ScanRecord } from './scan-source.ts'
import { judgedColumn } from './scan-sql.ts'
import { unreadRecords } from './structural.ts'

type CsvInput = Extract<ScanInput, { kind: 'csv' }>

/** Rows, and bytes of what is said of them, which are held in memory some three times over. */
const limits = { rows: 200_000, bytes: 1 << 26 }

interface RejectedRecord extends Record<string, unknown> {
  readonly judged: string
  readonly file: string | null
  readonly record: string
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
  const files = scratch.map(({ file }) => file)
  if (!(await isWithinLimits(engine, scratch))) return undefined
  const rejected = await engine.rows<RejectedRecord>(
    `SELECT CAST(${judgedColumn} AS VARCHAR) AS judged, json_extract_string(${judgedColumn}, '$.file') AS file,
       CAST(json_extract(${judgedColumn}, '$.record') AS VARCHAR) AS record FROM read_parquet(${quoteLiterals(files)})`,
  )
  const numbered: string[] = []
  for (const input of inputs) {
    const its = rejected.filter(({ file }) => file === null || file === input.path)
    if (its.length === 0) continue
    const found = await numbersIn(engine, input, columns, its)
    if (found === undefined || (inputs.length === 1 && found.rows !== rows)) return undefined
    for (const [i, { judged }] of its.entries()) {
      // The judgement is a JSON object; what a second judgement would say besides is put in front of the rest of it.
      const place = `{"file":${JSON.stringify(input.path)},"row":${found.numbers[i]},`
      numbered.push(JSON.stringify({ judged: place + judged.slice(1) }))
    }
  }
  if (numbered.length !== rejected.length) return undefined
  const file = join(engine.directory, `numbered-by-record-${files[0]!.split('/').at(-1)}`)
  await writeFile(`${file}.ndjson`, numbered.join('\n'))
  await engine.run(`COPY (
    SELECT judged AS ${judgedColumn}
    FROM read_json(${quoteLiteral(`${file}.ndjson`)}, format = 'newline_delimited', columns = {judged: 'VARCHAR'})
    ) TO ${quoteLiteral(file)} (FORMAT parquet)`)
  return file
}

async function isWithinLimits(engine: Engine, scratch: readonly CopyStats[]): Promise<boolean> {
  if (scratch.reduce((rows, file) => rows + file.rows, 0) > limits.rows) return false
  const [size] = await engine.rows<{ bytes: bigint }>(
    `SELECT CAST(sum(strlen(${judgedColumn})) AS BIGINT) AS bytes
     FROM read_parquet(${quoteLiterals(scratch.map(({ file }) => file))})`,
  )
  return Number(size!.bytes) <= limits.bytes
}

async function numbersIn(
  engine: Engine,
  { path, columns, dialect }: CsvInput,
  recorded: readonly string[],
  rejected: readonly RejectedRecord[],
) {
  const order = columns.map((name) => recorded.indexOf(name))
  const wanted = rejected.map(({ record }): Fields => {
    const fields = JSON.parse(record) as Fields
    return order.map((i) => fields[i] ?? null)
  })
  const unread = await unreadRecords(engine, path)
  return await recordNumbers({ path, columns: columns.length, dialect, unread }, wanted)
}
