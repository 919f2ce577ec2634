import { verifyPatterns } from '../core/contract/check-contract.ts'
import type { ScanColumn, ScanConstant } from '../core/contract/scan.ts'
import { type ColumnContract, type ColumnType, columnType, contractType } from '../core/contract/types.ts'
import type { Engine } from '../core/engine/engine.ts'
import { ContractError } from '../core/errors.ts'
import type { LineageRecord } from '../core/runs/records.ts'
import { type DraftColumn, draftSchema } from '../core/sinks/draft-schema.ts'
import { loadTarget } from '../core/sinks/target.ts'
import { columnName, columnNames, reservedPrefix } from '../core/sources/column-names.ts'
import { describeInputs, type InputColumn } from '../core/sources/describe.ts'
import { watermarkColumns } from '../core/sources/source-state.ts'
import type { Schema } from '../core/tables/types.ts'
import { type GateTask, gateHandler } from './gate-handler.ts'

/**
 * Gate 2: names the columns, adds where their rows come from, and drafts the target's schema with stable
 * field ids, so that the files of the next gate need no rewriting.
 */
export async function lineage(task: GateTask): Promise<LineageRecord> {
  const { dataflow, ports } = task
  const described = await describeInputs(ports, task.record('extract'), dataflow, task.signal)
  const names = columnNames(
    described.columns.map((column) => column.name),
    dataflow.column_names,
  )
  const contracts = contractsByColumn(task, [...names.values()])
  checkWatermarks(task, [...names.values()])
  await checkPatterns(task)
  const columns = described.columns.map((column) => draftColumn(column, names, contracts))
  const target = await loadTarget(ports, dataflow.sink.table)
  const replaces = dataflow.sink.load_type === 'overwrite'
  const added = ownColumns(task)
  const draft = draftSchema([...columns, ...added], target, replaces)
  return {
    inputs: described.inputs,
    columns: columns.map((column) => ({ ...column, field_id: fieldId(draft.schema, column.name) })),
    constants: added.map((column) => ({ ...column, field_id: fieldId(draft.schema, column.name) })),
    schema: draft.schema,
    base: target?.schema ?? null,
    differences: draft.differences,
  }
}

function draftColumn(
  column: InputColumn,
  names: ReadonlyMap<string, string>,
  contracts: ReadonlyMap<string, ColumnContract>,
): DraftColumn & Omit<ScanColumn, 'field_id'> {
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

/** Patterns that this process has had compiled. Dataflows share them, and asking again costs an engine's lease, 2 ms. */
const compiled = new Set<string>()
const compiledLimit = 10_000

/** Only the engine can say whether a pattern is RE2; it says so before any row is read. */
async function checkPatterns(task: GateTask): Promise<void> {
  const { contract, name } = task.dataflow
  const patterns = Object.values(contract.columns).flatMap(({ pattern }) => pattern ?? [])
  if (patterns.every((pattern) => compiled.has(pattern))) return
  const work = (engine: Engine) => verifyPatterns(engine, contract)
  const [problem] = await task.ports.engines.use(work, { signal: task.signal })
  if (problem === undefined) {
    if (compiled.size + patterns.length > compiledLimit) compiled.clear()
    for (const pattern of patterns) compiled.add(pattern)
    return
  }
  throw new ContractError({
    code: 'CONTRACT_PATTERN_INVALID',
    fact: `in the contract of ${name}, column ${problem.path[1]}: ${problem.message}`,
    consequence: 'Nothing was read',
    next: problem.hint,
  })
}

/** The contract's columns may be written as the source or as the table spells them; each must be there. */
function contractsByColumn(task: GateTask, names: readonly string[]): Map<string, ColumnContract> {
  const { contract, column_names } = task.dataflow
  const entries = Object.entries(contract.columns).map(
    ([key, spec]) => [columnName(key, column_names), spec] as const,
  )
  const absent = entries.filter(([name]) => !names.includes(name)).map(([name]) => name)
  if (absent.length === 0) return new Map(entries)
  throw new ContractError({
    code: 'CONTRACT_COLUMN_MISSING',
    fact: `the source of ${task.dataflow.name} has no column ${absent.join(', ')}, which its contract names; it has ${names.join(', ')}`,
    consequence: 'Nothing was written',
    next: 'Deliver the column, or take it out of the contract',
    details: { missing: absent, columns: names },
  })
}

function checkWatermarks(task: GateTask, names: readonly string[]): void {
  const absent = watermarkColumns(task.dataflow).filter((name) => !names.includes(name))
  if (absent.length === 0) return
  throw new ContractError({
    code: 'WATERMARK_COLUMN_MISSING',
    fact: `the source of ${task.dataflow.name} has no column ${absent.join(', ')}, by which it is to be loaded; it has ${names.join(', ')}`,
    consequence: 'Nothing was written',
    next: 'Correct watermark_columns',
  })
}

/** Which run brought a row, and when that run read it. */
function ownColumns(task: GateTask): Omit<ScanConstant, 'field_id'>[] {
  return [
    { name: `${reservedPrefix}run_id`, type: { type: 'string' }, value: task.ref.run_id },
    {
      name: `${reservedPrefix}loaded_at`,
      type: { type: 'timestamp_tz' },
      value: task.ports.clock().toISOString(),
    },
  ]
}

function fieldId(schema: Schema, name: string): number {
  return schema.fields.find((field) => field.name === name)?.id as number
}

export const handler = gateHandler('lineage', lineage)
