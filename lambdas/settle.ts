import { type ErrorSummary, isTerminalName } from '../core/errors.ts'
import type { Ports } from '../core/ports.ts'
import { advanceSourceState, readCommit } from '../core/runs/commit.ts'
import { type EvidenceOutcome, quarantineOf, rowsOf, writeEvidence } from '../core/runs/evidence.ts'
import { type GateLog, readGateLog } from '../core/runs/gate-log.ts'
import type { CommitItem, FlowItem, HeadItem, RunItem } from '../core/runs/items.ts'
import { readHead, releaseLease, transactFenced } from '../core/runs/lease.ts'
import { loadDataflow } from '../core/runs/manifest-store.ts'
import { readFlow, readRun } from '../core/runs/runs.ts'
import type { GateName } from '../core/runs/records.ts'
import { storedOptions } from '../core/runs/stored-plan.ts'
import { removeUncommitted } from '../core/runs/uncommitted.ts'
import { controlHandler } from './control-handler.ts'
import type { TaskRef } from './gate-handler.ts'

export interface SettleEvent {
  readonly task: TaskRef
  readonly retry_count: number
  readonly retry_delay_seconds: number
  /** Absent: every gate passed, or one found that there was nothing to do. */
  readonly failure?: { readonly gate: string; readonly error: string; readonly cause: string }
}

export interface Settlement {
  readonly status: FlowItem['status']
  /** Another attempt follows, after `delay_seconds`. */
  readonly again: boolean
  readonly delay_seconds: number
}

/** What everything below works on. */
interface Ending {
  readonly ports: Ports
  readonly run: RunItem
  readonly flow: FlowItem
  readonly log: GateLog
  readonly event: SettleEvent
}

/** Seconds; the delay doubles from try to try up to here. */
const longestDelay = 60

/**
 * Ends one attempt: records its outcome with evidence, removes what it wrote and did not commit, and
 * releases the lease. An attempt that no longer holds the lease changes nothing: a newer one owns the dataflow.
 *
 * After a failure the fence is raised before the commit record is read: from then on no transaction of this
 * attempt, not even one whose answer was lost on the way, can still succeed, so what the record says is final.
 * A dataflow that has committed has succeeded, whatever went wrong around it.
 */
export async function settle(event: SettleEvent, ports: Ports): Promise<Settlement> {
  const { run_id, dataflow, attempt } = event.task
  const run = await readRun(ports, run_id)
  const flow = await readFlow(ports, run_id, dataflow)
  let head = await readHead(ports, run.project, dataflow)
  const ours = attempt > 0 && head.lease?.run_id === run_id && head.lease.attempt === attempt
  if (attempt > 0 && !ours) return { status: flow.status, again: false, delay_seconds: 0 }
  if (ours && event.failure !== undefined) head = await raiseFence(ports, head)
  const commit = await readCommit(ports, run.project, dataflow, run_id)
  const log = ours ? await readGateLog(ports, run_id, dataflow, attempt) : {}
  const ending: Ending = { ports, run, flow, log, event }
  const settled = commit !== undefined ? await committed(ending, commit) : await notCommitted(ending)
  const item = { ...settled.flow, finished_at: ports.clock().toISOString() }
  const put = { kind: 'put', item, expect: { attempt: flow.attempt } } as const
  if (ours) await transactFenced(ports, [releaseLease(head), put], 0)
  else await ports.state.transact([put])
  if (item.status === 'failed' && !settled.again && (await storedOptions(ports, run)).stop_on_error) {
    await ports.state.transact([{ kind: 'put', item: { ...run, stopping: true } }])
  }
  return { status: item.status, again: settled.again, delay_seconds: settled.again ? retryDelay(event, flow) : 0 }
}

async function raiseFence(ports: Ports, head: HeadItem): Promise<HeadItem> {
  const raised = { ...head, fence: head.fence + 1 }
  await transactFenced(ports, [{ kind: 'put', item: raised, expect: { fence: head.fence } }], 0)
  return raised
}

interface Settled {
  readonly flow: FlowItem
  readonly again: boolean
}

async function committed(ending: Ending, commit: CommitItem): Promise<Settled> {
  const { ports, run, flow } = ending
  await advanceSourceState(ports, run.project, commit)
  if (commit.attempt > 1 || ending.event.task.round) await removeUncommitted(ports, run, flow, commit)
  const { reason: _reason, error: _error, gate: _gate, ...rest } = flow
  const { rows, table, snapshot_id, evidence, quarantine } = commit
  return {
    flow: {
      ...rest,
      rows,
      table,
      snapshot_id,
      evidence,
      ...(quarantine === undefined ? {} : { quarantine }),
      status: 'succeeded',
    },
    again: false,
  }
}

async function notCommitted(ending: Ending): Promise<Settled> {
  const { ports, run, flow, log, event } = ending
  const rows = log.contract?.record?.rows ?? rowsOf(log.contract?.error)
  const quarantine = log.contract?.record?.quarantine ?? quarantineOf(log.contract?.error)
  const kept = { ...flow, ...(rows === null ? {} : { rows }), ...(quarantine === null ? {} : { quarantine }) }
  if (event.failure === undefined) {
    const evidence = await evidenceOf(ending, 'nothing_new')
    return { flow: { ...kept, status: 'skipped', reason: 'nothing_new', evidence }, again: false }
  }
  const gate = event.failure.gate
  const error = describeFailure(log, event.failure)
  const evidence = await evidenceOf(ending, 'failed', { ...error, gate })
  await removeUncommitted(ports, run, flow, undefined)
  const again = !isTerminalName(error.name) && flow.tries <= event.retry_count
  return { flow: { ...kept, status: 'failed', gate, error, evidence }, again }
}

async function evidenceOf(
  { ports, run, log, event }: Ending,
  outcome: EvidenceOutcome,
  error?: ErrorSummary & { readonly gate: string },
) {
  const { task } = event
  const dataflow = await loadDataflow(ports.evidence, task.manifest, task.dataflow)
  const request = { run, dataflow, attempt: task.attempt, round: task.round ?? 0, outcome, log }
  return await writeEvidence(ports, error === undefined ? request : { ...request, error })
}

/** The gate's own record says most; without one (a timeout, a killed function) the workflow's words remain. */
function describeFailure(log: GateLog, failure: NonNullable<SettleEvent['failure']>): ErrorSummary {
  const recorded = log[failure.gate as GateName]?.error
  if (recorded !== undefined && recorded.name === failure.error) return recorded
  const message = messageOf(failure.cause)
  return { name: failure.error, code: codeOf(failure.error), message }
}

/** The cause of a handler's error is `{"errorType", "errorMessage", "trace"}`; that of a workflow's error is text. */
function messageOf(cause: string): string {
  try {
    const parsed: unknown = JSON.parse(cause)
    const message = (parsed as { errorMessage?: unknown } | null)?.errorMessage
    return typeof message === 'string' ? message : cause
  } catch {
    return cause
  }
}

/** `States.Timeout` → `STATES_TIMEOUT`, `LeaseHeldError` → `LEASE_HELD_ERROR`. */
function codeOf(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase()
}

function retryDelay(event: SettleEvent, flow: FlowItem): number {
  return Math.min(event.retry_delay_seconds * 2 ** Math.max(0, flow.tries - 1), longestDelay)
}

export const handler = controlHandler<SettleEvent>('settle', settle)
