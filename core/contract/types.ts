import type { CheckSpec } from './checks.ts'
import type { TypeName } from './column-types.ts'

/**
 * The words of a contract: column rules and their policies, as the manifest writes them (snake_case keys) and as every
 * gate reads them. What a column can be of is in column-types.ts, what a row is rejected for in rule-names.ts.
 */

/** A value of a rule as YAML gives it; it is judged by the column type's own grammar through its text. */
export type RuleValue = string | number | boolean

/** What follows where a row breaks a rule: it is rejected (`error`), or loaded and counted (`warn`). */
export type Severity = 'error' | 'warn'

/**
 * One column of a contract. NULL is judged by `nullable` alone: the other rules let it through, and `unique` does
 * not count it as a duplicate.
 */
export interface ColumnContract extends MemberContract {
  readonly unique?: boolean
  /** The table's column of this name becomes this one. It says nothing about rows. */
  readonly rename_from?: string
}

/** A column, or what is nested in one: an item of a list, a member of a struct, a key or a value of a map. */
export interface MemberContract {
  readonly type: TypeName
  /** Lists only, where it is required. */
  readonly items?: MemberContract
  /** Structs only, where at least one is required. A member that a value lacks is NULL. */
  readonly fields?: Readonly<Record<string, MemberContract>>
  /** Maps only, where both are required. Keys are scalars and never NULL. */
  readonly keys?: MemberContract
  readonly values?: MemberContract
  /** Decimal only, where it is required; 1 to 38. */
  readonly precision?: number
  /** Decimal only; 0 to precision, 0 where it is not given. */
  readonly scale?: number
  /** Default true. */
  readonly nullable?: boolean
  /** Inclusive. Numbers, dates, times and timestamps. */
  readonly min?: RuleValue
  /** Inclusive. Numbers, dates, times and timestamps. */
  readonly max?: RuleValue
  /** Unicode code points. Strings only. */
  readonly min_length?: number
  /** Unicode code points. Strings only. */
  readonly max_length?: number
  /** RE2, matched against the whole value. Strings only. */
  readonly pattern?: string
  /** `null` says that NULL is one of them, which `nullable: false` would contradict; it decides nothing by itself. */
  readonly accepted_values?: readonly (RuleValue | null)[]
  /** Of the value rules at this place: all of the above but the type. Default `error`. */
  readonly severity?: Severity
  readonly description?: string
}

/** Whether no NULL gets through, so that the table's column may be required. */
export function refusesNull(contract: MemberContract | undefined): boolean {
  return contract?.nullable === false && contract.severity !== 'warn'
}

/** A rule over one row. */
export interface RowRule {
  /** Unique in the contract. */
  readonly name: string
  /** SQL over the table's columns (`checkRowExpression`); the row keeps the rule where it is true. NULL is not true. */
  readonly expr: string
  /** Default `error`. */
  readonly severity?: Severity
  readonly description?: string
}

/** `coerce` is `strict` after other spellings of a value (coercions.ts) have become the value. */
export type Enforcement = 'strict' | 'quarantine' | 'warn' | 'coerce'

/**
 * What becomes of a row with a value that is none of its column's type. `fail` (default): what `enforcement` says.
 * `variant_column`: it is loaded with NULL in the column and the value's text in {@link variantName}.
 */
export type ConflictPolicy = 'fail' | 'quarantine' | 'variant_column'

export function variantName(column: string): string {
  return `${column}__variant`
}

/**
 * `reference_only` (default): no raw value in any stored byte. `masked`: the row's shape, with a token in place of each
 * value. `preserve`: the raw row as JSON text; never in production.
 */
export type PiiPolicy = 'reference_only' | 'masked' | 'preserve'

export interface QuarantinePolicy {
  readonly pii_policy?: PiiPolicy
  /** More rejected rows than this fail the dataflow. */
  readonly max_rows?: number
  /** A larger share of rejected among the rows judged (0 to 1) fails the dataflow. */
  readonly max_ratio?: number
  /** Larger files of rejected rows, together, fail the dataflow. */
  readonly max_bytes?: number
  /** Days after which acknowledged rows may be removed; 1 to 3650, 30 where it is not given. */
  readonly retention_days?: number
}

export interface ContractSpec {
  readonly enforcement: Enforcement
  readonly conflict_policy?: ConflictPolicy
  readonly columns: Readonly<Record<string, ColumnContract>>
  readonly rules?: readonly RowRule[]
  readonly quarantine?: QuarantinePolicy
  /** Over the whole load; at most {@link maxChecks}. */
  readonly checks?: readonly CheckSpec[]
}

/** Results of all checks go into one record. */
export const maxChecks = 100
