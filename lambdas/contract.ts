import type { CheckResult } from '../core/contract/checks.ts'
import { stopsLoad } from '../core/contract/enforcement.ts'
import { ContractError } from '../core/errors.ts'
import type { ContractRecord } from '../core/runs/contract-record.ts'
import { keptBefore } from '../core/runs/evidence.ts'
import { checkReplayRows } from '../core/runs/replay.ts'
import { inputBytes } from '../core/sources/inputs.ts'
import { sourceStateKind } from '../core/sources/source-state.ts'
import { counted, oneOrMany } from '../core/words.ts'
import { judgeChecks } from './contract-checks.ts'
import { type GateTask, gateHandler } from './gate-handler.ts'
import { gatherShards } from './gather-shards.ts'
import { indexRejected } from './index-rejected.ts'
import { checkAccounted, furthest, judge } from './judge.ts'
import { refuseFailed } from './load-checks.ts'
import { storeAccepted } from './store-accepted.ts'

/**
 * Gate 3: one scan judges every row. Accepted rows are written once, as the Parquet files that the table will
 * adopt, into the table's folder, where they stay invisible until a commit refers to them. Rejected rows go
 * to quarantine with their reasons; under `strict` they stop the attempt and are kept all the same.
 */
export async function contract(task: GateTask): Promise<ContractRecord> {
  task.kept = keptBefore(task.log.get('contract'))
  const extract = task.record('extract')
  if (extract.shards.length > 0) return await gathered(task)
  const lineage = task.record('lineage')
  const options = { signal: task.signal, bytes: inputBytes(extract) }
  return await task.ports.engines.use(async (engine) => {
    const judged = await judge(task, engine, { extract, lineage })
    const { accepted, watermark: read, quarantine, ...found } = judged
    const rejected = quarantine === undefined ? [] : [quarantine]
    const { bytes, ...index } = await indexRejected(task, lineage, rejected, found.by_reason)
    const kept = { ...found, ...index }
    const verdict = verdictOf(task, kept, bytes)
    const watermark = await furthest(task, engine, read)
    const local = async () => accepted.map(({ file }) => file)
    const checks = await judgeChecks(task, {
      counts: kept.rows,
      stats: accepted,
      read: (work) => work({ engine, files: local }),
    })
    const asked = askedOf(task, verdict, checks)
    refuseFailed(task, asked)
    const files = verdict === 'nothing_new' ? [] : await storeAccepted(task, engine, judged)
    return { verdict, ...kept, ...recorded(asked), files, watermark }
  }, options)
}

/**
 * The verdict over all shards, as over one scan: their rows are judged, and their files are there, but whether the
 * load may go on depends on the sum. Here and nowhere else, because it needs all shards to have ended and is recorded,
 * fenced and shown as the verdict of gate 3.
 */
async function gathered(task: GateTask): Promise<ContractRecord> {
  const {
    files,
    watermark: furthestOfAll,
    checks: judgeLoad,
    quarantine_bytes,
    ...kept
  } = await gatherShards(task)
  const verdict = verdictOf(task, kept, quarantine_bytes)
  const watermark = await furthestOfAll()
  const asked = askedOf(task, verdict, await judgeLoad())
  refuseFailed(task, asked)
  return { verdict, ...kept, ...recorded(asked), files, watermark }
}

function recorded(checks: readonly CheckResult[]): Pick<ContractRecord, 'checks'> {
  return checks.length === 0 ? {} : { checks }
}

type Kept = Pick<ContractRecord, 'rows' | 'by_reason' | 'rules' | 'coerced' | 'variants' | 'quarantine'>

/**
 * From here on the rejected rows are stored and indexed, so that whatever stops the attempt tells of them. Where nothing
 * was read beyond what the dataflow remembers, there is nothing to write. `bytes`: of the files of rejected rows.
 */
function verdictOf(task: GateTask, kept: Kept, bytes: number): ContractRecord['verdict'] {
  // An error's details are small: rules that nothing breaks are left out.
  task.kept = { ...kept, rules: kept.rules.filter(({ count }) => count > 0) }
  const { rows } = kept
  checkAccounted(rows)
  refuseRejected(task, kept, bytes)
  if (task.manifest.replay !== undefined) checkReplayRows(task.manifest.replay.plan, rows)
  const found = rows.accepted + rows.quarantined + rows.deduplicated + (rows.filtered_by_rule ?? 0)
  const nothing = found === 0 && sourceStateKind(task.dataflow) !== 'full'
  return nothing ? 'nothing_new' : 'passed'
}

/**
 * Objects that were not loaded before are a delivery, also without a row. Behind a watermark they may be the same ones
 * again, all of whose rows the table has: then only what was read of them says anything.
 */
function askedOf(
  task: GateTask,
  verdict: ContractRecord['verdict'],
  checks: readonly CheckResult[],
): readonly CheckResult[] {
  if (verdict === 'passed' || sourceStateKind(task.dataflow) === 'objects') return checks
  return checks.filter(({ check }) => check === 'row_count_reconciliation')
}

function refuseRejected(task: GateTask, kept: Kept, bytes: number): void {
  const { contract } = task.dataflow
  const { enforcement, quarantine: policy } = contract
  const { accepted, quarantined } = kept.rows
  const broken = `${quarantined} of ${counted(accepted + quarantined, 'row')} ${oneOrMany(quarantined, 'breaks', 'break')}`
  const where =
    kept.quarantine === undefined
      ? ''
      : `sluice quarantine ${task.ref.run_id} ${task.dataflow.name} shows them`
  if (kept.by_reason.some(({ rule }) => stopsLoad(rule, contract))) {
    throw new ContractError({
      code: 'CONTRACT_REJECTED',
      fact: `${broken} the contract of ${task.dataflow.name} (${reasons(kept)})`,
      consequence:
        enforcement === 'warn'
          ? `What is no value of its type, or no row, cannot be written, and ${contract.conflict_policy === 'variant_column' ? 'has no variant column' : 'conflict_policy: fail stops at it'}: nothing was written to the table`
          : enforcement === 'coerce'
            ? 'What cannot be coerced is judged as under strict, so nothing was written to the table'
            : 'The contract is strict, so nothing was written to the table',
      next: `${where}; correct the source or the contract, or use ${enforcement === 'warn' ? 'conflict_policy' : 'enforcement'}: quarantine`,
    })
  }
  const ratio = accepted + quarantined === 0 ? 0 : quarantined / (accepted + quarantined)
  const overRows = policy.max_rows !== undefined && quarantined > policy.max_rows
  const overRatio = policy.max_ratio !== undefined && ratio > policy.max_ratio
  const overBytes = policy.max_bytes !== undefined && bytes > policy.max_bytes
  if (!overRows && !overRatio && !overBytes) return
  const limit = overRows
    ? `max_rows: ${policy.max_rows}`
    : overRatio
      ? `max_ratio: ${policy.max_ratio}`
      : `max_bytes: ${policy.max_bytes}`
  const size = overRows || overRatio ? '' : `; they take ${bytes} bytes`
  throw new ContractError({
    code: 'QUARANTINE_LIMIT',
    fact: `${broken} the contract of ${task.dataflow.name} (${reasons(kept)})${size}, more than quarantine.${limit} allows`,
    consequence: 'Nothing was written to the table',
    next: `${where}; correct the source, or raise the limit`,
  })
}

/** The three most frequent: `delay min 12, origin pattern 3`. */
function reasons(kept: Kept): string {
  const sorted = [...kept.by_reason].sort((a, b) => b.count - a.count)
  const shown = sorted
    .slice(0, 3)
    .map(({ column, rule, name, count }) => `${column ?? 'row'} ${name ?? rule} ${count}`)
  return `${shown.join(', ')}${sorted.length > 3 ? ', …' : ''}`
}

export const handler = gateHandler('contract', contract)
