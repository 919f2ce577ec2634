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

/** What a scan says of a rejected row. All values in it are texts and booleans: of CSV everything is read as text. */
interface Judgement {
  readonly file?: string
  /** As the scan's `ScanRecord` has the columns. */
  readonly record: Fields
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
  const judgements = await judgementsOf(engine, scratch)
  if (judgements === undefined) return undefined
  const numbered: string[] = []
  for (const input of inputs) {
    const its = judgements.filter(({ file }) => file === undefined || file === input.path)
    if (its.length === 0) continue
    const found = await numbersIn(engine, input, columns, its)
    if (found === undefined || (inputs.length === 1 && found.rows !== rows)) return undefined
    for (const [i, { record: _, ...judgement }] of its.entries()) {
      const judged = JSON.stringify({ ...judgement, file: input.path, row: found.numbers[i] })
      numbered.push(JSON.stringify({ judged }))
    }
  }
  if (numbered.length !== judgements.length) return undefined
  const file = join(engine.directory, `numbered-by-record-${scratch[0]!.file.split('/').at(-1)}`)
  await writeFile(`${file}.ndjson`, numbered.join('\n'))
  await engine.run(`COPY (
    SELECT judged AS ${judgedColumn}
    FROM read_json(${quoteLiteral(`${file}.ndjson`)}, format = 'newline_delimited', columns = {judged: 'VARCHAR'})
    ) TO ${quoteLiteral(file)} (FORMAT parquet)`)
  return file
}

/** One value for all: the engine hands over rows one by one at 15 µs each. */
async function judgementsOf(
  engine: Engine,
  scratch: readonly CopyStats[],
): Promise<readonly Judgement[] | undefined> {
  const from = `read_parquet(${quoteLiterals(scratch.map(({ file }) => file))})`
  if (scratch.reduce((rows, file) => rows + file.rows, 0) > limits.rows) return undefined
  const [size] = await engine.rows<{ bytes: bigint }>(
    `SELECT CAST(sum(strlen(${judgedColumn})) AS BIGINT) AS bytes FROM ${from}`,
  )
  if (Number(size!.bytes) > limits.bytes) return undefined
  const [all] = await engine.rows<{ judged: string }>(
    `SELECT '[' || string_agg(${judgedColumn}, ',') || ']' AS judged FROM ${from}`,
  )
  return JSON.parse(all!.judged) as Judgement[]
}

async function numbersIn(
  engine: Engine,
  { path, columns, dialect }: CsvInput,
  recorded: readonly string[],
  judgements: readonly Judgement[],
) {
  const order = columns.map((name) => recorded.indexOf(name))
  const isOrdered = order.length === recorded.length && order.every((i, k) => i === k)
  const wanted = judgements.map(
    ({ record }): Fields => (isOrdered ? record : order.map((i) => record[i] ?? null)),
  )
  const unread = await unreadRecords(engine, path)
  return await recordNumbers({ path, columns: columns.length, dialect, unread }, wanted)
}
