import { join } from 'node:path'
import type { CopyStats, Engine } from '../engine/engine.ts'
import { quoteLiteral } from '../engine/sql.ts'
import { IntegrityError } from '../errors.ts'
import { counted } from '../words.ts'
import { numberByKey } from './numbered-by-key.ts'
import { numberByRecord } from './numbered-by-record.ts'
import { evidenceAlias, rejectedRows } from './rejected-sql.ts'
import type { ScanInput, ScanRequest } from './scan.ts'
import type { ScanRules } from './scan-rules.ts'
import { type ScanSource, scanSource } from './scan-source.ts'
import { isRejected, judgedColumn, scanStatement } from './scan-sql.ts'

/** Files that one statement reads: each is a reader of its own. */
const filesAtOnce = 100

/** What the first reading tells of a scan's inputs. */
export interface FirstReading {
  readonly inputs: readonly ScanInput[]
  readonly source: ScanSource
  /** Rows that it read, without those that could not be split. */
  readonly rows: number
  /** Its rejected rows. */
  readonly scratch: readonly CopyStats[]
}

/**
 * The scan's scratch files of rejected rows, with the rows' numbers. Parquet has them already, and a query's rows have
 * none. Readers of CSV and JSON work on one file with all threads and count nothing, so the files that hold rejected
 * rows are read once more, in order. Only loads with rejected rows pay for that: 3 % of the scan's CPU where records of
 * CSV can be told by what they hold (numbered-by-record.ts), a fifth where one column will do (numbered-by-key.ts), and
 * two thirds where every row is judged again. Throws `IntegrityError` `REJECTS_DIFFER` where that rejects another number
 * of rows.
 */
export async function numberRejected(
  engine: Engine,
  request: ScanRequest,
  judging: ScanRules,
  { inputs, source, rows, scratch }: FirstReading,
): Promise<readonly string[]> {
  const found = scratch.map(({ file }) => file)
  const text = inputs.filter((input) => input.kind === 'csv' || input.kind === 'json')
  if (found.length === 0 || text.length === 0) return found
  if (source.record !== undefined) {
    const csv = text.filter((input) => input.kind === 'csv').filter(({ columns }) => columns.length > 0)
    const byRecord = await numberByRecord(engine, source.record, csv, scratch, rows)
    if (byRecord !== undefined) return [byRecord]
  }
  const [only] = text
  const byKey =
    only !== undefined && text.length === 1 ? await numberByKey(engine, request, only, found) : undefined
  if (byKey !== undefined) return [byKey]
  // What a transformer makes of a row may depend on rows of other files.
  const all = text.length === 1 || request.transformers !== undefined
  const holding = all ? text : await filesOf(engine, found, text)
  const atOnce = request.transformers === undefined ? filesAtOnce : holding.length
  const numbered: string[] = []
  for (let i = 0; i < holding.length; i += atOnce) {
    const again = await scanSource(engine, request, holding.slice(i, i + atOnce), true)
    if (again === undefined) continue
    const file = join(engine.directory, `numbered-${i}-${found[0]!.split('/').at(-1)}`)
    const { select } = scanStatement(request, again, judging)
    await engine.run(
      `COPY (SELECT ${judgedColumn} FROM (${select}) WHERE ${isRejected(request)}) TO ${quoteLiteral(file)} (FORMAT parquet)`,
    )
    numbered.push(file)
  }
  const before = scratch.reduce((rows, file) => rows + file.rows, 0)
  const [again] = await engine.rows<{ rows: bigint }>(
    `SELECT count(*) AS rows FROM (${rejectedRows(numbered)})`,
  )
  if (Number(again!.rows) === before) return numbered
  throw new IntegrityError({
    code: 'REJECTS_DIFFER',
    fact: `${counted(before, 'row was', 'rows were')} rejected, and ${again!.rows} when the same files were read again for their numbers`,
    consequence: 'Nothing became visible',
    next: 'This is a defect, unless the files were changed meanwhile: report it with the evidence of this run',
  })
}

async function filesOf<T extends { readonly path: string }>(
  engine: Engine,
  scratch: readonly string[],
  inputs: readonly T[],
): Promise<T[]> {
  const rows = await engine.rows<{ file: string }>(
    `SELECT DISTINCT json_extract_string(${evidenceAlias}, '$.file') AS file FROM (${rejectedRows(scratch)})`,
  )
  const names = new Set(rows.map(({ file }) => file))
  return inputs.filter(({ path }) => names.has(path))
}
