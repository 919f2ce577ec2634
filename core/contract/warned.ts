import { join } from 'node:path'
import type { CopyStats, Engine } from '../engine/engine.ts'
import { quoteIdentifier, quoteLiteral, quoteLiterals } from '../engine/sql.ts'
import { IntegrityError } from '../errors.ts'
import { rejectedRows } from './rejected.ts'
import type { RuleCount, ScanRequest } from './scan.ts'
import type { ScanStatement } from './scan-sql.ts'

/** Rows that break none but rules of severity `warn`: their files, and how many rows break each rule. */
export interface WarnedRows {
  readonly files: readonly CopyStats[]
  readonly warnings: readonly RuleCount[]
}

/**
 * Accepts the rows that the scan set apart with a warning: counts them by rule and writes them once more, without
 * what the count was read from. The cost is that of the warned rows alone. Throws `IntegrityError`
 * `REJECT_WITHOUT_REASON` where a row is among them for no rule.
 */
export async function acceptWarned(
  engine: Engine,
  request: ScanRequest,
  statement: ScanStatement,
  scratch: readonly CopyStats[],
  compression: string,
): Promise<WarnedRows> {
  if (scratch.length === 0) return { files: [], warnings: [] }
  const paths = scratch.map((file) => file.file)
  const warnings = await countWarnings(engine, statement, paths)
  const names = [...request.columns, ...request.constants].map(({ name }) => quoteIdentifier(name))
  const ids = [...request.columns, ...request.constants].map(
    ({ name, field_id }) => `${quoteIdentifier(name)}: ${field_id}`,
  )
  const file = join(request.output.accepted, 'warned.parquet')
  const { files } = await engine.copy(
    `COPY (SELECT ${names.join(', ')} FROM read_parquet(${quoteLiterals(paths)})) TO ${quoteLiteral(file)}
     (FORMAT parquet, COMPRESSION ${compression}, RETURN_STATS, FIELD_IDS {${ids.join(', ')}})`,
  )
  return { files: files.map((stats) => ({ ...stats, file, partition: {} })), warnings }
}

async function countWarnings(
  engine: Engine,
  statement: ScanStatement,
  paths: readonly string[],
): Promise<RuleCount[]> {
  const counts = await engine.rows<{ n: number | null; count: bigint }>(
    `SELECT n, count(*) AS count FROM (
       SELECT unnest(CASE WHEN len(broken) > 0 THEN broken ELSE [NULL] END) AS n FROM (
         SELECT list_filter(${statement.warned}, lambda i: i IS NOT NULL) AS broken FROM (${rejectedRows(paths)})))
     GROUP BY n ORDER BY n`,
  )
  return counts.map(({ n, count }) => {
    const rule = n === null ? undefined : statement.rules[n]
    if (rule !== undefined) return { column: rule.column, rule: rule.rule, count: Number(count) }
    throw new IntegrityError({
      code: 'REJECT_WITHOUT_REASON',
      fact: `${count} rows were set apart with a warning that no rule gives`,
      consequence: 'Nothing became visible',
      next: 'This is a defect: report it with the evidence of this run',
    })
  })
}
