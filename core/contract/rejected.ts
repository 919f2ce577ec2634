import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine } from '../engine/engine.ts'
import { quoteLiteral, quoteLiterals } from '../engine/sql.ts'
import { IntegrityError } from '../errors.ts'
import type { RejectedFile, ScanInput, ScanRequest } from './scan.ts'
import { heldAlias, rejectColumn, type ScanStatement } from './scan-sql.ts'
import { structuralSelect } from './structural.ts'
import type { RuleName } from './types.ts'

/**
 * Turns the scan's scratch file of rejected rows and the reader's structural rejects into the file that
 * quarantine keeps: source_file, source_line, reasons, raw. Under `reference_only` neither `raw` nor any
 * message holds a value of a row. Throws `IntegrityError` `REJECT_WITHOUT_REASON`.
 */
export async function writeRejected(
  engine: Engine,
  request: ScanRequest,
  statement: ScanStatement,
  found: {
    readonly inputs: readonly ScanInput[]
    readonly scratch: string | undefined
    readonly rows: number
    readonly structural: number
  },
): Promise<RejectedFile> {
  const { inputs, scratch, structural } = found
  const file = join(request.output.rejected, 'rejected.parquet')
  const parts: string[] = []
  if (scratch !== undefined) parts.push(ruleRows(scratch, statement, inputs))
  if (structural > 0) parts.push(structuralSelect(inputs, request.pii_policy === 'preserve'))
  await engine.run(
    `COPY (${parts.join(' UNION ALL ')}) TO ${quoteLiteral(file)} (FORMAT parquet, COMPRESSION zstd)`,
  )
  const by_reason = await countReasons(engine, file, found.rows + structural)
  return { file, rows: found.rows + structural, bytes: statSync(file).size, by_reason }
}

function ruleRows(scratch: string, statement: ScanStatement, inputs: readonly ScanInput[]): string {
  const reasons = statement.rules.map((rule) => reasonLiteral(rule.column, rule.rule, rule.message))
  const list = `[${reasons.join(', ')}]`
  return `SELECT ${sourceLabel(inputs)} AS source_file,
      CAST(json_extract_string(${evidenceAlias}, '$.row') AS BIGINT) AS source_line,
      list_transform(list_filter(${statement.broken}, lambda n: n IS NOT NULL), lambda n: ${list}[n + 1]) AS reasons,
      CAST(json_extract(${evidenceAlias}, '$.raw') AS VARCHAR) AS raw
    FROM (${rejectedRows([scratch])})`
}

/** A name that no column of a source can have, whose own may be `e`. */
const evidenceAlias = '_sluice_evidence'

/** The scratch file's columns, the evidence and the booleans in it, under names of their own. */
export function rejectedRows(paths: readonly string[]): string {
  const held = `CAST(json_extract(${rejectColumn}, '$.held') AS BOOLEAN[])`
  return `SELECT *, ${rejectColumn} AS ${evidenceAlias}, ${held} AS ${heldAlias} FROM read_parquet(${quoteLiterals(paths)})`
}

function sourceLabel(inputs: readonly ScanInput[]): string {
  if (inputs.length === 1) return quoteLiteral(inputs[0]!.source)
  const pairs = inputs.flatMap((input) =>
    'path' in input ? [`${quoteLiteral(input.path)}: ${quoteLiteral(input.source)}`] : [],
  )
  return `MAP {${pairs.join(', ')}}[json_extract_string(${evidenceAlias}, '$.file')]`
}

function reasonLiteral(column: string | null, rule: RuleName, message: string): string {
  const name = column === null ? 'CAST(NULL AS VARCHAR)' : quoteLiteral(column)
  return `{'column': ${name}, 'rule': ${quoteLiteral(rule)}, 'message': ${quoteLiteral(message)}}`
}

interface ReasonCount extends Record<string, unknown> {
  readonly column: string | null
  readonly rule: RuleName | null
  readonly count: bigint
  readonly rows: bigint
}

/** Counted in the file that was written, not in what was meant to be written. */
async function countReasons(
  engine: Engine,
  file: string,
  expected: number,
): Promise<RejectedFile['by_reason']> {
  const counts = await engine.rows<ReasonCount>(`
    SELECT reason."column" AS "column", reason.rule AS rule, count(*) AS count, any_value(total) AS rows
    FROM (SELECT unnest(CASE WHEN len(reasons) > 0 THEN reasons ELSE [NULL] END) AS reason, total
      FROM (SELECT reasons, count(*) OVER () AS total FROM read_parquet(${quoteLiteral(file)})))
    GROUP BY ALL ORDER BY count DESC, "column", rule`)
  const rows = Number(counts[0]?.rows ?? 0)
  const silent = counts.find((reason) => reason.rule === null)
  if (rows !== expected || silent !== undefined) {
    throw new IntegrityError({
      code: 'REJECT_WITHOUT_REASON',
      fact: `${expected} rows were rejected, ${rows} are in quarantine, ${silent?.count ?? 0} of them without a reason`,
      consequence: 'Nothing became visible',
      next: 'This is a defect: report it with the evidence of this run',
    })
  }
  return counts.map(({ column, rule, count }) => ({ column, rule: rule as RuleName, count: Number(count) }))
}
