import { isNested, typeText } from '../core/contract/column-types.ts'
import type { ScanColumn } from '../core/contract/scan.ts'
import { ContractError } from '../core/errors.ts'
import type { Dataflow } from '../core/manifest/types.ts'
import type { LineageRecord } from '../core/runs/lineage-record.ts'
import { watermarkColumns } from '../core/sources/source-state.ts'
import type { TransformerPlan } from '../core/transformers/types.ts'
import type { ReadTask } from './gate-handler.ts'
import { namesOf, type PlannedColumns } from './plan-columns.ts'

/** They must be there, and as the source has them: what is new is decided before rows are changed. */
export function checkWatermarks(
  { dataflow }: ReadTask,
  columns: PlannedColumns['columns'],
  plan?: TransformerPlan,
) {
  const marks = watermarkColumns(dataflow)
  const absent = marks.filter((name) => !columns.some((column) => column.name === name))
  if (absent.length > 0) {
    throw new ContractError({
      code: 'WATERMARK_COLUMN_MISSING',
      fact: `the source of ${dataflow.name} has no column ${absent.join(', ')}, by which it is to be loaded; it has ${namesOf(columns.map(({ name }) => name))}`,
      consequence: 'Nothing was written',
      next: 'Correct watermark_columns',
    })
  }
  if (plan === undefined) return
  const made = marks.filter((mark) => {
    const source = columns.find(({ name }) => name === mark)?.source ?? null
    return source === null || !plan.shown.includes(source)
  })
  if (made.length === 0) return
  throw new ContractError({
    code: 'TRANSFORMER_COLUMN_PROTECTED',
    fact: `the transformers of ${dataflow.name} make or mask ${made.join(', ')}, by which it is to be loaded`,
    consequence: 'What is new could not be told, so nothing was read',
    next: 'Load by a column of the source that is not masked',
  })
}

/** What is loaded next is decided by the largest value that was written; written as another type, it may be another one. */
export function checkWatermarkTypes(dataflow: Dataflow, { columns }: LineageRecord): void {
  for (const name of watermarkColumns(dataflow)) {
    const column = columns.find((candidate) => candidate.name === name)
    if (column !== undefined && isNested(column.type)) throw nestedWatermark(dataflow, column)
    if (column !== undefined && column.stored === undefined) continue
    const fate =
      column?.stored === undefined
        ? 'would not be loaded (schema_evolution.columns)'
        : `is ${typeText(column.type)} and would be written as ${typeText(column.stored)}`
    throw new ContractError({
      code: 'WATERMARK_TYPE_DIFFERS',
      fact: `the watermark column ${name} of ${dataflow.name} ${fate}`,
      consequence: 'What is new could not be told from then on, so nothing was written',
      next: 'Give the column the type of the table in the contract, or load by another column',
    })
  }
}

function nestedWatermark({ name }: Dataflow, column: ScanColumn): ContractError {
  return new ContractError({
    code: 'WATERMARK_NESTED',
    fact: `the watermark column ${column.name} of ${name} is a ${column.type.type}, which has no order`,
    consequence: 'Nothing was written',
    next: 'Load by a column of single values',
  })
}
