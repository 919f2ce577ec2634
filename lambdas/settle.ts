import { ConditionFailedError, type ErrorSummary } from '../core/errors.ts'
import type { Ports } from '../core/ports.ts'
import { attemptKey } from '../core/runs/attempt-memory.ts'
import { advanceSourceState, readCommit } from '../core/runs/commit.ts'
import { type EvidenceOutcome, quarantineOf, rowsOf, writeEvidence } from '../core/runs/evidence.ts'
import { emptyLog, type GateLog, readGateLog } from '../core/runs/gate-log.ts'
import { type GateName, gateNames } from '../core/runs/gates.ts'
import type { CommitItem, CutOff, FlowItem, HeadItem, RunItem } from '../core/runs/items.ts'
import { readHead, releaseLease, transactFenced } from '../core/runs/lease.ts'
import { loadDataflow } from '../core/runs/manifest-store.ts'
import { mayTryAgain, retryDelay } from '../core/runs/retry.ts'
import { isDone, readFlow, readRun } from '../core/runs/runs.ts'
import { storedOptions } from '../core/runs/stored-plan.ts'
import { removeUncommitted } from '../core/runs/uncommitted.ts'
import { warningsOf } from '../core/runs/warnings.ts'
import type { ObjectRef } from '../core/stores/object-ref.ts'
import { controlHandler } from './control-handler.ts'
import type { TaskRef } from './gate-handler.ts'
import { indexStopped } from './index-stopped.ts'
import { logForUsage, withUsage } from './settle-usage.ts'

export interface SettleEvent {
  readonly task: TaskRef
  readonly retry_count: number
  readonly retry_delay_seconds: number
  /** Absent: every gate passed, or one found that there was nothing to do. */
  readonly failure?: Failure
}

export interface Failure {
  readonly gate: string
  readonly error: string
  readonly cause: string
  /** Said by who ends a run from outside (end-run.ts): the gate is then found in the log, and no attempt follows. */
  readonly reason?: CutOff
}

/** What settling touches: a client of a stack has all of it. */
export type SettlePorts = Pick<
  Ports,
  'lake' | 'evidence' | 'state' | 'clock' | 'attempts' | 'meter' | 'report' | 'deployment'
>

export interface Settlement {
  readonly status: FlowItem['status']
  /** Another attempt follows, after `delay_seconds`. */
  readonly again: boolean
  readonly delay_seconds: number
}

/** What everything below works on. */
interface Ending {
  readonly ports: SettlePorts
  readonly run: RunItem
  readonly flow: FlowItem
  readonly head: HeadItem
  readonly log: GateLog
  readonly event: SettleEvent
}

/**
 * Ends one attempt: records its outcome with evidence, removes what it wrote and did not commit, and
 * releases the lease. An attempt that lost its lease to another run gets its verdict too, and leaves the other
 * run's head alone; one that lost it to a newer attempt of its own run has nothing to say.
 *
 * After a failure the fence is raised before the commit record is read: from then on no transaction of this
 * attempt, not even one whose answer was lost on the way, can still succeed, so what the record says is final.
 * A dataflow that has committed has succeeded, whatever went wrong around it.
 *
 * An attempt number of 0 says that admit failed. It may have taken the lease all the same, or an attempt from
 * before a crash may still hold it: then it ends here. Safe to repeat, with the same answer.
 */
export async function settle(event: SettleEvent, ports: SettlePorts): Promise<Settlement> {
  const { run_id, dataflow, attempt } = event.task
  const known = ports.attempts?.get(attemptKey(event.task))
  ports.attempts?.forget(attemptKey(event.task))
  const run = await readRun(ports, run_id)
  const flow = await readFlow(ports, run_id, dataflow)
  let head = await readHead(ports, run.project, dataflow)
  const ours = head.lease?.run_id === run_id && (attempt === 0 || head.lease.attempt === attempt)
  if (!ours && isSettled(event, flow))
    return settlement(event, flow, flow.attempt === attempt && mayTryAgain(flow, event.retry_count))
  if (ours && event.failure !== undefined) head = await raiseFence(ports, head)
  const commit = await readCommit(ports, run.project, dataflow, run_id)
  const unread = attempt === 0 || commit !== undefined
  const log = unread ? emptyLog : await readGateLog(ports, run_id, dataflow, attempt)
  const ending: Ending = { ports, run, flow, head, log, event }
  const settled = commit !== undefined ? await committed(ending, commit) : await notCommitted(ending)
  const ended = { ...settled.flow, finished_at: ports.clock().toISOString() }
  if (ended.status === 'failed' && !settled.again) await stopOnError(ports, run)
  const counted = unread && attempt > 0 ? await logForUsage(ports, event.task, known) : log
  const delay_seconds = settled.again ? retryDelay(ended, event.retry_delay_seconds) : 0
  const item = await withUsage(ports, { ...event, flow, log: counted, delay_seconds }, ended)
  const put = { kind: 'put', item, expect: { attempt: flow.attempt } } as const
  const { quarantine = head.quarantine } = item
  const remembering = quarantine === undefined ? head : { ...head, quarantine }
  if (ours) await transactFenced(ports, [releaseLease(remembering), put], 0)
  else await ports.state.transact([put])
  if (!settled.again) reportVerdict(ports, run, item)
  return settlement(event, item, settled.again)
}

/** After the verdict is written, and only by the call that wrote it: what is counted is counted once. */
function reportVerdict(ports: SettlePorts, run: RunItem, { dataflow, status, rows }: FlowItem): void {
  const counts = rows === undefined ? {} : { rows }
  ports.report?.({ event: 'dataflow_settled', run_id: run.run_id, dataflow, status, ...counts })
}

/** Whether somebody has said already what became of this attempt, or a newer one is going to. */
function isSettled(event: SettleEvent, flow: FlowItem): boolean {
  const { attempt } = event.task
  return attempt === 0 ? isDone(flow) : flow.attempt !== attempt || flow.status !== 'running'
}

function settlement(event: SettleEvent, flow: FlowItem, again: boolean): Settlement {
  return {
    status: flow.status,
    again,
    delay_seconds: again ? retryDelay(flow, event.retry_delay_seconds) : 0,
  }
}

/** Before the verdict, so that a settling that dies in between does it when it is repeated. */
async function stopOnError(ports: SettlePorts, run: RunItem): Promise<void> {
  if (run.stopping || !(await storedOptions(ports, run)).stop_on_error) return
  const stopping = {
    kind: 'put',
    item: { ...run, stopping: true },
    expect: { status: 'running', stopping: false },
  } as const
  try {
    await ports.state.transact([stopping])
  } catch (error) {
    // Another dataflow's settling has done it, or the run was sealed while this one was away.
    if (!(error instanceof ConditionFailedError)) throw error
  }
}

async function raiseFence(ports: SettlePorts, head: HeadItem): Promise<HeadItem> {
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
  if (flow.attempt > 1 || commit.leftovers) await removeUncommitted(ports, run, flow, commit)
  const { reason: _reason, error: _error, gate: _gate, warnings: _warnings, ...rest } = flow
  const { rows, table, snapshot_id, evidence, quarantine, warnings } = commit
  return {
    flow: {
      ...rest,
      rows,
      table,
      snapshot_id,
      evidence,
      ...(quarantine === undefined ? {} : { quarantine }),
      ...(warnings === undefined ? {} : { warnings }),
      status: 'succeeded',
    },
    again: false,
  }
}

async function notCommitted(ending: Ending): Promise<Settled> {
  const { ports, run, flow, log, event } = ending
  const contract = log.get('contract')
  const rows = contract?.record?.rows ?? rowsOf(contract?.error)
  const quarantine =
    (await ofStoppedShards(ending)) ?? contract?.record?.quarantine ?? quarantineOf(contract?.error)
  const { warnings: _ofAnotherAttempt, ...rest } = flow
  const kept: FlowItem = {
    ...rest,
    pk: flow.pk,
    sk: flow.sk,
    ...(rows === null ? {} : { rows }),
    ...(quarantine === null ? {} : { quarantine }),
    ...warningsOf(log),
  }
  if (event.failure === undefined) {
    const evidence = await evidenceOf(ending, 'nothing_new')
    if (flow.attempt > 1) await removeUncommitted(ports, run, flow, undefined)
    return { flow: { ...kept, status: 'skipped', reason: 'nothing_new', evidence }, again: false }
  }
  const { reason } = event.failure
  // An admission that failed before it could count itself is a try all the same.
  const tries = event.task.attempt === 0 && flow.status !== 'running' ? flow.tries + 1 : flow.tries
  if (reason !== undefined && flow.status === 'pending') {
    const evidence = await evidenceOf(ending, reason)
    await removeUncommitted(ports, run, flow, undefined)
    return { flow: { ...kept, reason, tries, evidence }, again: false }
  }
  const gate = reason === undefined ? event.failure.gate : gateAtWork(log)
  const error = describeFailure(log, event.failure)
  const evidence = await evidenceOf(ending, reason ?? 'failed', { ...error, gate }, quarantine)
  await removeUncommitted(ports, run, flow, undefined)
  const because = reason === undefined ? {} : { reason }
  const failed: FlowItem = { ...kept, ...because, status: 'failed', tries, gate, error, evidence }
  return { flow: failed, again: mayTryAgain(failed, event.retry_count) }
}

async function ofStoppedShards({ ports, run, head, log, event }: Ending): Promise<ObjectRef | undefined> {
  const { task, failure } = event
  if (failure === undefined || task.attempt === 0) return undefined
  const dataflow = await loadDataflow(ports.evidence, task.manifest, task.dataflow)
  return await indexStopped(ports, { project: run.project, dataflow, head }, task, log)
}

async function evidenceOf(
  { ports, run, flow, log, event }: Ending,
  outcome: EvidenceOutcome,
  error?: ErrorSummary & { readonly gate: string },
  quarantine?: ObjectRef | null,
) {
  const { task } = event
  const dataflow = await loadDataflow(ports.evidence, task.manifest, task.dataflow)
  const request = {
    run,
    dataflow,
    attempt: task.attempt,
    round: task.round ?? 0,
    outcome,
    log,
    previous: flow.evidence,
    ...(quarantine === undefined ? {} : { quarantine }),
  }
  return await writeEvidence(ports, error === undefined ? request : { ...request, error })
}

/** The first one that has not passed. */
function gateAtWork(log: GateLog): string {
  return gateNames.find((gate) => log.get(gate)?.outcome !== 'passed') ?? 'settle'
}

/** The gate's own record says most; without one (a timeout, a killed function) the workflow's words remain. */
function describeFailure(log: GateLog, failure: Failure): ErrorSummary {
  const recorded = log.get(failure.gate as GateName)?.error
  if (recorded !== undefined && recorded.name === failure.error) return recorded
  const message = causeText(failure.cause)
  const code = failure.reason === undefined ? codeOf(failure.error) : cutOffCodes[failure.reason]
  return { name: failure.error, code, message }
}

const cutOffCodes: Readonly<Record<CutOff, string>> = { cancelled: 'CANCELLED', interrupted: 'INTERRUPTED' }

/** The cause of a handler's error is `{"errorType", "errorMessage", "trace"}`; that of a workflow's error is text. */
export function causeText(cause: string): string {
  try {
    const parsed: unknown = JSON.parse(cause)
    const message = (parsed as { errorMessage?: unknown } | null)?.errorMessage
    return typeof message === 'string' ? message : cause
  } catch {
    return cause
  }
}

/** `States.Timeout` → `STATES_TIMEOUT`, `LeaseHeldError` → `LEASE_HELD`, which is its code. */
function codeOf(name: string): string {
  if (name === 'Error') return 'UNEXPECTED'
  return name
    .replace(/Error$/, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase()
}

export const handler = controlHandler<SettleEvent>('settle', settle)
