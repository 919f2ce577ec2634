import {
  type CheckKind,
  type CheckResult,
  type CheckSpec,
  checkColumns,
  kindOf,
  resultText,
} from '../core/contract/checks.ts'
import type { ScanColumn } from '../core/contract/scan.ts'
import type { Severity } from '../core/contract/types.ts'
import { ContractError } from '../core/errors.ts'
import { columnName } from '../core/sources/column-names.ts'
import type { ColumnRef } from '../core/sources/parquet-ranges.ts'
import { counted, oneOrMany } from '../core/words.ts'
import type { ReadTask } from './gate-handler.ts'

/** A check whose columns are those of the load. */
export interface LoadCheck {
  readonly name: string
  readonly kind: CheckKind
  readonly severity: Severity
  readonly columns: readonly ScanColumn[]
  readonly spec: CheckSpec
}

/** The checks of the load, columns whose contract says unique first. Throws `ContractError` `CHECK_COLUMN_MISSING`. */
export function checksOf(task: ReadTask, columns: readonly ScanColumn[]): LoadCheck[] {
  const { contract, column_names } = task.dataflow
  const own = columns.flatMap((column): LoadCheck[] => {
    if (column.contract?.unique !== true) return []
    const spec = { name: `unique(${column.name})`, severity: 'error', unique: [column.name] } as const
    return [{ name: spec.name, kind: 'unique', severity: spec.severity, columns: [column], spec }]
  })
  const listed = (contract.checks ?? []).map((spec): LoadCheck => {
    const found = checkColumns(spec).map((name) => {
      // A variant column is no column of the source, and has its name from the contract.
      const output = columns.some((column) => column.variant_of !== undefined && column.name === name)
        ? name
        : columnName(name, column_names)
      return columns.find((column) => column.name === output) ?? missingColumn(task, spec, name, columns)
    })
    return { name: spec.name, kind: kindOf(spec), severity: spec.severity, columns: found, spec }
  })
  return [...own, ...listed]
}

/** As the accepted files hold it. */
export function refOf({ name, field_id, type, stored }: ScanColumn): ColumnRef {
  return { name, field_id, type: stored ?? type }
}

export interface Measured {
  readonly measured: number | null
  readonly expected?: number
  readonly limit: CheckResult['limit']
  readonly passed: boolean
}

/** What a gate found of a check, as its record has it. */
export function checkResult(check: LoadCheck, { measured, expected, limit, passed }: Measured): CheckResult {
  const columns = check.columns.map(({ name }) => name)
  return {
    name: check.name,
    check: check.kind,
    severity: check.severity,
    outcome: passed ? 'passed' : 'failed',
    ...(columns.length === 0 ? {} : { columns }),
    measured,
    ...(expected === undefined ? {} : { expected }),
    limit,
  }
}

/** No value may occur so often, or be missing elsewhere. */
export function none(measured: number): Measured {
  return { measured, limit: 0, passed: measured === 0 }
}

/** The first check that stops the attempt, in their order; the others are named as well. */
export function refuseFailed(task: ReadTask, checks: readonly CheckResult[]): void {
  const failed = checks.filter(({ outcome, severity }) => outcome === 'failed' && severity === 'error')
  const [first] = failed
  if (first === undefined) return
  const others = failed.slice(1).map(({ name }) => name)
  const also = others.length === 0 ? '' : ` (so do ${others.join(', ')})`
  const details = {
    checks,
    check: first.name,
    ...(first.columns === undefined ? {} : { columns: first.columns }),
    measured: first.measured,
    ...(first.expected === undefined ? {} : { expected: first.expected }),
    limit: first.limit,
  }
  if (first.check === 'unique') {
    const values = first.measured as number
    throw new ContractError({
      code: 'UNIQUE_VIOLATED',
      fact: `${counted(values, 'value')} of ${first.columns?.join(', ')} ${oneOrMany(values, 'occurs', 'occur')} more than once in ${task.dataflow.name}, whose contract says unique${also}`,
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
  task: ReadTask,
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
