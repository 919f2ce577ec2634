import { bindRowRules } from '../core/contract/row-rules.ts'
import type { ScanConstant } from '../core/contract/scan.ts'
import { ContractError } from '../core/errors.ts'
import type { LineageRecord } from '../core/runs/lineage-record.ts'
import { loadTarget } from '../core/sinks/target.ts'
import { reservedPrefix } from '../core/sources/column-names.ts'
import { describeInputs } from '../core/sources/describe.ts'
import { checkChecks } from './check-columns.ts'
import { checkPatterns } from './check-patterns.ts'
import { checkWatermarks } from './check-watermarks.ts'
import { draftLineage } from './draft-lineage.ts'
import { gateHandler, type ReadTask } from './gate-handler.ts'
import { contractsByColumn, deliveredColumns, namesOf, planColumns } from './plan-columns.ts'
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

/** The scan binds them once more; here they are refused before any row is read. */
async function checkRowRules(
  { dataflow, ports, signal }: ReadTask,
  { columns }: LineageRecord,
): Promise<void> {
  const { rules = [] } = dataflow.contract
  if (rules.length === 0) return
  await ports.engines.use((engine) => bindRowRules(engine, rules, columns), { signal })
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
