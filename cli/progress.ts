import type { FlowStatus, RowCounts } from '../core/runs/items.ts'
import type { HistoryEvent } from '../local/asl/index.ts'

/** One dataflow whose execution has begun and not ended. */
export interface FlowProgress {
  readonly dataflow: string
  /** 0 until it is admitted. */
  readonly attempt: number
  /** The gate or the step around the gates that it is in: `admit`, `contract`, `settle` … */
  readonly gate: string
  /** `waiting`: for the next attempt. */
  readonly status: 'running' | 'waiting'
  /** Milliseconds since the epoch. */
  readonly started_at: number
  readonly rows?: RowCounts
}

/** What the events of one run have told so far. Changed in place by {@link foldEvent}. */
export interface Progress {
  run_id: string | undefined
  /** `planning` until the plan is written: before that nothing was started. */
  phase: 'planning' | 'running' | 'sealing' | 'ended'
  /** By dataflow. */
  readonly active: Map<string, FlowProgress>
  /** Last word of each ended dataflow, as its own execution said it; `undefined` for one that was not let in. */
  readonly ended: Map<string, FlowStatus | undefined>
  /** Dataflow by execution. */
  readonly executions: Map<string, string>
}

/** What one event changed, for those who draw or print it. */
export type Change =
  | { readonly kind: 'planned'; readonly run_id: string }
  | { readonly kind: 'began'; readonly dataflow: string; readonly attempt: number }
  | { readonly kind: 'gate'; readonly dataflow: string; readonly gate: string }
  | { readonly kind: 'passed'; readonly dataflow: string; readonly attempt: number; readonly gate: string }
  | { readonly kind: 'again'; readonly dataflow: string; readonly delay_seconds: number }
  | { readonly kind: 'ended'; readonly dataflow: string }
  | { readonly kind: 'sealing' }

export function createProgress(): Progress {
  return { run_id: undefined, phase: 'planning', active: new Map(), ended: new Map(), executions: new Map() }
}

/**
 * Takes one event of the workflow's history in. Knows the states of `state-machines/run.asl.json` by name: a
 * task is the gate of the same name in `snake_case`, and every child execution is one dataflow.
 */
export function foldEvent(progress: Progress, event: HistoryEvent): Change | undefined {
  return event.parentExecutionId === undefined ? foldRoot(progress, event) : foldChild(progress, event)
}

function foldRoot(progress: Progress, event: HistoryEvent): Change | undefined {
  if (event.type === 'TaskSucceeded' && event.stateName === 'Plan') {
    const { run_id } = partOf<{ run_id: string }>(event, 'output')
    progress.run_id = run_id
    progress.phase = 'running'
    return { kind: 'planned', run_id }
  }
  if (event.type === 'TaskStateEntered' && event.stateName === 'Seal') {
    progress.phase = 'sealing'
    return { kind: 'sealing' }
  }
  if (/^Execution(Succeeded|Failed|Aborted|TimedOut)$/.test(event.type)) progress.phase = 'ended'
  return undefined
}

function foldChild(progress: Progress, event: HistoryEvent): Change | undefined {
  if (event.type === 'ExecutionStarted') {
    const { dataflow } = partOf<{ readonly dataflow: string }>(event, 'input')
    progress.executions.set(event.executionId, dataflow)
    progress.active.set(dataflow, {
      dataflow,
      attempt: 0,
      gate: 'admit',
      status: 'running',
      started_at: event.timestamp,
    })
    return undefined
  }
  const dataflow = progress.executions.get(event.executionId)
  const flow = dataflow === undefined ? undefined : progress.active.get(dataflow)
  if (flow === undefined) return undefined
  switch (event.type) {
    case 'TaskStateEntered': {
      const gate = gateOf(event.stateName)
      if (gate === flow.gate && flow.status === 'running' && gate !== 'admit') return undefined
      update(progress, flow, { gate, status: 'running' })
      return { kind: 'gate', dataflow: flow.dataflow, gate }
    }
    case 'TaskSucceeded':
      // One of many: the gate has passed when their sum has.
      if (event.stateName === 'ContractShard') return undefined
      return foldTask(progress, flow, event)
    case 'WaitStateEntered':
      update(progress, flow, { status: 'waiting' })
      return undefined
    case 'ExecutionSucceeded':
    case 'ExecutionFailed':
    case 'ExecutionAborted':
    case 'ExecutionTimedOut':
      progress.active.delete(flow.dataflow)
      progress.executions.delete(event.executionId)
      if (!progress.ended.has(flow.dataflow)) progress.ended.set(flow.dataflow, undefined)
      return { kind: 'ended', dataflow: flow.dataflow }
    default:
      return undefined
  }
}

function foldTask(progress: Progress, flow: FlowProgress, event: HistoryEvent): Change | undefined {
  const { dataflow } = flow
  const gate = gateOf(event.stateName)
  if (gate === 'admit') {
    const { go, task } = partOf<{ go: string; task: { attempt: number } }>(event, 'output')
    if (go === 'done') return undefined
    const { rows: _ofTheAttemptBefore, ...rest } = flow
    progress.active.set(dataflow, { ...rest, attempt: task.attempt })
    return { kind: 'began', dataflow, attempt: task.attempt }
  }
  if (gate === 'settle') {
    const { status, again, delay_seconds } = partOf<Settled>(event, 'output')
    if (again) return { kind: 'again', dataflow, delay_seconds }
    progress.ended.set(dataflow, status)
    return undefined
  }
  return { kind: 'passed', dataflow, attempt: flow.attempt, gate }
}

/** As `settle` answers. */
interface Settled {
  readonly status: FlowStatus
  readonly again: boolean
  readonly delay_seconds: number
}

/** Rows are not in the events: whoever can read the gate's record tells them. */
export function setRows(progress: Progress, dataflow: string, rows: RowCounts): void {
  const flow = progress.active.get(dataflow)
  if (flow !== undefined) update(progress, flow, { rows })
}

function update(progress: Progress, flow: FlowProgress, change: Partial<FlowProgress>): void {
  progress.active.set(flow.dataflow, { ...flow, ...change })
}

/** States that are another way through a gate: after a failure, or in shards. */
const sharedGates: Readonly<Record<string, string>> = {
  SettleFailure: 'settle',
  LineageOfShards: 'lineage',
  ContractShard: 'contract',
}

/** `AuditCommit` → `audit_commit`; both ways of settling are `settle`. */
function gateOf(stateName: string | undefined): string {
  if (stateName === undefined) return ''
  const shared = sharedGates[stateName]
  if (shared !== undefined) return shared
  return stateName.replaceAll(/([a-z])([A-Z])/g, '$1_$2').toLowerCase()
}

/** The states' inputs and outputs have the shapes that the handlers declare; the interpreter knows none of them. */
function partOf<T>(event: HistoryEvent, part: 'input' | 'output'): T {
  return event.details?.[part] as T
}
