import type { Severity } from './types.ts'

/** What a row can be rejected or counted for. Stable: these words are stored in quarantine. */
export type RuleName =
  | 'type'
  | 'nullable'
  | 'min'
  | 'max'
  | 'min_length'
  | 'max_length'
  | 'pattern'
  | 'accepted_values'
  /** A rule of the contract's `rules`, which has a name. */
  | 'row_rule'
  /** The expression of a filter fails for the row. */
  | 'filter'
  | 'watermark_null'
  /** A value of the contract's type that the table's type cannot hold. */
  | 'narrowing'
  /** A value in a column that the table does not have. */
  | 'new_column'
  | 'structure'

/** What quarantine, and who reads it, calls a rule. Stable and closed: a code is never given another meaning. */
export const reasonCodes: Readonly<Record<RuleName, string>> = {
  type: 'contract.type',
  nullable: 'contract.nullable',
  min: 'contract.min',
  max: 'contract.max',
  min_length: 'contract.min_length',
  max_length: 'contract.max_length',
  pattern: 'contract.pattern',
  accepted_values: 'contract.accepted_values',
  row_rule: 'contract.row_rule',
  filter: 'transformers.filter',
  watermark_null: 'source.watermark_null',
  narrowing: 'schema.narrowing',
  new_column: 'schema.new_column',
  structure: 'source.structure',
}

/** How many values of a column, in accepted rows. */
export interface ColumnCount {
  readonly column: string
  readonly count: number
}

/** How many of the rows judged break a row rule; a rejected row counts in each that it breaks. */
export interface RuleCount {
  /** `null` for a rule over several columns. */
  readonly column: string | null
  readonly rule: RuleName
  /** Of a `row_rule`. */
  readonly name?: string
  readonly severity: Severity
  readonly count: number
}
