import { instantTypes } from '../core/contract/checks.ts'
import type { ScanColumn } from '../core/contract/scan.ts'
import { typeText } from '../core/contract/types.ts'
import { ContractError } from '../core/errors.ts'
import { checksOf } from './contract-checks.ts'
import type { GateTask } from './gate-handler.ts'

/**
 * That the contract's checks can be asked of the load, before a row of it is read. Throws `ContractError`
 * `CHECK_COLUMN_MISSING`, and `CHECK_TYPE_REFUSED` for a column of which a check can tell nothing.
 */
export function checkChecks(task: GateTask, columns: readonly ScanColumn[]): void {
  for (const { name, kind, columns: own } of checksOf(task, columns)) {
    if (kind !== 'freshness') continue
    const wrong = own.find((column) => !instantTypes.includes((column.stored ?? column.type).type))
    if (wrong === undefined) continue
    throw new ContractError({
      code: 'CHECK_TYPE_REFUSED',
      fact: `the check ${name} of ${task.dataflow.name} asks for the age of ${wrong.name}, which is ${typeText(wrong.stored ?? wrong.type)}`,
      consequence: 'Nothing was written',
      next: `Give the column one of the types ${instantTypes.join(', ')} in the contract, or cast it in the source`,
      details: { check: name, column: wrong.name },
    })
  }
}
