import { nestedTypeNames } from './column-types.ts'
import type { RuleName } from './rule-names.ts'
import { type ColumnContract, type ContractSpec, refusesNull, type Severity } from './types.ts'

/** Under `warn` no rule of a value or of the row rejects; elsewhere each has the severity that the contract gives it. */
export function enforced<R extends { readonly severity?: Severity }>(
  rule: R,
  { enforcement }: Pick<ContractSpec, 'enforcement'>,
): R {
  return enforcement === 'warn' ? { ...rule, severity: 'warn' } : rule
}

/**
 * Whether a row that is rejected for this stops the load; if not, it is set aside. A value that is none of its type
 * and a row without one (`structure`, `watermark_null`, `filter`) cannot be written: `warn` leaves them to the conflict policy.
 */
export function stopsLoad(
  rule: RuleName,
  { enforcement, conflict_policy = 'fail' }: Pick<ContractSpec, 'enforcement' | 'conflict_policy'>,
): boolean {
  if (enforcement === 'quarantine') return false
  if (rule === 'type') return conflict_policy !== 'quarantine'
  if (enforcement === 'strict' || enforcement === 'coerce') return true
  return conflict_policy !== 'quarantine' && ['structure', 'watermark_null', 'filter'].includes(rule)
}

/**
 * Whether the text of a value that is none of the column's type goes to a column of its own: decided by the contract
 * alone, so that the table's columns do not depend on its data. Not where NULL cannot stand for the value.
 */
export function keepsVariants(
  column: ColumnContract | undefined,
  { conflict_policy }: Pick<ContractSpec, 'conflict_policy'>,
): boolean {
  return (
    conflict_policy === 'variant_column' &&
    column !== undefined &&
    column.type !== 'string' &&
    !nestedTypeNames.includes(column.type) &&
    !refusesNull(column)
  )
}
