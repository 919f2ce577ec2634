import { verifyPatterns } from '../core/contract/check-contract.ts'
import { enforced } from '../core/contract/enforcement.ts'
import { bindRowRules } from '../core/contract/row-rules.ts'
import type { ScanColumn, ScanConstant } from '../core/contract/scan.ts'
import {
  type ColumnContract,
  type ColumnType,
  columnType,
  contractType,
  refusesNull,
  typeText,
} from '../core/contract/types.ts'
import type { Engine } from '../core/engine/engine.ts'
import { ContractError } from '../core/errors.ts'
import type { Dataflow } from '../core/manifest/types.ts'
import type { LineageRecord } from '../core/runs/records.ts'
import {
  type DraftBase,
  type DraftColumn,
  type DraftedColumn,
  draftSchema,
} from '../core/sinks/draft-schema.ts'
import { draftPhysical } from '../core/sinks/physical-design.ts'
import { loadTarget } from '../core/sinks/target.ts'
import { columnName, columnNames, reservedPrefix } from '../core/sources/column-names.ts'
import { describeInputs, type InputColumn } from '../core/sources/describe.ts'
import { watermarkColumns } from '../core/sources/source-state.ts'
import type { TableMetadata } from '../core/tables/metadata.ts'
import { checkChecks } from './check-columns.ts'
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
  const target = await loadTarget(ports, dataflow.sink.table)
  const columns = described.columns.map((column) => draftColumn(column, names, contracts))
  const record = draftLineage({
    dataflow,
    inputs: described.inputs,
    columns,
    own: ownColumns(task),
    target,
  })
  await checkRowRules(task, record)
  await checkChecks(task, record.columns)
  return record
}

export interface LineageDraft {
  readonly dataflow: Dataflow
  readonly inputs: LineageRecord['inputs']
  readonly columns: readonly Omit<ScanColumn, 'field_id'>[]
  /** The columns that Sluice adds to every row. */
  readonly own: readonly Omit<ScanConstant, 'field_id'>[]
  readonly target: (DraftBase & { readonly metadata: TableMetadata }) | undefined
}

/** The record as a function of what the source and the table are; the clock and the stores have no part in it. */
export function draftLineage({ dataflow, inputs, columns, own, target }: LineageDraft): LineageRecord {
  const { sink, schema_evolution } = dataflow
  const drafts = [...columns.map(sourceDraft), ...own.map(ownDraft)]
  const draft = draftSchema(drafts, target, sink.load_type === 'overwrite', schema_evolution)
  const byName = new Map(draft.columns.map((column) => [column.name, column]))
  const loaded = <T extends { readonly name: string }>(some: readonly T[]) =>
    some.flatMap((column) => {
      const { fate, field_id, stored } = byName.get(column.name) as DraftedColumn
      if (fate !== 'loaded') return []
      return [{ ...column, field_id, ...(stored === undefined ? {} : { stored }) }]
    })
  const record: LineageRecord = {
    inputs,
    columns: loaded(columns),
    constants: loaded(own),
    unexpected: columns.flatMap(({ source, name }) =>
      byName.get(name)?.fate === 'unexpected' && source !== null ? [{ source, name }] : [],
    ),
    schema: draft.schema,
    base: target?.schema ?? null,
    physical: draftPhysical(sink.physical, draft.schema, target?.metadata),
    differences: draft.differences,
  }
  checkWatermarkTypes(dataflow, record)
  return record
}

function sourceDraft({ name, type, contract }: Omit<ScanColumn, 'field_id'>): DraftColumn {
  return {
    name,
    type,
    nullable: !refusesNull(contract),
    ...(contract === undefined ? {} : { origin: 'contract' as const }),
    ...(contract?.rename_from === undefined ? {} : { rename_from: contract.rename_from }),
  }
}

function ownDraft({ name, type }: Omit<ScanConstant, 'field_id'>): DraftColumn {
  return { name, type, nullable: false, origin: 'sluice' }
}

/** What is loaded next is decided by the largest value that was written; written as another type, it may be another one. */
function checkWatermarkTypes(dataflow: Dataflow, { columns }: LineageRecord): void {
  for (const name of watermarkColumns(dataflow)) {
    const column = columns.find((candidate) => candidate.name === name)
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

/** The scan binds them once more; here they are refused before any row is read. */
async function checkRowRules(
  { dataflow, ports, signal }: GateTask,
  { columns }: LineageRecord,
): Promise<void> {
  const { rules = [] } = dataflow.contract
  if (rules.length === 0) return
  await ports.engines.use((engine) => bindRowRules(engine, rules, columns), { signal })
}

/** The contract's columns may be written as the source or as the table spells them; each must be there. */
function contractsByColumn(task: GateTask, names: readonly string[]): Map<string, ColumnContract> {
  const { contract, column_names } = task.dataflow
  const entries = Object.entries(contract.columns).map(
    ([key, spec]) => [columnName(key, column_names), enforced(spec, contract)] as const,
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

export const handler = gateHandler('lineage', lineage)
