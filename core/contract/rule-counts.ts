import type { Engine } from '../engine/engine.ts'
import { quoteLiterals } from '../engine/sql.ts'
import type { RejectedFile, ScanResult } from './scan.ts'
import { brokenRules, type PlacedRule, type ScanRules } from './scan-rules.ts'
import { judgedColumn } from './scan-sql.ts'

type Counts = Pick<ScanResult, 'rules' | 'rows_warned' | 'coerced' | 'variants'>
type Judging = Pick<ScanRules, 'rules' | 'coerced' | 'variants'>

/** How often each thing was seen, by the number of the rule or of the coerced column. */
interface Seen {
  readonly broken: (rule: PlacedRule, number: number) => number
  readonly warned: number
  readonly coerced: (number: number) => number
  /** Among accepted rows. */
  readonly variants: (rule: number) => number
}

/** No row breaks any of them. */
export function unbroken(judging: Judging): Counts {
  return countsOf(judging, { broken: () => 0, warned: 0, coerced: () => 0, variants: () => 0 })
}

/**
 * How many rows break each rule, from the files that the scan has written. What rejects was counted in quarantine;
 * what warns, and what was coerced, stands in one column of the accepted rows, which is read only where there is such
 * a thing. The rows with the same verdict are counted first, so that the rest of the work does not grow with them.
 */
export async function countRules(
  engine: Engine,
  judging: Judging,
  found: {
    readonly accepted: readonly string[]
    readonly rejected: readonly string[]
    readonly by_reason: RejectedFile['by_reason']
  },
): Promise<Counts> {
  const rejecting = (wanted: PlacedRule) =>
    found.by_reason.find(
      ({ column, rule, name }) => column === wanted.column && rule === wanted.rule && name === wanted.name,
    )?.count ?? 0
  const { rules, coerced } = judging
  const warns = rules.some(({ severity }) => severity === 'warn')
  const files = found.accepted.length + found.rejected.length
  if (files === 0 || (!warns && coerced.length === 0)) {
    return countsOf(judging, { broken: rejecting, warned: 0, coerced: () => 0, variants: () => 0 })
  }
  const counted = await engine.rows<{ kind: string; n: number; rows: bigint }>(countSql(judging, found))
  const rowsOf = (kind: string, n: number) =>
    Number(counted.find((count) => count.kind === kind && count.n === n)?.rows ?? 0)
  return countsOf(judging, {
    broken: (rule, n) => (rule.severity === 'error' ? rejecting(rule) : rowsOf('broken', n)),
    warned: rowsOf('warned', 0),
    coerced: (n) => rowsOf('coerced', n),
    variants: (n) => rowsOf('loaded', n),
  })
}

function countSql(
  { rules, coerced }: Judging,
  { accepted, rejected }: { readonly accepted: readonly string[]; readonly rejected: readonly string[] },
): string {
  const parts = [verdicts(accepted, true), verdicts(rejected, false)].filter((part) => part !== '')
  const numbers = coerced.map((_, i) => `CASE WHEN coerced[${i + 1}] THEN ${i} END`)
  const warning = rules.flatMap(({ severity }, i) => (severity === 'warn' ? [i] : []))
  const warned = `list_has_any(broken, CAST([${warning.join(', ')}] AS INTEGER[]))`
  const summed = (kind: string, n: string, from: string) =>
    `SELECT '${kind}' AS kind, ${n} AS n, CAST(sum(rows) AS BIGINT) AS rows FROM ${from} GROUP BY ALL`
  return `WITH judged AS MATERIALIZED (
      SELECT accepted, rows, ${brokenRules(rules, 'held')} AS broken, CAST([${numbers.join(', ')}] AS INTEGER[]) AS coerced
      FROM (SELECT accepted, rows, CAST(json_extract(told, '$.held') AS BOOLEAN[]) AS held,
          CAST(json_extract(told, '$.coerced') AS BOOLEAN[]) AS coerced
        FROM (SELECT accepted, CAST(told AS JSON) AS told, count(*) AS rows FROM (${parts.join(' UNION ALL ')}) GROUP BY ALL)))
    ${summed('broken', 'n', '(SELECT unnest(broken) AS n, rows FROM judged) WHERE n IS NOT NULL')}
    UNION ALL ${summed('loaded', 'n', '(SELECT unnest(broken) AS n, rows FROM judged WHERE accepted) WHERE n IS NOT NULL')}
    UNION ALL ${summed('warned', '0', `judged WHERE accepted AND ${warned}`)}
    UNION ALL ${summed('coerced', 'n', '(SELECT unnest(coerced) AS n, rows FROM judged WHERE accepted) WHERE n IS NOT NULL')}`
}

/** Of a rejected row without where it stood, which only it has. */
function verdicts(files: readonly string[], accepted: boolean): string {
  if (files.length === 0) return ''
  const told = accepted ? judgedColumn : `CAST({'held': json_extract(${judgedColumn}, '$.held')} AS JSON)`
  return `SELECT ${accepted} AS accepted, CAST(${told} AS VARCHAR) AS told
    FROM read_parquet(${quoteLiterals(files)}) WHERE ${judgedColumn} IS NOT NULL`
}

function countsOf({ rules, coerced, variants }: Judging, seen: Seen): Counts {
  const warns = rules.some(({ severity }) => severity === 'warn')
  return {
    rules: rules.map((rule, i) => ({
      column: rule.column,
      rule: rule.rule,
      ...(rule.name === undefined ? {} : { name: rule.name }),
      severity: rule.severity,
      count: seen.broken(rule, i),
    })),
    ...(warns ? { rows_warned: seen.warned } : {}),
    ...(coerced.length === 0
      ? {}
      : { coerced: coerced.map(({ column }, i) => ({ column, count: seen.coerced(i) })) }),
    ...(variants.length === 0
      ? {}
      : { variants: variants.map(({ column, rule }) => ({ column, count: seen.variants(rule) })) }),
  }
}
