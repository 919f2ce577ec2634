import { checkContract } from '../contract/check-contract.ts'
import type { ColumnContract } from '../contract/types.ts'
import type { Report } from './rules.ts'

/** What core/contract says of each column, at its place. A column without a type is the schema's to report. */
export function checkColumns(
  columns: Readonly<Record<string, Partial<ColumnContract> | undefined>>,
  report: Report,
): void {
  for (const [name, column] of Object.entries(columns)) {
    if (column?.type === undefined) continue
    const spec = { enforcement: 'strict', columns: { [name]: column as ColumnContract } } as const
    for (const { path, message, hint } of checkContract(spec)) report(['contract', ...path], message, hint)
  }
}
