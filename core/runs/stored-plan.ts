import type { Plan, RunOptions } from '../planning/types.ts'
import type { ReadPorts } from '../ports.ts'
import { readJsonRef } from '../stores/object-ref.ts'
import type { RunItem } from './items.ts'

/** What the plan file holds: the plan, and the options under which it is run. */
export interface StoredPlan {
  readonly plan: Plan
  readonly options: RunOptions
}

export async function readStoredPlan(ports: Pick<ReadPorts, 'evidence'>, run: RunItem): Promise<StoredPlan> {
  return await readJsonRef<StoredPlan>(ports.evidence, run.plan)
}

export async function storedOptions(ports: Pick<ReadPorts, 'evidence'>, run: RunItem): Promise<RunOptions> {
  return (await readStoredPlan(ports, run)).options
}
