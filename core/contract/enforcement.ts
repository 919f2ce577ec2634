import type { ContractSpec, RuleName, Severity } from './types.ts'

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
  if (rule === 'type') return conflict_policy === 'fail'
  if (enforcement === 'strict' || enforcement === 'coerce') return true
  return conflict_policy === 'fail' && ['structure', 'watermark_null', 'filter'].includes(rule)
}
