import type { ReadPorts } from '../core/ports.ts'
import type { FlowItem, HeadItem, Lease, RunItem } from '../core/runs/items.ts'
import { dataflowKey, headKey } from '../core/runs/keys.ts'
import { workerState } from '../local/worker.ts'

/** `interrupted`: it has not ended, and no process is at work on it any more. */
export type RunState = 'running' | 'interrupted' | 'succeeded' | 'failed'

/**
 * Longer than a live run is ever silent without a lease: the pause before a retry, and the wait for another
 * run's lease, are at most 60 seconds each.
 */
const silence = 2 * 60 * 1000

/**
 * What has become of a run. Of a process on this machine it can be seen whether it lives; for one elsewhere its
 * leases and its last records must speak. `now` in milliseconds since the epoch.
 */
export async function runStateOf(
  state: ReadPorts['state'],
  run: RunItem,
  flows: readonly FlowItem[],
  now: number,
): Promise<RunState> {
  if (run.status !== 'running') return run.status
  const worker = workerState(run.worker)
  if (worker !== 'elsewhere') return worker === 'alive' ? 'running' : 'interrupted'
  return (await showsLife(state, run, flows, now)) ? 'running' : 'interrupted'
}

/**
 * Whether it is to be believed that somebody is at work on the run. A process number that lives is not enough: after a
 * restart of the machine it may be another process's.
 */
export async function isActive(
  state: ReadPorts['state'],
  run: RunItem,
  flows: readonly FlowItem[],
  now: number,
): Promise<boolean> {
  return (await runStateOf(state, run, flows, now)) === 'running' && (await showsLife(state, run, flows, now))
}

/** Whether a run that has not ended holds a lease that counts, or has recorded something in the last two minutes. */
export async function showsLife(
  state: ReadPorts['state'],
  run: RunItem,
  flows: readonly FlowItem[],
  now: number,
): Promise<boolean> {
  for (const flow of flows) {
    if (flow.status !== 'running') continue
    const lease = await leaseOf(state, run.project, flow.dataflow)
    if (lease?.run_id === run.run_id && holderOf(lease, now) === 'alive') return true
  }
  const isRecent = (time: string | undefined) => time !== undefined && now - Date.parse(time) <= silence
  return (
    isRecent(run.started_at) || flows.some((flow) => isRecent(flow.started_at) || isRecent(flow.finished_at))
  )
}

export async function leaseOf(
  state: ReadPorts['state'],
  project: string,
  dataflow: string,
): Promise<Lease | null> {
  const head = (await state.get(dataflowKey(project, dataflow), headKey)) as HeadItem | undefined
  return head?.lease ?? null
}

/** Whether the holder of a lease may still be at work. Of another machine's process only the expiry can tell. */
export function holderOf(lease: Lease, now: number): 'alive' | 'dead' | 'expired' {
  if (workerState(lease.worker) === 'dead') return 'dead'
  return lease.expires_at <= now ? 'expired' : 'alive'
}
