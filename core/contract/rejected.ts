import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine } from '../engine/engine.ts'
import { quoteLiteral, quoteLiterals } from '../engine/sql.ts'
import { IntegrityError } from '../errors.ts'
import type { RejectedFile, ScanInput, ScanRequest } from './scan.ts'
import { brokenRules, type PlacedRule } from './scan-rules.ts'
import { judgedColumn } from './scan-sql.ts'
import { structuralSelect } from './structural.ts'
import type { RuleName } from './types.ts'

/** Of a judged row's booleans, one a rule. No column of a source has such a name. */
export const heldAlias = '_sluice_held'

/**
 * Turns the scan's scratch file of rejected rows and the reader's structural rejects into the file that
 * quarantine keeps: source_file, source_line, reasons, raw. Rules that only warn are no reasons. Under `reference_only` neither `raw` nor any
 * message holds a value of a row. Throws `IntegrityError` `REJECT_WITHOUT_REASON`.
 */
export async function writeRejected(
  engine: Engine,
  request: ScanRequest,
  rules: readonly PlacedRule[],
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
  if (scratch !== undefined) parts.push(ruleRows(scratch, rules, inputs))
  if (structural > 0) parts.push(structuralSelect(inputs, keepsLines(request)))
  await engine.run(
    `COPY (${parts.join(' UNION ALL ')}) TO ${quoteLiteral(file)} (FORMAT parquet, COMPRESSION zstd)`,
  )
  const by_reason = await countReasons(engine, file, found.rows + structural)
  return { file, rows: found.rows + structural, bytes: statSync(file).size, by_reason }
}

/** A line that does not fit its columns may hold any value of them, so where transformers hide a column it is not kept. */
function keepsLines({ pii_policy, transformers }: ScanRequest): boolean {
  const hides = transformers !== undefined && transformers.shown.length < transformers.reads.length
  return pii_policy === 'preserve' && !hides
}

function ruleRows(scratch: string, rules: readonly PlacedRule[], inputs: readonly ScanInput[]): string {
  const list = `[${rules.map(reasonLiteral).join(', ')}]`
  const rejecting = rules.flatMap((rule, i) => (rule.severity === 'error' ? [i] : []))
  const broken = `list_filter(${brokenRules(rules, heldAlias)}, lambda n: n IN (${rejecting.join(', ')}))`
  return `SELECT ${sourceLabel(inputs)} AS source_file,
      CAST(json_extract_string(${evidenceAlias}, '$.row') AS BIGINT) AS source_line,
      list_transform(${broken}, lambda n: ${list}[n + 1]) AS reasons,
      CAST(json_extract(${evidenceAlias}, '$.raw') AS VARCHAR) AS raw
    FROM (${rejectedRows([scratch])})`
}

/** A name that no column of a source can have, whose own may be `e`. */
const evidenceAlias = '_sluice_evidence'

/** The scratch file's columns, the evidence and the booleans in it, under names of their own. */
export function rejectedRows(paths: readonly string[]): string {
  const held = `CAST(json_extract(${judgedColumn}, '$.held') AS BOOLEAN[])`
  return `SELECT *, ${judgedColumn} AS ${evidenceAlias}, ${held} AS ${heldAlias} FROM read_parquet(${quoteLiterals(paths)})`
}

function sourceLabel(inputs: readonly ScanInput[]): string {
  if (inputs.length === 1) return quoteLiteral(inputs[0]!.source)
  const pairs = inputs.flatMap((input) =>
    'path' in input ? [`${quoteLiteral(input.path)}: ${quoteLiteral(input.source)}`] : [],
  )
  return `MAP {${pairs.join(', ')}}[json_extract_string(${evidenceAlias}, '$.file')]`
}

/** One element of `reasons`; a rule over the row is told apart by its name. */
function reasonLiteral({ column, rule, name, message }: PlacedRule): string {
  const text = (value: string | null | undefined) =>
    value == null ? 'CAST(NULL AS VARCHAR)' : quoteLiteral(value)
  return `{'column': ${text(column)}, 'rule': ${text(rule)}, 'name': ${text(name)}, 'message': ${text(message)}}`
}

interface ReasonCount extends Record<string, unknown> {
  readonly column: string | null
  readonly rule: RuleName | null
  readonly name: string | null
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
    SELECT reason."column" AS "column", reason.rule AS rule, reason.name AS name, count(*) AS count, any_value(total) AS rows
    FROM (SELECT unnest(CASE WHEN len(reasons) > 0 THEN reasons ELSE [NULL] END) AS reason, total
      FROM (SELECT reasons, count(*) OVER () AS total FROM read_parquet(${quoteLiteral(file)})))
    GROUP BY ALL ORDER BY count DESC, "column", rule, name`)
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
  return counts.map(({ column, rule, name, count }) => ({
    column,
    rule: rule as RuleName,
    ...(name === null ? {} : { name }),
    count: Number(count),
  }))
}
