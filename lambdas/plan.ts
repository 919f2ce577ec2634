import { admitTransitions } from '../core/cost/transitions.ts'
import { addUsage, type Usage } from '../core/cost/usage.ts'
import { buildPlan, plannedDataflows } from '../core/planning/plan.ts'
import type { Plan } from '../core/planning/types.ts'
import type { Ports } from '../core/ports.ts'
import { checkPreserve } from '../core/runs/environments.ts'
import type { FlowItem, RunItem } from '../core/runs/items.ts'
import { flowKey, flowPrefix, metaKey, runKey } from '../core/runs/keys.ts'
import { loadRenderedManifest } from '../core/runs/manifest-store.ts'
import { requireProject } from '../core/runs/projects.ts'
import { parseRunInput } from '../core/runs/run-input.ts'
import { checkRunId, isDone, runExists, unknownRun } from '../core/runs/runs.ts'
import type { StoredPlan } from '../core/runs/stored-plan.ts'
import { readStoredPlan } from '../core/runs/stored-plan.ts'
import { itemsPrefix, waveItems, waveItemsKey } from '../core/runs/wave-items.ts'
import { type ObjectRef, writeJson } from '../core/stores/object-ref.ts'
import type { Write } from '../core/stores/state-store.ts'
import { controlHandler } from './control-handler.ts'

export interface PlanEvent {
  readonly execution_name: string
  /** As {@link parseRunInput} reads it; `{}` runs every active dataflow of the one project that is deployed. */
  readonly input: unknown
}

/** Goes into the state of the execution, so it holds references and numbers only. */
export interface PlannedRun {
  readonly run_id: string
  readonly manifest: ObjectRef
  readonly waves: number
  readonly items_prefix: string
  readonly results_prefix: string
  readonly max_workers: number
  readonly retry_count: number
  readonly retry_delay_seconds: number
}

/**
 * Selects, orders and writes down what a run will do, once: a second call of the same execution finds the plan
 * and goes on with it. With `resume` every dataflow that has not succeeded becomes pending again. Which manifest
 * is run is the input's to say, or else the deployed project's. Throws `ManifestError` for what is refused.
 */
export async function planRun(event: PlanEvent, ports: Ports): Promise<PlannedRun> {
  const input = parseRunInput(event.input)
  const runId = checkRunId(input.run_id ?? event.execution_name)
  const existing = (await ports.state.get(runKey(runId), metaKey)) as RunItem | undefined
  if (existing !== undefined) {
    if (!input.resume && existing.execution !== event.execution_name) throw runExists(runId)
    const stored = await readStoredPlan(ports, existing)
    if (input.resume) await reopen(ports, existing, event.execution_name)
    return plannedRun(existing, stored)
  }
  if (input.resume) throw unknownRun(runId)
  const { options } = input
  const ref = input.manifest ?? (await requireProject(ports, input.project)).manifest
  const rendered = await loadRenderedManifest(ports.evidence, ref)
  const plan = buildPlan(rendered, options)
  checkPreserve(ports.environment, plannedDataflows(rendered, plan))
  const stored: StoredPlan = { plan, options }
  const planRef = await writeJson(ports.evidence, `plans/${runId}/plan.json`, stored)
  await Promise.all(plan.waves.map((wave) => writeItems(ports, runId, wave)))
  await writePending(ports, runId, plan)
  const meta: RunItem = {
    pk: runKey(runId),
    sk: metaKey,
    run_id: runId,
    project: rendered.project,
    status: 'running',
    started_at: ports.clock().toISOString(),
    manifest: ref,
    plan: planRef,
    worker: ports.worker.id,
    execution: event.execution_name,
    stopping: false,
  }
  const put = { kind: 'put', item: meta, expect: 'absent' } as const
  const usage = ports.meter?.reading([put])
  await ports.state.transact([{ ...put, item: { ...meta, ...(usage && { usage }) } }])
  return plannedRun(meta, stored)
}

async function writeItems(ports: Ports, runId: string, wave: Plan['waves'][number]): Promise<void> {
  await ports.evidence.put(waveItemsKey(runId, wave), waveItems(wave))
}

/**
 * Before the run's own item, so that a run that exists has an item for every planned dataflow; and only before
 * it, so that a slow first call cannot reset what the run of a second one has come to.
 */
async function writePending(ports: Ports, runId: string, plan: Plan): Promise<void> {
  const writes = plan.waves.flatMap((wave) =>
    wave.dataflows.map((dataflow): Write => {
      const flow: FlowItem = {
        pk: runKey(runId),
        sk: flowKey(dataflow.name),
        dataflow: dataflow.name,
        status: 'pending',
        attempt: 0,
        tries: 0,
        table: dataflow.writes.table,
      }
      return { kind: 'put', item: flow }
    }),
  )
  const notYet: Write = { kind: 'check', pk: runKey(runId), sk: metaKey, expect: 'absent' }
  await transactInParts(ports, writes, [notYet])
}

/** For writes that need not be all or none; every part has the conditions, too. */
async function transactInParts(
  ports: Ports,
  writes: readonly Write[],
  conditions: readonly Write[] = [],
): Promise<void> {
  const size = 100 - conditions.length
  for (let i = 0; i < writes.length; i += size)
    await ports.state.transact([...conditions, ...writes.slice(i, i + size)])
}

/**
 * Resume: what succeeded stays, and so does what had nothing to do. Everything else is pending again. The run's
 * own item comes last, so that who sees it open again sees no verdict of before.
 */
async function reopen(ports: Ports, run: RunItem, execution: string): Promise<void> {
  const { cancelled: _cancelled, ...kept } = run
  const reopened = {
    ...kept,
    pk: run.pk,
    sk: run.sk,
    status: 'running',
    worker: ports.worker.id,
    execution,
    stopping: false,
  }
  const writes: Write[] = []
  let done = 0
  for await (const item of ports.state.query(run.pk, flowPrefix)) {
    const flow = item as FlowItem
    if (isDone(flow)) {
      done += 1
      continue
    }
    const { reason: _r, error: _e, gate: _g, started_at: _s, finished_at: _f, ...kept } = flow
    // A process of this run that is still at work may give out the next attempt number: it is not taken back.
    const pending = { ...kept, sk: flowKey(flow.dataflow), status: 'pending', tries: 0 } as const
    writes.push({ kind: 'put', item: pending, expect: { attempt: flow.attempt } })
  }
  const all: Write[] = [...writes, { kind: 'put', item: reopened }]
  writes.push({ kind: 'put', item: { ...reopened, ...reopeningUsage(ports, run, all, done) } })
  await transactInParts(ports, writes)
}

/** The executions of dataflows that are done end with their admission, which then records nothing of itself. */
function reopeningUsage(
  ports: Ports,
  run: RunItem,
  writes: readonly Write[],
  done: number,
): { readonly usage?: Usage } {
  const used = ports.meter?.reading(writes, {
    child_transitions: done * admitTransitions('done'),
    child_executions: done,
  })
  return used === undefined ? {} : { usage: addUsage(run.usage, used) }
}

function plannedRun(meta: RunItem, { plan, options }: StoredPlan): PlannedRun {
  return {
    run_id: meta.run_id,
    manifest: meta.manifest,
    waves: plan.waves.length,
    items_prefix: itemsPrefix(meta.run_id),
    results_prefix: `plans/${meta.run_id}/map`,
    max_workers: options.max_workers,
    retry_count: options.retry_count,
    retry_delay_seconds: options.retry_delay_seconds,
  }
}

export const handler = controlHandler<PlanEvent>('plan', planRun)
