import {
  type CheckKind,
  type CheckResult,
  type CheckSpec,
  checkColumns,
  durationSeconds,
  kindOf,
  resultText,
} from '../core/contract/checks.ts'
import { countDuplicates } from '../core/contract/duplicates.ts'
import type { ScanColumn } from '../core/contract/scan.ts'
import type { Severity } from '../core/contract/types.ts'
import type { CopyStats, Engine } from '../core/engine/engine.ts'
import { ContractError } from '../core/errors.ts'
import { readRun } from '../core/runs/runs.ts'
import { icebergTypeOf } from '../core/sinks/iceberg-types.ts'
import { columnName } from '../core/sources/column-names.ts'
import { type ColumnRef, columnsSelect } from '../core/sources/parquet-ranges.ts'
import { parseStatsText } from '../core/tables/stats-text.ts'
import type { PrimitiveType } from '../core/tables/types.ts'
import type { GateTask } from './gate-handler.ts'

/** The accepted rows of a load, as far as checks look at them. */
export interface AcceptedRows {
  /** Of the files that hold them: the checks that can be told by counts and bounds read nothing else. */
  readonly stats: readonly Pick<CopyStats, 'rows' | 'columns'>[]
  /** For the checks that need the rows; where none does, no engine is leased and no file read. */
  read<T>(work: (rows: ReadableRows) => Promise<T>): Promise<T>
}

export interface ReadableRows {
  readonly engine: Engine
  /** Local Parquet files with these columns, to be read by their field ids. */
  files(columns: readonly ColumnRef[]): Promise<readonly string[]>
}

/** A check whose columns are those of the load. */
export interface LoadCheck {
  readonly name: string
  readonly kind: CheckKind
  readonly severity: Severity
  readonly columns: readonly ScanColumn[]
  readonly spec: CheckSpec
}

/** The checks of the load, columns whose contract says unique first. Throws `ContractError` `CHECK_COLUMN_MISSING`. */
export function checksOf(task: GateTask, columns: readonly ScanColumn[]): LoadCheck[] {
  const { contract, column_names } = task.dataflow
  const own = columns.flatMap((column): LoadCheck[] => {
    if (column.contract?.unique !== true) return []
    const spec = { name: `unique(${column.name})`, severity: 'error', unique: [column.name] } as const
    return [{ name: spec.name, kind: 'unique', severity: spec.severity, columns: [column], spec }]
  })
  const listed = (contract.checks ?? []).map((spec): LoadCheck => {
    const found = checkColumns(spec).map((name) => {
      const output = columnName(name, column_names)
      return columns.find((column) => column.name === output) ?? missingColumn(task, spec, name, columns)
    })
    return { name: spec.name, kind: kindOf(spec), severity: spec.severity, columns: found, spec }
  })
  return [...own, ...listed]
}

/** All of them, also after one that fails: whoever corrects a delivery wants to know everything that is wrong with it. */
export async function judgeChecks(task: GateTask, rows: AcceptedRows): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  for (const check of checksOf(task, task.record('lineage').columns)) {
    results.push(checkResult(check, await measure(task, check, rows)))
  }
  return results
}

interface Measured {
  readonly measured: number | null
  readonly limit: CheckResult['limit']
  readonly passed: boolean
}

/** What a gate found of a check, as its record has it. */
export function checkResult(check: LoadCheck, { measured, limit, passed }: Measured): CheckResult {
  const columns = check.columns.map(({ name }) => name)
  return {
    name: check.name,
    check: check.kind,
    severity: check.severity,
    outcome: passed ? 'passed' : 'failed',
    ...(columns.length === 0 ? {} : { columns }),
    measured,
    limit,
  }
}

/** No value may occur so often, or be missing elsewhere. */
export function none(measured: number): Measured {
  return { measured, limit: 0, passed: measured === 0 }
}

async function measure(task: GateTask, check: LoadCheck, rows: AcceptedRows): Promise<Measured> {
  const { row_count, max_null_ratio, freshness } = check.spec
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
  if (rowsIn(rows) === 0) return 0
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

/** As the accepted files hold it. */
function refOf({ name, field_id, type, stored }: ScanColumn): ColumnRef {
  return { name, field_id, type: stored ?? type }
}

/** The first check that stops the attempt, in their order; the others are named as well. */
export function refuseFailed(task: GateTask, checks: readonly CheckResult[], kept: object): void {
  const failed = checks.filter(({ outcome, severity }) => outcome === 'failed' && severity === 'error')
  const [first] = failed
  if (first === undefined) return
  const others = failed.slice(1).map(({ name }) => name)
  const also = others.length === 0 ? '' : ` (so do ${others.join(', ')})`
  const details = {
    ...kept,
    checks,
    check: first.name,
    ...(first.columns === undefined ? {} : { columns: first.columns }),
    measured: first.measured,
    limit: first.limit,
  }
  if (first.check === 'unique') {
    throw new ContractError({
      code: 'UNIQUE_VIOLATED',
      fact: `${first.measured} values of ${first.columns?.join(', ')} occur more than once in ${task.dataflow.name}, whose contract says unique${also}`,
      consequence: 'Which of the rows is right cannot be told, so nothing was written to the table',
      next: 'Remove the duplicates in the source, or take unique out of the contract',
      details,
    })
  }
  throw new ContractError({
    code: 'CHECK_FAILED',
    fact: `${task.dataflow.name} fails the check ${first.name} (${first.check}) of its contract: ${resultText(first)}${also}`,
    consequence: 'Nothing was written to the table',
    next: 'Correct the source or the check; severity: warn records it and goes on',
    details,
  })
}

function missingColumn(
  task: GateTask,
  { name: check }: CheckSpec,
  column: string,
  columns: readonly ScanColumn[],
): never {
  throw new ContractError({
    code: 'CHECK_COLUMN_MISSING',
    fact: `the check ${check} of ${task.dataflow.name} is about column ${column}, and the load has none; it has ${columns.map(({ name }) => name).join(', ')}`,
    consequence: 'Nothing was written',
    next: 'Correct the check, or deliver the column',
    details: { check, column },
  })
}
