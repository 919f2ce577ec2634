import {
  type CheckRelation,
  columnsNamed,
  countViolations,
  verifyCheckSql,
} from '../core/contract/check-sql.ts'
import type { ScanColumn } from '../core/contract/scan.ts'
import { ContractError, TerminalError } from '../core/errors.ts'
import { loadRelation, renderCheckSql } from '../core/planning/check-refs.ts'
import { type ColumnRef, columnsSelect } from '../core/sources/parquet-ranges.ts'
import { fieldRef, pinnedFields, selectPinned } from '../core/sources/pinned-columns.ts'
import { counted } from '../core/words.ts'
import { checkTable } from './check-references.ts'
import type { AcceptedRows } from './contract-checks.ts'
import type { ReadTask } from './gate-handler.ts'
import { type LoadCheck, refOf } from './load-checks.ts'

/** Throws `ContractError` `CHECK_SQL_REFUSED`, before a row is read. */
export async function verifySql(
  task: ReadTask,
  check: LoadCheck,
  sql: string,
  columns: readonly ScanColumn[],
): Promise<void> {
  const rendered = renderCheckSql(sql)
  const tables = await Promise.all(rendered.tables.map((each) => describeTable(task, each)))
  const load: CheckRelation = { name: loadRelation, columns: columns.map(refOf) }
  await named(task, check, () =>
    task.ports.engines.use((engine) => verifyCheckSql(engine, rendered.sql, [load, ...tables]), {
      signal: task.signal,
    }),
  )
}

async function describeTable(task: ReadTask, { name, table }: { name: string; table: string }) {
  const fields = await pinnedFields(task.ports, checkTable(task.record('extract'), table))
  return { name, columns: fields.map(fieldRef) }
}

/** How many rows the check's SQL has. Of what does not lie here, the columns that it names are fetched. */
export async function countSqlRows(
  task: ReadTask,
  check: LoadCheck,
  sql: string,
  rows: AcceptedRows,
): Promise<number> {
  const rendered = renderCheckSql(sql)
  const all = task.record('lineage').columns.map(refOf)
  return await named(task, check, () =>
    rows.read(async ({ engine, files }) => {
      const own = await columnsNamed(engine, rendered.sql, all)
      checkSize(task, check, own, rows)
      const relations = [{ name: loadRelation, select: columnsSelect(await files(own), own) }]
      for (const { name, table } of rendered.tables) {
        const pin = checkTable(task.record('extract'), table)
        const present = (await pinnedFields(task.ports, pin)).map(fieldRef)
        const needed = await columnsNamed(engine, rendered.sql, present)
        relations.push({ name, select: await selectPinned(task.ports, engine, pin, needed, 'null') })
      }
      return await countViolations(engine, rendered.sql, relations)
    }),
  )
}

/** Shards are there because one disk does not hold the load; a query that reads all of it would need that disk. */
function checkSize(
  task: ReadTask,
  { name }: LoadCheck,
  columns: readonly ColumnRef[],
  { stats }: AcceptedRows,
): void {
  const most = task.ports.shardBytes
  if (most === undefined || task.record('extract').shards.length === 0) return
  const bytes = stats.reduce((sum, file) => {
    // The statistics leave nested columns out: then the whole file is counted.
    const sizes = columns.map((column) => file.columns[column.name]?.size ?? file.bytes)
    return (
      sum +
      Math.min(
        file.bytes,
        sizes.reduce((a, b) => a + b, 0),
      )
    )
  }, 0)
  if (bytes <= most / copies) return
  throw new ContractError({
    code: 'CHECK_TOO_LARGE',
    fact: `the check ${name} of ${task.dataflow.name} reads ${counted(columns.length, 'column')} with ${counted(bytes, 'byte')}, and one call has room for ${Math.floor(most / copies)}`,
    consequence: 'Nothing was written to the table',
    next: 'Have its SQL name the columns that it needs, without *, or check in a dataflow that reads the table',
    details: { check: name, bytes, most: Math.floor(most / copies) },
  })
}

/** The ranges that were fetched, and the columns that are made of them, lie on the disk at a time. */
const copies = 2

/** Says which check it is whose SQL is refused or cannot be run. */
async function named<T>(task: ReadTask, { name }: LoadCheck, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const codes = ['CHECK_SQL_REFUSED', 'CHECK_SQL_FAILED']
    if (!(error instanceof TerminalError) || !codes.includes(error.code)) throw error
    throw new ContractError({
      code: error.code,
      fact: `the check ${name} of ${task.dataflow.name}: ${error.message}`,
      details: { check: name },
      cause: error,
    })
  }
}
