import { type Cost, costOf, defaultBilling, type RunCost, runCost } from '../cost/run-cost.ts'
import type { ErrorSummary } from '../errors.ts'
import type { Deployment } from '../ports.ts'
import type { ObjectRef } from '../stores/object-ref.ts'
import type { Cancellation, FlowItem, FlowReason, FlowStatus, RowCounts, RunItem, Warnings } from './items.ts'

/** What a run came to: `sluice run --format json`, and the result file beside the evidence. */
export interface ExecutionResult {
  readonly schema: 'sluice.result.v1'
  readonly run_id: string
  readonly project: string
  readonly status: 'succeeded' | 'failed'
  readonly started_at: string
  readonly finished_at: string
  readonly duration_seconds: number
  readonly total: number
  readonly succeeded: number
  readonly failed: number
  readonly skipped: number
  /** Sealed without a verdict: the attempt could not be settled. Never 0 in a run that succeeded. */
  readonly running: number
  readonly pending: number
  /** Succeeded of total, 0 to 1; 1 where there was nothing to do. */
  readonly success_rate: number
  readonly has_failures: boolean
  readonly rows: RowCounts
  /** Where somebody asked for its end. */
  readonly cancelled?: Cancellation
  /** What the run used of AWS, and what that costs; embedded, what it would have used. Resumed runs add up. */
  readonly cost: RunCost
  /** By dataflow. */
  readonly errors: Readonly<Record<string, string>>
  readonly dataflows: readonly FlowResult[]
  /** Of a run that was sealed before, and then resumed: its result of then. */
  readonly previous?: ObjectRef
}

export interface FlowResult {
  readonly dataflow: string
  readonly status: FlowStatus
  readonly reason?: FlowReason
  readonly attempts: number
  readonly table?: string
  readonly snapshot_id?: string | null
  readonly rows?: RowCounts
  readonly warnings?: Warnings
  readonly gate?: string
  readonly error?: ErrorSummary
  readonly evidence?: ObjectRef
  readonly quarantine?: ObjectRef
  /** Of the newest attempt. */
  readonly duration_seconds?: number
  /** Absent before the first attempt. */
  readonly cost?: Cost
}

export const noRows: RowCounts = { read: 0, accepted: 0, quarantined: 0, filtered: 0, deduplicated: 0 }

/**
 * A run has succeeded when every planned dataflow has succeeded, or was skipped because there was nothing
 * new for it. Anything else, also a dataflow without a verdict, fails it.
 */
export function buildResult(
  run: RunItem,
  planned: readonly string[],
  flows: readonly FlowItem[],
  finished: Date,
  deployment?: Deployment,
): ExecutionResult {
  const byName = new Map(flows.map((flow) => [flow.dataflow, flow]))
  const dataflows = planned.map((name) => flowResult(name, byName.get(name), deployment))
  const count = (status: FlowStatus) => dataflows.filter((flow) => flow.status === status).length
  const good = dataflows.filter((flow) => flow.status === 'succeeded' || flow.reason === 'nothing_new').length
  const rows = dataflows.reduce((sum, flow) => addRows(sum, flow.rows), noRows)
  return {
    schema: 'sluice.result.v1',
    run_id: run.run_id,
    project: run.project,
    status: good === planned.length ? 'succeeded' : 'failed',
    started_at: run.started_at,
    finished_at: finished.toISOString(),
    duration_seconds: seconds(run.started_at, finished.toISOString()),
    total: planned.length,
    succeeded: count('succeeded'),
    failed: count('failed'),
    skipped: count('skipped'),
    running: count('running'),
    pending: count('pending'),
    success_rate: planned.length === 0 ? 1 : good / planned.length,
    has_failures: good !== planned.length,
    rows,
    ...(run.cancelled === undefined ? {} : { cancelled: run.cancelled }),
    cost: runCost(
      run.usage,
      flows.map((flow) => flow.usage),
      deployment,
    ),
    errors: Object.fromEntries(
      dataflows.flatMap((f) => (f.error === undefined ? [] : [[f.dataflow, f.error.message]])),
    ),
    dataflows,
    ...(run.result === undefined ? {} : { previous: run.result }),
  }
}

function flowResult(
  name: string,
  flow: FlowItem | undefined,
  deployment: Deployment | undefined,
): FlowResult {
  if (flow === undefined) return { dataflow: name, status: 'pending', attempts: 0 }
  const {
    pk: _pk,
    sk: _sk,
    attempt,
    tries: _tries,
    started_at,
    finished_at,
    dataflow,
    status,
    usage,
    ...rest
  } = flow
  const duration =
    started_at === undefined || finished_at === undefined
      ? {}
      : { duration_seconds: seconds(started_at, finished_at) }
  const cost = usage === undefined ? {} : { cost: costOf(usage, deployment ?? defaultBilling) }
  return { dataflow, status, attempts: attempt, ...rest, ...duration, ...cost }
}

export function addRows(a: RowCounts, b: RowCounts | undefined): RowCounts {
  if (b === undefined) return a
  return {
    read: a.read + b.read,
    accepted: a.accepted + b.accepted,
    quarantined: a.quarantined + b.quarantined,
    filtered: a.filtered + b.filtered,
    // Of runs of an older version there is no such count.
    deduplicated: a.deduplicated + (b.deduplicated ?? 0),
    ...(a.filtered_by_rule === undefined && b.filtered_by_rule === undefined
      ? {}
      : { filtered_by_rule: (a.filtered_by_rule ?? 0) + (b.filtered_by_rule ?? 0) }),
    ...(a.warned === undefined && b.warned === undefined
      ? {}
      : { warned: (a.warned ?? 0) + (b.warned ?? 0) }),
  }
}

function seconds(from: string, to: string): number {
  return Math.max(0, Date.parse(to) - Date.parse(from)) / 1000
}
