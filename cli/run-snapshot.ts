import type { ReadPorts } from '../core/ports.ts'
import type { RunItem } from '../core/runs/items.ts'
import { metaKey, runKey } from '../core/runs/keys.ts'
import { readFlows } from '../core/runs/runs.ts'
import { storedOptions } from '../core/runs/stored-plan.ts'
import type { Snapshot } from './progress.ts'
import { holderOf, leaseOf } from './run-state.ts'

/** A run that is looked at, and how its items are told from those of before it was resumed. */
export interface WatchedRun {
  /** Of the workspace, or of the stack. */
  readonly stores: Pick<ReadPorts, 'state' | 'evidence'>
  readonly run_id: string
  /** Whether the item was written by what is watched: before it has planned or reopened the run, it is of before. */
  isOurs(run: RunItem): boolean
  /** What a resumed run had done before; empty for a new one. */
  readonly doneBefore: ReadonlySet<string>
}

/** Reads what there is to see of a run; `undefined` before it has begun. */
export type TakeSnapshot = () => Promise<Snapshot | undefined>

export function openSnapshots({ stores, run_id, isOurs }: WatchedRun): TakeSnapshot {
  let retries: Pick<Snapshot, 'retry_count' | 'retry_delay_seconds'> | undefined
  return async () => {
    const run = (await stores.state.get(runKey(run_id), metaKey)) as RunItem | undefined
    if (run === undefined || !isOurs(run)) return undefined
    const flows = await readFlows(stores, run_id)
    if (retries === undefined) {
      const { retry_count, retry_delay_seconds } = await storedOptions(stores, run)
      retries = { retry_count, retry_delay_seconds }
    }
    return { run, flows, ...retries }
  }
}

/** Dataflows of which it is looked up who holds their leases: those that come first are the ones that wait. */
const askedForHolders = 5

/** Which other run holds what this one waits for, where nothing of it is at work; admit waits for up to two hours. */
export async function waitingText(
  { state }: WatchedRun['stores'],
  { run, flows }: Snapshot,
): Promise<string | undefined> {
  const pending = flows.filter(({ status }) => status === 'pending').slice(0, askedForHolders)
  for (const { dataflow } of pending) {
    const lease = await leaseOf(state, run.project, dataflow)
    if (lease === null || lease.run_id === run.run_id || holderOf(lease, Date.now()) !== 'alive') continue
    return `${dataflow} waits for run ${lease.run_id}, which is at work on it`
  }
  return undefined
}
