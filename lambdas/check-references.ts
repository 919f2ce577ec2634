import type { References } from '../core/contract/checks.ts'
import { typeText } from '../core/contract/column-types.ts'
import { countUnmatched, isComparable } from '../core/contract/references.ts'
import { ContractError, TerminalError } from '../core/errors.ts'
import type { ExtractRecord, TablePin } from '../core/runs/extract-record.ts'
import { type ColumnRef, columnsSelect } from '../core/sources/parquet-ranges.ts'
import { fieldRef, pinnedFields, selectPinned } from '../core/sources/pinned-columns.ts'
import type { AcceptedRows } from './contract-checks.ts'
import type { ReadTask } from './gate-handler.ts'
import { type LoadCheck, refOf } from './load-checks.ts'

/** How many distinct values of the load the pinned table does not have. */
export async function countUnreferenced(
  task: ReadTask,
  check: LoadCheck,
  references: References,
  rows: AcceptedRows,
): Promise<number> {
  const own = check.columns.map(refOf)
  const pin = checkTable(task.record('extract'), references.table)
  const to = await referredColumns(task, check, references)
  return await rows.read(async ({ engine, files }) => {
    const load = columnsSelect(await files(own), own)
    const table = await selectPinned(task.ports, engine, pin, to, 'skip')
    const pairs = own.map(({ name }, i) => ({ column: name, to: (to[i] as ColumnRef).name }))
    return await countUnmatched(engine, load, table, pairs)
  })
}

/**
 * The columns of the pinned table that the check's columns refer to. Throws `ContractError` `CHECK_COLUMN_MISSING`,
 * and `CHECK_TYPE_REFUSED` where values of the two columns cannot be compared exactly.
 */
export async function referredColumns(
  task: ReadTask,
  { name, columns }: LoadCheck,
  { table, to }: References,
): Promise<ColumnRef[]> {
  const present = await pinnedFields(task.ports, checkTable(task.record('extract'), table))
  return to.map((wanted, i) => {
    const field = present.find((candidate) => candidate.name === wanted)
    if (field === undefined) {
      throw new ContractError({
        code: 'CHECK_COLUMN_MISSING',
        fact: `the check ${name} of ${task.dataflow.name} refers to ${wanted} of ${table}, which has no such column; it has ${present.map((column) => column.name).join(', ')}`,
        consequence: 'Nothing was written',
        next: 'Correct the check',
        details: { check: name, table, column: wanted },
      })
    }
    const other = fieldRef(field)
    const own = refOf(columns[i] as LoadCheck['columns'][number])
    if (isComparable(own.type, other.type)) return other
    throw new ContractError({
      code: 'CHECK_TYPE_REFUSED',
      fact: `the check ${name} of ${task.dataflow.name} compares ${own.name}, which is ${typeText(own.type)}, with ${wanted} of ${table}, which is ${typeText(other.type)}`,
      consequence: 'Nothing was written',
      next: 'Give the column a type of the same kind in the contract; a double is compared with doubles only',
      details: { check: name, table, column: own.name },
    })
  })
}

/** As extract has pinned it. */
export function checkTable({ check_tables = [] }: ExtractRecord, table: string): TablePin {
  const pin = check_tables.find((candidate) => candidate.table === table)
  if (pin !== undefined) return pin
  throw new TerminalError({
    code: 'CHECK_TABLE_UNPINNED',
    fact: `a check looks into ${table}, and extract has pinned no snapshot of it`,
    consequence: 'Nothing was written',
    next: 'Start a new run: this one was begun by another version',
    details: { table },
  })
}
