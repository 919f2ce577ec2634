import type { ColumnCount, RuleCount } from '../core/contract/rule-names.ts'
import { ManifestError, SluiceError } from '../core/errors.ts'
import { suggest } from '../core/manifest/near.ts'
import { readCommit } from '../core/runs/commit.ts'
import type { Evidence } from '../core/runs/evidence.ts'
import { emptyLog, type GateLog, readGateLog } from '../core/runs/gate-log.ts'
import { gateNames } from '../core/runs/gates.ts'
import type { CommitItem, FlowItem, RunItem } from '../core/runs/items.ts'
import type { GateEntry } from '../core/runs/records.ts'
import { readFlows } from '../core/runs/runs.ts'
import { readJsonRef } from '../core/stores/object-ref.ts'
import type { Records } from './home.ts'

/** What is known of one dataflow in one run. */
export interface FlowEvidence {
  readonly flow: FlowItem
  readonly commit: CommitItem | undefined
  /** Of the attempt that counts: the one that committed, else the last. In the order of the gates. */
  readonly gates: readonly GateEntry[]
  readonly log: GateLog
  /** Absent where the dataflow has not begun, or where `damage` says why it cannot be read. */
  readonly evidence?: Evidence
  /** The evidence file, or a gate's record beside it, is gone, or is not what was written. */
  readonly damage?: SluiceError
}

export async function readFlowEvidence(
  records: Records,
  run: RunItem,
  flow: FlowItem,
): Promise<FlowEvidence> {
  const commit = await readCommit(records, run.project, flow.dataflow, run.run_id)
  const attempt = commit?.attempt ?? flow.attempt
  const log = await undamaged(readGateLog(records, run.run_id, flow.dataflow, attempt))
  const entries = log instanceof SluiceError ? emptyLog : log
  const gates = gateNames.flatMap((gate) => (entries.get(gate) as GateEntry | undefined) ?? [])
  const known = { flow, commit, gates, log: entries, ...(log instanceof SluiceError ? { damage: log } : {}) }
  if (flow.evidence === undefined) return known
  const evidence = await undamaged(readJsonRef<Evidence>(records.evidence, flow.evidence))
  return evidence instanceof SluiceError ? { ...known, damage: evidence } : { ...known, evidence }
}

async function undamaged<T>(reading: Promise<T>): Promise<T | SluiceError> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof SluiceError) return error
    throw error
  }
}

/** All dataflows of the run, or the one that is named. Throws `ManifestError` `DATAFLOW_UNKNOWN`. */
export async function selectFlows(
  records: Records,
  runId: string,
  dataflow: string | undefined,
): Promise<FlowItem[]> {
  const flows = await readFlows(records, runId)
  if (dataflow === undefined) return flows
  const found = flows.filter((flow) => flow.dataflow === dataflow)
  if (found.length > 0) return found
  const names = flows.map((flow) => flow.dataflow)
  throw new ManifestError({
    code: 'DATAFLOW_UNKNOWN',
    fact: `run ${runId} has no dataflow ${JSON.stringify(dataflow)}`,
    next: suggest(dataflow, names, 'It has', 'It has none'),
  })
}

export interface ReasonCount {
  readonly column: string | null
  readonly rule: string
  /** Of a rule over the row. */
  readonly name?: string
  readonly count: number
}

/** Why rows were rejected, the most frequent first. A contract that stopped the attempt tells it in its error. */
export function reasonsOf(log: GateLog): ReasonCount[] {
  const contract = log.get('contract')
  const told = contract?.record?.by_reason ?? contract?.error?.details?.by_reason
  return [...((told as readonly ReasonCount[] | undefined) ?? [])].sort((a, b) => b.count - a.count)
}

/** The rules of severity `warn` that rows broke, the most frequent first; the rows were loaded, or rejected for others. */
export function warnedRules(log: GateLog): ReasonCount[] {
  const contract = log.get('contract')
  const told = (contract?.record?.rules ?? contract?.error?.details?.rules ?? []) as readonly RuleCount[]
  return told
    .filter(({ severity, count }) => severity === 'warn' && count > 0)
    .sort((a, b) => b.count - a.count)
}

/** Columns with values that were coerced, or that went to a variant column, the most frequent first. */
export function columnCounts(log: GateLog, key: 'coerced' | 'variants'): ColumnCount[] {
  const contract = log.get('contract')
  const told = (contract?.record?.[key] ?? contract?.error?.details?.[key] ?? []) as readonly ColumnCount[]
  return told.filter(({ count }) => count > 0).sort((a, b) => b.count - a.count)
}
