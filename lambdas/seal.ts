import type { Ports } from '../core/ports.ts'
import { buildResult } from '../core/runs/result.ts'
import { readFlows, readRun } from '../core/runs/runs.ts'
import { readStoredPlan } from '../core/runs/stored-plan.ts'
import { type ObjectRef, writeJson } from '../core/stores/object-ref.ts'
import { controlHandler } from './control-handler.ts'

export interface SealEvent {
  readonly run_id: string
}

/** Counts and a reference; the result itself is in the evidence store. */
export interface Sealed {
  readonly run_id: string
  readonly status: 'succeeded' | 'failed'
  readonly total: number
  readonly succeeded: number
  readonly failed: number
  readonly skipped: number
  readonly running: number
  readonly pending: number
  readonly result: ObjectRef
}

/**
 * Judges the run by what the state store says, read consistently and against the plan: a dataflow whose
 * verdict is missing fails the run as surely as one that failed. A resumed run is sealed anew.
 */
export async function seal(event: SealEvent, ports: Ports): Promise<Sealed> {
  const run = await readRun(ports, event.run_id)
  const { plan } = await readStoredPlan(ports, run)
  const planned = plan.waves.flatMap((wave) => wave.dataflows.map((dataflow) => dataflow.name))
  const result = buildResult(run, planned, await readFlows(ports, run.run_id), ports.clock())
  const key = `evidence/${run.run_id}/result-${result.finished_at.replace(/[^0-9TZ]/g, '')}.json`
  const ref = await writeJson(ports.evidence, key, result, 'absent')
  const { status, finished_at, total, succeeded, failed, skipped, running, pending } = result
  await ports.state.transact([{ kind: 'put', item: { ...run, status, finished_at, result: ref } }])
  return { run_id: run.run_id, status, total, succeeded, failed, skipped, running, pending, result: ref }
}

export const handler = controlHandler<SealEvent>('seal', seal)
