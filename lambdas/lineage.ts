import { type ColumnType, isNested, typeText } from '../core/contract/column-types.ts'
import { enforced } from '../core/contract/enforcement.ts'
import { columnType } from '../core/contract/input-type.ts'
import { contractType } from '../core/contract/nested-contract.ts'
import { patternsOf, verifyPatterns } from '../core/contract/patterns.ts'
import { bindRowRules } from '../core/contract/row-rules.ts'
import type { ScanColumn, ScanConstant } from '../core/contract/scan.ts'
import { type ColumnContract, refusesNull } from '../core/contract/types.ts'
import type { Engine } from '../core/engine/engine.ts'
import { ContractError } from '../core/errors.ts'
import type { Dataflow } from '../core/manifest/types.ts'
import type { LineageRecord } from '../core/runs/lineage-record.ts'
import {
  type DraftBase,
  type DraftColumn,
  type DraftedColumn,
  draftSchema,
} from '../core/sinks/draft-schema.ts'
import { draftPhysical } from '../core/sinks/physical-design.ts'
import { loadTarget } from '../core/sinks/target.ts'
import { columnName, columnNames, reservedPrefix, rowIdColumn } from '../core/sources/column-names.ts'
import { describeInputs, type InputColumn } from '../core/sources/describe.ts'
import { watermarkColumns } from '../core/sources/source-state.ts'
import type { TableMetadata } from '../core/tables/metadata.ts'
import { needsEngine, type PlannedTransformers, planTransformers } from '../core/transformers/plan.ts'
import type { TransformerPlan } from '../core/transformers/types.ts'
import { checkChecks } from './check-columns.ts'
import { gateHandler, type ReadTask } from './gate-handler.ts'
import { formerVariants, variantColumns } from './variant-columns.ts'

/**
 * Gate 2: names the columns, adds where their rows come from, and drafts the target's schema with stable
 * field ids, so that the files of the next gate need no rewriting.
 */
export async function lineage(task: ReadTask): Promise<LineageRecord> {
  const { dataflow, ports } = task
  const described = await describeInputs(ports, task.record('extract'), dataflow, task.signal)
  const { columns: planned, plan } = await planColumns(task, deliveredColumns(task, described.columns))
  const columns = [...planned, ...variantColumns(dataflow, planned)]
  const names = columns.map(({ name }) => name)
  checkContractColumns(task, names)
  checkWatermarks(task, columns, plan)
  await checkPatterns(task)
  const target = await loadTarget(ports, dataflow.sink.table)
  columns.push(...formerVariants(dataflow, columns, target?.schema))
  const { inputs } = described
  const transformers = plan === undefined ? {} : { transformers: plan }
  const record = draftLineage({ dataflow, inputs, columns, ...transformers, own: ownColumns(task), target })
  await checkRowRules(task, record)
  await checkChecks(task, record.columns)
  return record
}

/** The columns that are judged: the source's, or what the dataflow's transformers make of them. */
async function planColumns(task: ReadTask, columns: readonly InputColumn[]): Promise<PlannedColumns> {
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
function deliveredColumns({ manifest }: ReadTask, columns: readonly InputColumn[]): readonly InputColumn[] {
  return manifest.replay === undefined ? columns : columns.filter(({ name }) => name !== rowIdColumn)
}

type PlannedColumns = Pick<PlannedTransformers, 'columns'> & Partial<PlannedTransformers>

export interface LineageDraft {
  readonly dataflow: Dataflow
  readonly inputs: LineageRecord['inputs']
  readonly columns: readonly Omit<ScanColumn, 'field_id'>[]
  readonly transformers?: TransformerPlan
  /** The columns that Sluice adds to every row. */
  readonly own: readonly Omit<ScanConstant, 'field_id'>[]
  readonly target: (DraftBase & { readonly metadata: TableMetadata }) | undefined
}

/** The record as a function of what the source and the table are; the clock and the stores have no part in it. */
export function draftLineage({
  dataflow,
  inputs,
  columns,
  transformers,
  own,
  target,
}: LineageDraft): LineageRecord {
  const { sink, schema_evolution } = dataflow
  const drafts = [...columns.map(sourceDraft), ...own.map(ownDraft)]
  const draft = draftSchema(drafts, target, sink.load_type === 'overwrite', schema_evolution)
  const byName = new Map(draft.columns.map((column) => [column.name, column]))
  const loaded = <T extends { readonly name: string }>(some: readonly T[]) =>
    some.flatMap((column) => {
      const { fate, field_id, nested, stored } = byName.get(column.name) as DraftedColumn
      if (fate !== 'loaded') return []
      const more = {
        ...(nested === undefined ? {} : { nested }),
        ...(stored === undefined ? {} : { stored }),
      }
      return [{ ...column, field_id, ...more }]
    })
  const record: LineageRecord = {
    inputs,
    columns: loaded(columns),
    constants: loaded(own),
    ...(transformers === undefined ? {} : { transformers }),
    unexpected: columns.flatMap(({ source, name }) =>
      byName.get(name)?.fate === 'unexpected' ? [{ source: source ?? name, name }] : [],
    ),
    schema: draft.schema,
    base: target?.schema ?? null,
    physical: draftPhysical(sink.physical, draft.schema, target?.metadata),
    differences: draft.differences,
  }
  checkWatermarkTypes(dataflow, record)
  return record
}

function sourceDraft({ name, type, contract, variant_of }: Omit<ScanColumn, 'field_id'>): DraftColumn {
  return {
    name,
    type,
    nullable: !refusesNull(contract),
    ...(contract === undefined ? {} : { contract }),
    ...(contract === undefined && variant_of === undefined ? {} : { origin: 'contract' as const }),
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
async function checkPatterns(task: ReadTask): Promise<void> {
  const { contract, name } = task.dataflow
  const columns = { ...contract.columns, ...replacedPatterns(task.dataflow) }
  const patterns = patternsOf({ columns }).map(({ pattern }) => pattern)
  if (patterns.every((pattern) => compiled.has(pattern))) return
  const work = (engine: Engine) => verifyPatterns(engine, { ...contract, columns })
  const [problem] = await task.ports.engines.use(work, { signal: task.signal })
  if (problem === undefined) {
    if (compiled.size + patterns.length > compiledLimit) compiled.clear()
    for (const pattern of patterns) compiled.add(pattern)
    return
  }
  throw new ContractError({
    code: 'CONTRACT_PATTERN_INVALID',
    fact: `in ${name}, ${problem.path.join('.')}: ${problem.message}`,
    consequence: 'Nothing was read',
    next: problem.hint,
  })
}

/** The scan binds them once more; here they are refused before any row is read. */
async function checkRowRules(
  { dataflow, ports, signal }: ReadTask,
  { columns }: LineageRecord,
): Promise<void> {
  const { rules = [] } = dataflow.contract
  if (rules.length === 0) return
  await ports.engines.use((engine) => bindRowRules(engine, rules, columns), { signal })
}

/** As if they were columns, by their place. */
function replacedPatterns({ transformers }: Dataflow): Record<string, ColumnContract> {
  const rules = (transformers?.values ?? []).map((rule, i) => [`transformers.values[${i}]`, rule] as const)
  return Object.fromEntries(
    rules.flatMap(([place, rule]) =>
      rule.operation === 'regex_replace' ? [[place, { type: 'string', pattern: rule.pattern }]] : [],
    ),
  )
}

/** By the table's names; the contract may write them as the source does. */
function contractsByColumn({ contract, column_names }: Dataflow): Map<string, ColumnContract> {
  return new Map(
    Object.entries(contract.columns).map(([key, spec]) => [
      columnName(key, column_names),
      enforced(spec, contract),
    ]),
  )
}

function checkContractColumns(task: ReadTask, names: readonly string[]): void {
  const absent = [...contractsByColumn(task.dataflow).keys()].filter((name) => !names.includes(name))
  if (absent.length === 0) return
  throw new ContractError({
    code: 'CONTRACT_COLUMN_MISSING',
    fact: `the source of ${task.dataflow.name} has no column ${absent.join(', ')}, which its contract names; it has ${namesOf(names)}`,
    consequence: 'Nothing was written',
    next: 'Deliver the column, or take it out of the contract',
    details: { missing: absent, columns: names },
  })
}

function namesOf(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ')
}

/** They must be there, and as the source has them: what is new is decided before rows are changed. */
function checkWatermarks({ dataflow }: ReadTask, columns: PlannedColumns['columns'], plan?: TransformerPlan) {
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

/** Which run brought a row, and when that run read it. */
function ownColumns(task: ReadTask): Omit<ScanConstant, 'field_id'>[] {
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
