import { runTransitions, waveRequests } from '../core/cost/transitions.ts'
import { addUsage, type Usage } from '../core/cost/usage.ts'
import type { Ports } from '../core/ports.ts'
import type { RunItem } from '../core/runs/items.ts'
import { buildResult, type ExecutionResult } from '../core/runs/result.ts'
import { readFlows, readRun } from '../core/runs/runs.ts'
import { readStoredPlan } from '../core/runs/stored-plan.ts'
import { type ObjectRef, writeJson } from '../core/stores/object-ref.ts'
import { controlHandler } from './control-handler.ts'

export interface SealEvent {
  readonly run_id: string
}

export type SealPorts = Pick<Ports, 'evidence' | 'state' | 'clock' | 'meter' | 'deployment'>

/** Counts and a reference; the result itself is in the evidence store. */
export interface Sealed
  extends Pick<
    ExecutionResult,
    'run_id' | 'status' | 'total' | 'succeeded' | 'failed' | 'skipped' | 'running' | 'pending'
  > {
  readonly result: ObjectRef
}

/**
 * Judges the run by what the state store says, read consistently and against the plan: a dataflow whose
 * verdict is missing fails the run as surely as one that failed. A resumed run is sealed anew.
 */
export async function seal(event: SealEvent, ports: SealPorts): Promise<Sealed> {
  const run = await readRun(ports, event.run_id)
  const { plan } = await readStoredPlan(ports, run)
  const planned = plan.waves.flatMap((wave) => wave.dataflows.map((dataflow) => dataflow.name))
  const flows = await readFlows(ports, run.run_id)
  const usage = sealedUsage(ports, run, plan.waves.length)
  const result = buildResult({ ...run, usage }, planned, flows, ports.clock(), ports.deployment)
  const key = `evidence/${run.run_id}/result-${result.finished_at.replace(/[^0-9TZ]/g, '')}.json`
  const ref = await writeJson(ports.evidence, key, result, 'absent')
  const { status, finished_at, total, succeeded, failed, skipped, running, pending } = result
  // A seal of an execution that was stopped comes too late where another execution goes on with the run.
  const expect = { execution: run.execution }
  await ports.state.transact([
    { kind: 'put', item: { ...run, status, finished_at, result: ref, usage }, expect },
  ])
  return { run_id: run.run_id, status, total, succeeded, failed, skipped, running, pending, result: ref }
}

/**
 * What the run's own execution used: with this seal, which writes the result and the run's item, and the states
 * and the item files of its waves. A run that is sealed in this process after an interruption adds nothing.
 */
function sealedUsage(ports: SealPorts, run: RunItem, waves: number): Usage {
  const used = ports.meter?.reading([{ kind: 'put', item: run }])
  if (used === undefined) return addUsage(run.usage)
  return addUsage(run.usage, {
    ...used,
    transitions: runTransitions(waves),
    s3_puts: used.s3_puts + 1 + waves * waveRequests.s3_puts,
    s3_gets: used.s3_gets + 1 + waves * waveRequests.s3_gets,
  })
}

export const handler = controlHandler<SealEvent>('seal', seal)
