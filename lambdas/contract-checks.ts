import { type CheckKind, type CheckResult, durationSeconds } from '../core/contract/checks.ts'
import { countDuplicates } from '../core/contract/duplicates.ts'
import type { ScanColumn } from '../core/contract/scan.ts'
import type { CopyStats, Engine } from '../core/engine/engine.ts'
import type { RowCounts } from '../core/runs/items.ts'
import { readRun } from '../core/runs/runs.ts'
import { icebergTypeOf } from '../core/sinks/iceberg-types.ts'
import { type ColumnRef, columnsSelect } from '../core/sources/parquet-ranges.ts'
import { parseStatsText } from '../core/tables/stats-text.ts'
import type { PrimitiveType } from '../core/tables/types.ts'
import { countUnreferenced } from './check-references.ts'
import { reconcileRows } from './check-row-counts.ts'
import { countSqlRows } from './check-sql.ts'
import type { GateTask } from './gate-handler.ts'
import { checkResult, checksOf, type LoadCheck, type Measured, none, refOf } from './load-checks.ts'

/** The accepted rows of a load, as far as checks look at them. */
export interface AcceptedRows {
  readonly counts: RowCounts
  /** Of the files that hold them: the checks that can be told by counts and bounds read nothing else. */
  readonly stats: readonly Pick<CopyStats, 'rows' | 'bytes' | 'columns'>[]
  /** For the checks that need the rows; where none does, no engine is leased and no file read. */
  read<T>(work: (rows: ReadableRows) => Promise<T>): Promise<T>
}

export interface ReadableRows {
  readonly engine: Engine
  /** Local Parquet files with these columns, to be read by their field ids. */
  files(columns: readonly ColumnRef[]): Promise<readonly string[]>
}

/** They say what a delivery is like, and a few rows of an old one, corrected, are none. */
const ofDeliveries: readonly CheckKind[] = [
  'row_count',
  'max_null_ratio',
  'freshness',
  'row_count_reconciliation',
]

/** All of them, also after one that fails: whoever corrects a delivery wants to know everything that is wrong with it. */
export async function judgeChecks(task: GateTask, rows: AcceptedRows): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  const isReplay = task.record('extract').replay !== undefined
  for (const check of checksOf(task, task.record('lineage').columns)) {
    if (isReplay && ofDeliveries.includes(check.kind)) continue
    results.push(checkResult(check, await measure(task, check, rows)))
  }
  return results
}

async function measure(task: GateTask, check: LoadCheck, rows: AcceptedRows): Promise<Measured> {
  const { row_count, max_null_ratio, freshness, references, sql, row_count_reconciliation } = check.spec
  if (row_count !== undefined) {
    const measured = rowsIn(rows)
    const { min = 0, max = Number.POSITIVE_INFINITY } = row_count
    return { measured, limit: row_count, passed: measured >= min && measured <= max }
  }
  if (max_null_ratio !== undefined) {
    const [column] = check.columns as readonly [ScanColumn]
    const all = rowsIn(rows)
    const measured = all === 0 ? 0 : (await countNulls(column, rows)) / all
    return { measured, limit: max_null_ratio.ratio, passed: measured <= max_null_ratio.ratio }
  }
  if (freshness !== undefined) {
    const [column] = check.columns as readonly [ScanColumn]
    const limit = durationSeconds(freshness.max_age)
    const newest = newestInstant(column, rows)
    if (newest === undefined) return { measured: null, limit, passed: false }
    const { started_at } = await readRun(task.ports, task.ref.run_id)
    const measured = Number(BigInt(Date.parse(started_at)) * 1000n - newest) / 1e6
    return { measured, limit, passed: measured <= limit }
  }
  if (row_count_reconciliation !== undefined)
    return await reconcileRows(task, check, row_count_reconciliation, rows)
  if (sql !== undefined) return none(await countSqlRows(task, check, sql, rows))
  if (rowsIn(rows) === 0) return none(0)
  if (references !== undefined) return none(await countUnreferenced(task, check, references, rows))
  return none(await countRepeated(check.columns, rows))
}

function rowsIn({ stats }: AcceptedRows): number {
  return stats.reduce((sum, file) => sum + file.rows, 0)
}

/** The files' own statistics say it; of a column for which they do not, the values are counted. */
async function countNulls(column: ScanColumn, rows: AcceptedRows): Promise<number> {
  const told = rows.stats.map((file) => file.columns[column.name]?.nulls)
  if (told.every((count) => count !== undefined)) return told.reduce((sum, count) => sum + count, 0)
  const ref = refOf(column)
  return await rows.read(async ({ engine, files }) => {
    const select = columnsSelect(await files([ref]), [ref])
    const [row] = await engine.rows<{ present: bigint; all_rows: bigint }>(
      `SELECT count(c) AS present, count(*) AS all_rows FROM (${select}) t(c)`,
    )
    return Number(row!.all_rows - row!.present)
  })
}

const dayMicros = 86_400_000_000n

/** Microseconds since 1970; bounds of dates and timestamps are exact in a file's statistics. */
function newestInstant(column: ScanColumn, { stats }: AcceptedRows): bigint | undefined {
  const type = icebergTypeOf(column.stored ?? column.type) as PrimitiveType
  const instants = stats.flatMap((file): bigint[] => {
    const text = file.columns[column.name]?.max
    const value = text === undefined ? undefined : parseStatsText(type, text)
    if (value === undefined) return []
    return [type.kind === 'date' ? BigInt(value as number) * dayMicros : (value as bigint)]
  })
  return instants.reduce<bigint | undefined>((a, b) => (a === undefined || b > a ? b : a), undefined)
}

async function countRepeated(columns: readonly ScanColumn[], rows: AcceptedRows): Promise<number> {
  const refs = columns.map(refOf)
  return await rows.read(
    async ({ engine, files }) =>
      await countDuplicates(
        engine,
        columnsSelect(await files(refs), refs),
        refs.map(({ name }) => name),
      ),
  )
}
