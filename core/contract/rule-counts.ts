import type { Engine } from '../engine/engine.ts'
import { quoteLiterals } from '../engine/sql.ts'
import { heldAlias } from './rejected-sql.ts'
import type { RejectedFile, ScanResult } from './scan.ts'
import { brokenRules, type PlacedRule } from './scan-rules.ts'
import { judgedColumn } from './scan-sql.ts'

type Counts = Pick<ScanResult, 'rules' | 'rows_warned'>

/** No row breaks any of them. */
export function unbroken(rules: readonly PlacedRule[]): Counts {
  return countsOf(rules, () => 0, 0)
}

/**
 * How many rows break each rule, from the files that the scan has written. What rejects was counted in quarantine;
 * what warns stands in one column of the accepted rows, which is read only where such rules are. The rows with the
 * same verdict are counted first, so that the rest of the work does not grow with them.
 */
export async function countRules(
  engine: Engine,
  rules: readonly PlacedRule[],
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
  const files = [...found.accepted, ...found.rejected]
  if (files.length === 0 || rules.every((rule) => rule.severity === 'error')) {
    return countsOf(rules, rejecting, 0)
  }
  const counted = await engine.rows<{ n: number; rows: bigint }>(`
    SELECT n, CAST(sum(rows) AS BIGINT) AS rows FROM (
      SELECT unnest(${brokenRules(rules, heldAlias)}) AS n, rows
      FROM (SELECT CAST(held AS BOOLEAN[]) AS ${heldAlias}, rows FROM (${verdicts(files)})))
    WHERE n IS NOT NULL GROUP BY n`)
  const byNumber = new Map(counted.map(({ n, rows }) => [n, Number(rows)]))
  const count = (rule: PlacedRule, i: number) =>
    rule.severity === 'error' ? rejecting(rule) : (byNumber.get(i) ?? 0)
  return countsOf(rules, count, await countWarned(engine, found.accepted))
}

function verdicts(files: readonly string[]): string {
  return `SELECT json_extract(${judgedColumn}, '$.held') AS held, count(*) AS rows
    FROM read_parquet(${quoteLiterals(files)}) WHERE ${judgedColumn} IS NOT NULL GROUP BY 1`
}

async function countWarned(engine: Engine, accepted: readonly string[]): Promise<number> {
  if (accepted.length === 0) return 0
  const [row] = await engine.rows<{ rows: bigint }>(
    `SELECT count(${judgedColumn}) AS rows FROM read_parquet(${quoteLiterals(accepted)})`,
  )
  return Number(row!.rows)
}

function countsOf(
  rules: readonly PlacedRule[],
  count: (rule: PlacedRule, i: number) => number,
  warned: number,
): Counts {
  const warns = rules.some(({ severity }) => severity === 'warn')
  return {
    rules: rules.map((rule, i) => ({
      column: rule.column,
      rule: rule.rule,
      ...(rule.name === undefined ? {} : { name: rule.name }),
      severity: rule.severity,
      count: count(rule, i),
    })),
    ...(warns ? { rows_warned: warned } : {}),
  }
}
