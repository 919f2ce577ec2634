import type { CheckResult } from '../contract/checks.ts'
import type { GateLog } from './gate-log.ts'
import type { Warnings } from './items.ts'

const told = 10

/** Every result of the contract's checks that an attempt has recorded, by a gate that passed or by one that they stopped. */
export function checkResults(log: GateLog): readonly CheckResult[] {
  return (['contract', 'stage'] as const).flatMap((gate) => {
    const entry = log.get(gate)
    const results = entry?.record?.checks ?? entry?.error?.details?.checks
    return (results as readonly CheckResult[] | undefined) ?? []
  })
}

/** Nothing where there is nothing to warn of. */
export function warningsOf(log: GateLog): { readonly warnings?: Warnings } {
  const failed = checkResults(log).filter(
    ({ outcome, severity }) => outcome === 'failed' && severity === 'warn',
  )
  if (failed.length === 0) return {}
  const checks = failed
    .slice(0, told)
    .map(({ severity: _warn, outcome: _failed, columns: _inTheEvidence, ...rest }) => rest)
  return { warnings: { count: failed.length, checks } }
}
