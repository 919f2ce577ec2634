import type { FlowItem, FlowStatus, RowCounts, RunItem } from '../core/runs/items.ts'
import { mayTryAgain, retryDelay } from '../core/runs/retry.ts'

/** One dataflow that has begun and not ended. */
export interface FlowProgress {
  readonly dataflow: string
  readonly attempt: number
  /** The gate or the step after the gates that it is in: `contract`, `settle` … */
  readonly gate: string
  /** `waiting`: for the next attempt. */
  readonly status: 'running' | 'waiting'
  /** Milliseconds since the epoch: of the present attempt. */
  readonly started_at: number
  readonly rows?: RowCounts
}

/** What looking at one run has shown so far. Changed in place by {@link foldSnapshot}. */
export interface Progress {
  run_id: string | undefined
  /** `planning` until the plan is written: before that nothing was started. */
  phase: 'planning' | 'running' | 'sealing' | 'ended'
  /** Dataflows of the run. */
  total: number
  /** By dataflow. */
  readonly active: Map<string, FlowProgress>
  readonly ended: Map<string, FlowStatus>
  /** The newest attempt of each dataflow whose beginning was told. */
  readonly begun: Map<string, number>
}

/** What the state store says of a run at one moment. */
export interface Snapshot {
  readonly run: RunItem
  readonly flows: readonly FlowItem[]
  readonly retry_count: number
  readonly retry_delay_seconds: number
}

/** What one look has shown to be new, for those who print it. */
export type Change =
  | { readonly kind: 'planned'; readonly total: number; readonly before: number }
  | { readonly kind: 'began'; readonly dataflow: string; readonly attempt: number }
  | { readonly kind: 'again'; readonly flow: FlowItem; readonly delay_seconds: number }
  /** `seconds`: since its newest attempt began. */
  | { readonly kind: 'ended'; readonly flow: FlowItem; readonly seconds: number }

export function createProgress(): Progress {
  return {
    run_id: undefined,
    phase: 'planning',
    total: 0,
    active: new Map(),
    ended: new Map(),
    begun: new Map(),
  }
}

/**
 * Takes in what the stores tell now, and returns what is new since the last time, in the order in which it happened.
 * `doneBefore`: what a resumed run had done before, and does not tell again.
 */
export function foldSnapshot(
  progress: Progress,
  snapshot: Snapshot,
  doneBefore: ReadonlySet<string>,
): Change[] {
  const { run, flows } = snapshot
  const changes: Timed[] = []
  if (progress.run_id === undefined) {
    changes.push({ at: '', kind: 'planned', total: flows.length, before: doneBefore.size })
    for (const { dataflow, attempt, status } of flows) {
      if (doneBefore.has(dataflow)) progress.ended.set(dataflow, status)
      if (status === 'pending') progress.begun.set(dataflow, attempt)
    }
  }
  progress.run_id = run.run_id
  progress.total = flows.length
  for (const flow of flows) if (!doneBefore.has(flow.dataflow)) foldFlow(progress, snapshot, flow, changes)
  progress.phase = phaseOf(progress, run)
  // Times of one clock sort as text; equal ones stay in the order of the names.
  return changes
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
    .map(({ at: _at, ...change }) => change)
}

type Timed = Change & { readonly at: string }

function foldFlow(progress: Progress, snapshot: Snapshot, flow: FlowItem, changes: Timed[]): void {
  const { dataflow, attempt, started_at = '', finished_at = '' } = flow
  if (wasAtWork(flow) && progress.begun.get(dataflow) !== attempt) {
    progress.begun.set(dataflow, attempt)
    progress.ended.delete(dataflow)
    progress.active.delete(dataflow)
    changes.push({ at: started_at, kind: 'began', dataflow, attempt })
  }
  const known = progress.active.get(dataflow)
  if (flow.status === 'running') {
    if (known === undefined) progress.active.set(dataflow, atWork(flow, 'running'))
    return
  }
  const isSealed = snapshot.run.status !== 'running'
  if (!isSealed && mayTryAgain(flow, snapshot.retry_count)) {
    if (known?.status === 'waiting' && known.attempt === attempt) return
    progress.active.set(dataflow, atWork(flow, 'waiting'))
    const delay_seconds = retryDelay(flow, snapshot.retry_delay_seconds)
    changes.push({ at: finished_at, kind: 'again', flow, delay_seconds })
    return
  }
  if (flow.status === 'pending' && flow.reason === undefined) return
  if (progress.ended.get(dataflow) === flow.status) return
  progress.active.delete(dataflow)
  progress.ended.set(dataflow, flow.status)
  changes.push({ at: finished_at, kind: 'ended', flow, seconds: secondsOf(flow) })
}

function atWork(flow: FlowItem, status: FlowProgress['status']): FlowProgress {
  const { dataflow, attempt, gate = 'extract', started_at } = flow
  return { dataflow, attempt, gate, status, started_at: Date.parse(started_at ?? '') || 0 }
}

/** Whether the newest attempt was let in; what was held back may have an attempt from before it was resumed. */
function wasAtWork({ status, reason, gate }: FlowItem): boolean {
  if (status === 'pending' || status === 'failed') return status === 'failed' && gate !== 'admit'
  return reason !== 'upstream_failed'
}

function phaseOf({ ended, total }: Progress, run: RunItem): Progress['phase'] {
  if (run.status !== 'running') return 'ended'
  return ended.size === total ? 'sealing' : 'running'
}

/** Where it is now, and what it has judged: whoever has read the gates' records tells it. */
export function setPosition(
  progress: Progress,
  dataflow: string,
  position: Pick<FlowProgress, 'attempt' | 'gate' | 'rows'>,
): void {
  const flow = progress.active.get(dataflow)
  if (flow?.attempt === position.attempt && flow.status === 'running')
    progress.active.set(dataflow, { ...flow, ...position })
}

function secondsOf({ started_at, finished_at }: FlowItem): number {
  if (started_at === undefined || finished_at === undefined) return 0
  return Math.max(0, Date.parse(finished_at) - Date.parse(started_at)) / 1000
}
