import { counted, oneOrMany } from '../words.ts'
import { nestedTypeNames, typeText } from './column-types.ts'
import { contractType } from './nested-contract.ts'
import type { Reconciliation } from './reconciliation.ts'
import type { ColumnContract, Severity } from './types.ts'

/**
 * Rules over a load as a whole. They see the rows of this load that are accepted, once every row is judged, and
 * before any of them is stored.
 */

/** One check. Exactly one of the kinds is there. Columns are named as the source or as the table spells them. */
export interface CheckSpec {
  /** Unique in the contract. */
  readonly name: string
  /** `error`: a failing check stops the attempt, whatever `enforcement` is. `warn`: it is recorded. */
  readonly severity: Severity
  readonly description?: string
  /** No two rows have the same values in all of these columns. A row with NULL in one of them is like no other. */
  readonly unique?: readonly string[]
  /** How many rows are accepted; both ends are inclusive, and one of them is there. */
  readonly row_count?: CountRange
  /** How many of the column's values may be NULL, 0 to 1. Of no rows it is 0. */
  readonly max_null_ratio?: { readonly column: string; readonly ratio: number }
  /**
   * How long before the start of the run the column's largest value may lie: `90 minutes`, `2 hours`, `1 day`, a
   * day being 24 hours. A date stands for its first instant, and what has no zone for UTC.
   */
  readonly freshness?: { readonly column: string; readonly max_age: string }
  /** The columns' values together occur in another table. A row with NULL in one of them refers to nothing. */
  readonly references?: References
  /**
   * One SELECT over `{{ load }}` and `{{ ref('namespace.table') }}` that has no row. It depends on their rows alone: not
   * on the clock, on chance or on the engine.
   */
  readonly sql?: string
  /** The rows of the load are as many as an independent count says. */
  readonly row_count_reconciliation?: Reconciliation
}

export interface References {
  readonly columns: readonly string[]
  /** `namespace.name`; a dataflow of the project writes it. It is looked into as it was when the sources were pinned. */
  readonly table: string
  /** As the table names them, one for each of `columns`. */
  readonly to: readonly string[]
}

export interface CountRange {
  readonly min?: number
  readonly max?: number
}

export const checkKinds = [
  'unique',
  'row_count',
  'max_null_ratio',
  'freshness',
  'references',
  'sql',
  'row_count_reconciliation',
] as const
export type CheckKind = (typeof checkKinds)[number]

/** What a check came to. Numbers only: no value of a row is in it. */
export interface CheckResult {
  /** `unique(column)` for a column whose contract says `unique: true`. */
  readonly name: string
  readonly check: CheckKind
  readonly severity: Severity
  readonly outcome: 'passed' | 'failed'
  /** As the table names them; absent where the check is about no column. */
  readonly columns?: readonly string[]
  /**
   * `unique`: distinct values that occur more than once. `row_count`: rows. `max_null_ratio`: the share of NULL.
   * `freshness`: seconds; `null` where the column has no value to tell it by, which fails. `references`: distinct
   * values that the other table does not have. `sql`: rows.
   * `row_count_reconciliation`: rows.
   */
  readonly measured: number | null
  /** Of `row_count_reconciliation`: the independent count. */
  readonly expected?: number
  /**
   * The largest that passes, in the unit of `measured`; of `row_count` the range, of `row_count_reconciliation` by how
   * much `measured` may differ from `expected`.
   */
  readonly limit: number | CountRange
}

export function kindOf(check: CheckSpec): CheckKind {
  return checkKinds.find((kind) => check[kind] !== undefined) as CheckKind
}

/** As the check spells them; empty where it is about no column. */
export function checkColumns(check: CheckSpec): readonly string[] {
  const single = check.max_null_ratio ?? check.freshness
  return check.unique ?? check.references?.columns ?? (single === undefined ? [] : [single.column])
}

const secondsOf: Readonly<Record<string, number>> = { minute: 60, hour: 3600, day: 86_400 }

/** `2 hours` → 7200. The manifest's schema has refused what is none. */
export function durationSeconds(text: string): number {
  const [count, unit = ''] = text.split(' ')
  return Number(count) * (secondsOf[unit.replace(/s$/, '')] as number)
}

/** Types of which freshness can tell an age. */
export const instantTypes: readonly string[] = ['date', 'timestamp', 'timestamp_tz']

/** Why freshness cannot judge a column of this contract, or `undefined`. */
export function freshnessMistake(column: Pick<ColumnContract, 'type' | 'precision' | 'scale'>) {
  if (instantTypes.includes(column.type)) return undefined
  return `freshness needs a date, timestamp or timestamp_tz, and this is ${nestedTypeNames.includes(column.type) ? column.type : typeText(contractType(column))}`
}

export type CheckFinding = Pick<CheckResult, 'check' | 'measured' | 'expected' | 'limit'>

/** `3 rows, at least 5 are wanted`: what was found, and what would have passed. */
export function resultText({ check, measured, expected, limit }: CheckFinding): string {
  const count = measured as number
  switch (check) {
    case 'unique':
      return `${counted(count, 'value occurs', 'values occur')} more than once`
    case 'row_count':
      return `${counted(count, 'row')}, ${rangeText(limit as CountRange)}`
    case 'max_null_ratio':
      return `${percent(count)} of the values are NULL, at most ${percent(limit as number)} may be`
    case 'references':
      return `${counted(count, 'value is', 'values are')} not in the table that ${oneOrMany(count, 'it refers', 'they refer')} to`
    case 'row_count_reconciliation':
      return `${counted(count, 'row')}, and the independent count says ${expected}; they may differ by ${limit}`
    case 'sql':
      return `its SQL has ${counted(count, 'row')}, each a violation`
    case 'freshness':
      return measured === null
        ? 'there is no value to tell an age by'
        : `the newest value is ${counted(measured, 'second')} old at the start of the run, at most ${limit} may be`
  }
}

function rangeText({ min, max }: CountRange): string {
  if (min === undefined) return `at most ${max} are wanted`
  return max === undefined ? `at least ${min} are wanted` : `${min} to ${max} are wanted`
}

/** Six digits tell one row in a million from none. */
function percent(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(6))} %`
}
