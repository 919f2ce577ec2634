import { type Reconciliation, toleratedRows } from '../core/contract/reconciliation.ts'
import type { Engine } from '../core/engine/engine.ts'
import { quoteLiterals } from '../core/engine/sql.ts'
import { TerminalError } from '../core/errors.ts'
import { downloadFooter } from '../core/sources/parquet-ranges.ts'
import { listDataFiles, loadTable } from '../core/tables/scan.ts'
import { mapParallel } from '../core/tables/table-files.ts'
import { checkTable } from './check-references.ts'
import type { AcceptedRows } from './contract-checks.ts'
import type { ReadTask } from './gate-handler.ts'
import type { LoadCheck, Measured } from './load-checks.ts'

/** The rows of the load against the independent count that the check names. */
export async function reconcileRows(
  task: ReadTask,
  check: LoadCheck,
  spec: Reconciliation,
  rows: AcceptedRows,
): Promise<Measured> {
  const { read, accepted, quarantined } = rows.counts
  const measured = { read, judged: accepted + quarantined, accepted }[spec.rows]
  const expected = await independentCount(task, check, spec, rows)
  const limit = toleratedRows(spec, expected)
  return { measured, expected, limit, passed: Math.abs(measured - expected) <= limit }
}

async function independentCount(
  task: ReadTask,
  { name }: LoadCheck,
  { against }: Reconciliation,
  rows: AcceptedRows,
): Promise<number> {
  if (against.table !== undefined) return await tableRows(task, against.table)
  if (against.parquet_footers) return await rows.read(({ engine }) => footerRows(task, engine))
  const count = task.record('extract').control_counts?.find(({ check }) => check === name)
  if (count !== undefined) return count.rows
  throw new TerminalError({
    code: 'CONTROL_COUNT_UNREAD',
    fact: `extract has read no count for the check ${name}`,
    consequence: 'Nothing was written',
    next: 'Start a new run: this one was begun by another version',
    details: { check: name },
  })
}

/** As the pinned snapshot's manifests count them; of no data file a byte is read. */
async function tableRows(task: ReadTask, table: string): Promise<number> {
  const { metadata_location, snapshot_id } = checkTable(task.record('extract'), table)
  if (snapshot_id === null) return 0
  const { metadata } = await loadTable(task.ports.lake, metadata_location)
  const files = await listDataFiles(task.ports.lake, metadata, BigInt(snapshot_id))
  return Number(files.reduce((sum, { file }) => sum + file.recordCount, 0n))
}

/** Objects whose footers lie on the disk at a time. */
const batch = 64

async function footerRows(task: ReadTask, engine: Engine): Promise<number> {
  const { source } = task.record('extract')
  if (source.kind !== 'files') return 0
  const store = task.ports.openSource(source.path)
  let rows = 0
  for (let i = 0; i < source.pins.length; i += batch) {
    const files = await mapParallel(source.pins.slice(i, i + batch), (pin) =>
      downloadFooter(store, pin, engine.directory),
    )
    const [row] = await engine.rows<{ rows: bigint }>(
      `SELECT CAST(sum(num_rows) AS BIGINT) AS rows FROM parquet_file_metadata(${quoteLiterals(files.map(({ path }) => path))})`,
    )
    rows += Number(row!.rows)
  }
  return rows
}
