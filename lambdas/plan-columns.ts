import type { ColumnType } from '../core/contract/column-types.ts'
import { enforced } from '../core/contract/enforcement.ts'
import { columnType } from '../core/contract/input-type.ts'
import { contractType } from '../core/contract/nested-contract.ts'
import type { ScanColumn } from '../core/contract/scan.ts'
import type { ColumnContract } from '../core/contract/types.ts'
import type { Engine } from '../core/engine/engine.ts'
import type { Dataflow } from '../core/manifest/types.ts'
import { columnName, columnNames, rowIdColumn } from '../core/sources/column-names.ts'
import type { InputColumn } from '../core/sources/describe.ts'
import { needsEngine, type PlannedTransformers, planTransformers } from '../core/transformers/plan.ts'
import type { ReadTask } from './gate-handler.ts'

export type PlannedColumns = Pick<PlannedTransformers, 'columns'> & Partial<PlannedTransformers>

/** The columns that are judged: the source's, or what the dataflow's transformers make of them. */
export async function planColumns(task: ReadTask, columns: readonly InputColumn[]): Promise<PlannedColumns> {
  const { transformers, column_names } = task.dataflow
  const contracts = contractsByColumn(task.dataflow)
  if (transformers !== undefined) {
    const { after } = task.record('extract')
    const request = { transformers, columns, column_names, contracts, after }
    if (!needsEngine(transformers)) return await planTransformers(request)
    const work = (engine: Engine) => planTransformers({ ...request, engine })
    return await task.ports.engines.use(work, { signal: task.signal })
  }
  const names = columnNames(
    columns.map((column) => column.name),
    column_names,
  )
  return { columns: columns.map((column) => draftColumn(column, names, contracts)) }
}

/** Corrected rows may say which rejected rows they are; what is planned has looked at that. */
export function deliveredColumns(
  { manifest }: ReadTask,
  columns: readonly InputColumn[],
): readonly InputColumn[] {
  return manifest.replay === undefined ? columns : columns.filter(({ name }) => name !== rowIdColumn)
}

function draftColumn(
  column: InputColumn,
  names: ReadonlyMap<string, string>,
  contracts: ReadonlyMap<string, ColumnContract>,
): Omit<ScanColumn, 'field_id'> {
  const name = names.get(column.name) as string
  const contract = contracts.get(name)
  const type: ColumnType =
    contract === undefined ? columnType(column.input, column.name) : contractType(contract)
  return {
    source: column.name,
    name,
    type,
    input: column.input,
    ...(contract === undefined ? {} : { contract }),
  }
}

/** By the table's names; the contract may write them as the source does. */
export function contractsByColumn({ contract, column_names }: Dataflow): Map<string, ColumnContract> {
  return new Map(
    Object.entries(contract.columns).map(([key, spec]) => [
      columnName(key, column_names),
      enforced(spec, contract),
    ]),
  )
}

/** As a message lists them. */
export function namesOf(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ')
}
