import { instantTypes } from '../core/contract/checks.ts'
import { isNested, typeText } from '../core/contract/column-types.ts'
import type { ScanColumn } from '../core/contract/scan.ts'
import { ContractError } from '../core/errors.ts'
import { referredColumns } from './check-references.ts'
import { verifySql } from './check-sql.ts'
import type { ReadTask } from './gate-handler.ts'
import { checksOf, type LoadCheck, refOf } from './load-checks.ts'

/**
 * That the contract's checks can be asked of the load, before a row of it is read. Throws `ContractError`
 * `CHECK_COLUMN_MISSING`, `CHECK_TYPE_REFUSED` for a column of which a check can tell nothing, and
 * `CHECK_SQL_REFUSED`.
 */
export async function checkChecks(task: ReadTask, columns: readonly ScanColumn[]): Promise<void> {
  for (const check of checksOf(task, columns)) {
    const { freshness, references, sql } = check.spec
    const nested = check.columns.find((column) => isNested(column.type))
    if (nested !== undefined) throw ofNested(task, check.name, nested)
    if (freshness !== undefined) checkInstant(task, check)
    if (references !== undefined) await referredColumns(task, check, references)
    if (sql !== undefined) await verifySql(task, check, sql, columns)
  }
}

function checkInstant(task: ReadTask, { name, columns }: LoadCheck): void {
  for (const column of columns.map(refOf)) {
    if (instantTypes.includes(column.type.type)) continue
    throw new ContractError({
      code: 'CHECK_TYPE_REFUSED',
      fact: `the check ${name} of ${task.dataflow.name} asks for the age of ${column.name}, which is ${typeText(column.type)}`,
      consequence: 'Nothing was written',
      next: `Give the column one of the types ${instantTypes.join(', ')} in the contract, or cast it in the source`,
      details: { check: name, column: column.name },
    })
  }
}

/** Checks compare and count single values. */
function ofNested(task: ReadTask, check: string, { name, type }: ScanColumn): ContractError {
  return new ContractError({
    code: 'CHECK_TYPE_REFUSED',
    fact: `the check ${check} of ${task.dataflow.name} is about ${name}, which is a ${type.type}`,
    consequence: 'Nothing was written',
    next: 'Checks are of single values: name another column',
    details: { check, column: name },
  })
}
