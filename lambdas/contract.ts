import { ContractError } from '../core/errors.ts'
import type { ContractRecord, Duplicated } from '../core/runs/records.ts'
import { inputBytes } from '../core/sources/inputs.ts'
import { sourceStateKind } from '../core/sources/source-state.ts'
import type { ObjectRef } from '../core/stores/object-ref.ts'
import { type GateTask, gateHandler } from './gate-handler.ts'
import { gatherShards } from './gather-shards.ts'
import { judge, storeAccepted } from './judge.ts'

/**
 * Gate 3: one scan judges every row. Accepted rows are written once, as the Parquet files that the table will
 * adopt, into the table's folder, where they stay invisible until a commit refers to them. Rejected rows go
 * to quarantine with their reasons; under `strict` they stop the attempt and are kept all the same.
 */
export async function contract(task: GateTask): Promise<ContractRecord> {
  const extract = task.record('extract')
  if (extract.shards.length > 0) return await gathered(task)
  const options = { signal: task.signal, bytes: inputBytes(extract) }
  return await task.ports.engines.use(async (engine) => {
    const portion = { extract, lineage: task.record('lineage') }
    const { accepted, watermark, duplicated, ...kept } = await judge(task, engine, portion)
    checkVerdict(task, kept, kept.quarantine)
    checkUnique(task, duplicated, kept)
    const verdict = verdictOf(task, kept)
    const files = verdict === 'passed' ? await storeAccepted(task, accepted, portion) : []
    return { verdict, ...kept, files, watermark }
  }, options)
}

/**
 * The verdict over all shards, as over one scan: their rows are judged, and their files are there, but whether the
 * load may go on depends on the sum. Here and nowhere else, because it needs all shards to have ended and is recorded,
 * fenced and shown as the verdict of gate 3.
 */
async function gathered(task: GateTask): Promise<ContractRecord> {
  const { files, watermark, duplicated, ...kept } = await gatherShards(task)
  checkVerdict(task, kept, kept.quarantine)
  checkUnique(task, await duplicated(), kept)
  return { verdict: verdictOf(task, kept), ...kept, files, watermark }
}

/** Where nothing was read beyond what the dataflow remembers, there is nothing to write. */
function verdictOf(task: GateTask, { rows }: Kept): ContractRecord['verdict'] {
  const nothing = rows.accepted + rows.quarantined === 0 && sourceStateKind(task.dataflow) !== 'full'
  return nothing ? 'nothing_new' : 'passed'
}

type Kept = Pick<ContractRecord, 'rows' | 'by_reason' | 'quarantine'>

function checkVerdict(task: GateTask, kept: Kept, quarantine: ObjectRef | undefined): void {
  const { enforcement, quarantine: policy } = task.dataflow.contract
  const { accepted, quarantined } = kept.rows
  const where =
    quarantine === undefined ? '' : `sluice quarantine ${task.ref.run_id} ${task.dataflow.name} shows them`
  if (enforcement === 'strict' && quarantined > 0) {
    throw new ContractError({
      code: 'CONTRACT_REJECTED',
      fact: `${quarantined} of ${accepted + quarantined} rows break the contract of ${task.dataflow.name} (${reasons(kept)})`,
      consequence: 'The contract is strict, so nothing was written to the table',
      next: `${where}; correct the source or the contract, or use enforcement: quarantine`,
      details: { ...kept },
    })
  }
  const ratio = accepted + quarantined === 0 ? 0 : quarantined / (accepted + quarantined)
  const overRows = policy.max_rows !== undefined && quarantined > policy.max_rows
  const overRatio = policy.max_ratio !== undefined && ratio > policy.max_ratio
  if (!overRows && !overRatio) return
  const limit = overRows ? `max_rows: ${policy.max_rows}` : `max_ratio: ${policy.max_ratio}`
  throw new ContractError({
    code: 'QUARANTINE_LIMIT',
    fact: `${quarantined} of ${accepted + quarantined} rows of ${task.dataflow.name} break the contract (${reasons(kept)}), more than quarantine.${limit} allows`,
    consequence: 'Nothing was written to the table',
    next: `${where}; correct the source, or raise the limit`,
    details: { ...kept },
  })
}

/** The three most frequent: `delay min 12, origin pattern 3`. */
function reasons(kept: Kept): string {
  const sorted = [...kept.by_reason].sort((a, b) => b.count - a.count)
  const shown = sorted.slice(0, 3).map((reason) => `${reason.column ?? 'row'} ${reason.rule} ${reason.count}`)
  return `${shown.join(', ')}${sorted.length > 3 ? ', …' : ''}`
}

/** A duplicate leaves open which row is right, so it is never quarantined: it stops the attempt. */
function checkUnique(task: GateTask, duplicated: readonly Duplicated[], kept: Kept): void {
  const [first] = duplicated
  if (first !== undefined) throw notUnique(task, first.column, first.count, kept)
}

function notUnique(task: GateTask, column: string, duplicated: number, kept: Kept): ContractError {
  return new ContractError({
    code: 'UNIQUE_VIOLATED',
    fact: `${duplicated} values of ${column} occur more than once in ${task.dataflow.name}, whose contract says unique`,
    consequence: 'Which of the rows is right cannot be told, so nothing was written to the table',
    next: 'Remove the duplicates in the source, or take unique out of the contract',
    details: { ...kept, column, duplicated },
  })
}

export const handler = gateHandler('contract', contract)
