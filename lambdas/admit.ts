import { admitTransitions } from '../core/cost/transitions.ts'
import { addUsage, type Usage } from '../core/cost/usage.ts'
import type { Ports } from '../core/ports.ts'
import { advanceSourceState, readCommit } from '../core/runs/commit.ts'
import { writeEvidence } from '../core/runs/evidence.ts'
import { emptyLog } from '../core/runs/gate-log.ts'
import type { FlowItem, FlowReason, RunItem } from '../core/runs/items.ts'
import { flowKey, metaKey, runKey } from '../core/runs/keys.ts'
import { readHead, takeLease } from '../core/runs/lease.ts'
import { loadDataflow } from '../core/runs/manifest-store.ts'
import { flowMissing, isDone, readFlow, unknownRun } from '../core/runs/runs.ts'
import type { ObjectRef } from '../core/stores/object-ref.ts'
import type { Write } from '../core/stores/state-store.ts'
import { controlHandler } from './control-handler.ts'
import type { TaskRef } from './gate-handler.ts'

export interface AdmitEvent {
  readonly run_id: string
  readonly manifest: ObjectRef
  readonly dataflow: string
  readonly upstream: readonly string[]
}

/** `gates`: begin at extract. `source_state`: the commit is there, only what follows it is missing. `done`: nothing. */
export interface Admission {
  readonly go: 'gates' | 'source_state' | 'done'
  readonly task: TaskRef
}

/**
 * Lets one attempt in: it takes the dataflow's lease under a new fence and numbers the attempt, in one
 * conditional write. Before that it skips what an upstream's failure or a stopping run forbids; with that
 * it finishes what an earlier run's crash between its commit and its source state left open.
 *
 * Safe to repeat: a repeated call takes the next attempt number, and the fence makes the one before harmless.
 */
export async function admit(event: AdmitEvent, ports: Ports): Promise<Admission> {
  // The dataflow is read before the run. Who ends a run from outside marks the run first and counts a try of the
  // dataflow then: either the mark is seen here, or the condition on `tries` fails.
  const flow = (await ports.state.get(runKey(event.run_id), flowKey(event.dataflow))) as FlowItem | undefined
  const run = (await ports.state.get(runKey(event.run_id), metaKey)) as RunItem | undefined
  if (run === undefined) throw unknownRun(event.run_id)
  if (flow === undefined) throw flowMissing(event.run_id, event.dataflow)
  if (isDone(flow) || run.status !== 'running') return stay(event, flow)
  const committed = (await readCommit(ports, run.project, event.dataflow, event.run_id)) !== undefined
  if (!committed) {
    const reason = run.stopping
      ? 'stopping'
      : (await upstreamFailed(ports, event))
        ? 'upstream_failed'
        : undefined
    if (reason !== undefined) return await withhold(ports, run, event, flow, reason)
  }
  const attempt = flow.attempt + 1
  const { head, write } = takeLease(
    ports,
    await readHead(ports, run.project, event.dataflow),
    event.run_id,
    attempt,
  )
  const started: FlowItem = {
    ...withoutOutcome(flow),
    status: 'running',
    attempt,
    tries: flow.tries + 1,
    started_at: ports.clock().toISOString(),
  }
  const put = { kind: 'put', item: started, expect: untouched(flow) } as const
  const usage = admissionUsage(ports, flow, [write, put], committed ? 'source_state' : 'gates')
  await ports.state.transact([write, { ...put, item: { ...started, ...usage } }])
  if (head.last_commit !== null && head.last_commit !== event.run_id) {
    await healSourceState(ports, run.project, event.dataflow, head.last_commit)
  }
  const { run_id, manifest, dataflow } = event
  return {
    go: committed ? 'source_state' : 'gates',
    task: { run_id, manifest, dataflow, attempt, fence: head.fence, ...evidenceBefore(flow) },
  }
}

function evidenceBefore({ evidence }: FlowItem): Pick<TaskRef, 'evidence'> {
  return evidence === undefined ? {} : { evidence }
}

/** An execution of its own begins with the first try; a further one is admitted by the same execution. */
function admissionUsage(
  ports: Ports,
  flow: FlowItem,
  writes: readonly Write[],
  go: Admission['go'],
): { readonly usage?: Usage } {
  const child = { child_transitions: admitTransitions(go), child_executions: flow.tries === 0 ? 1 : 0 }
  const used = ports.meter?.reading(writes, child)
  return used === undefined ? {} : { usage: addUsage(flow.usage, used) }
}

function untouched({ attempt, tries }: FlowItem) {
  return { attempt, tries }
}

/** What an earlier attempt came to says nothing about this one. */
function withoutOutcome(flow: FlowItem): FlowItem {
  const { reason: _r, gate: _g, error: _e, rows: _n, quarantine: _q, finished_at: _f, ...kept } = flow
  return kept as FlowItem
}

/** An earlier run committed and died before its source state moved; the commit record holds what it entitles to. */
async function healSourceState(
  ports: Ports,
  project: string,
  dataflow: string,
  runId: string,
): Promise<void> {
  const commit = await readCommit(ports, project, dataflow, runId)
  if (commit !== undefined) await advanceSourceState(ports, project, commit)
}

async function upstreamFailed(ports: Ports, event: AdmitEvent): Promise<boolean> {
  for (const upstream of event.upstream) {
    if (!isDone(await readFlow(ports, event.run_id, upstream))) return true
  }
  return false
}

/** Skipped for good, or pending until the run is resumed; either way with evidence. */
async function withhold(
  ports: Ports,
  run: RunItem,
  event: AdmitEvent,
  flow: FlowItem,
  reason: Extract<FlowReason, 'stopping' | 'upstream_failed'>,
): Promise<Admission> {
  const withheld: FlowItem = {
    ...flow,
    status: reason === 'stopping' ? 'pending' : 'skipped',
    reason,
    finished_at: ports.clock().toISOString(),
  }
  const evidence = await writeEvidence(ports, {
    run,
    dataflow: await loadDataflow(ports.evidence, event.manifest, event.dataflow),
    attempt: flow.attempt,
    round: 0,
    outcome: reason,
    log: emptyLog,
    previous: flow.evidence,
  })
  const item = { ...withheld, evidence }
  const put = { kind: 'put', item, expect: untouched(flow) } as const
  const usage = admissionUsage(ports, flow, [put], 'done')
  await ports.state.transact([{ ...put, item: { ...item, ...usage } }])
  return stay(event, flow)
}

function stay({ run_id, manifest, dataflow }: AdmitEvent, flow: FlowItem): Admission {
  return { go: 'done', task: { run_id, manifest, dataflow, attempt: flow.attempt, fence: 0 } }
}

export const handler = controlHandler<AdmitEvent>('admit', admit)
