import { ConditionFailedError, ManifestError } from '../errors.ts'
import type { Ports } from '../ports.ts'
import type { RunItem } from './items.ts'
import { readRun } from './runs.ts'

/**
 * Asks a run to stop: no further dataflow is admitted, what is at work goes on to its own end, and the run seals
 * itself with the rest pending (`stopping`). Resuming it later goes on with that rest. Cancelling twice changes
 * nothing; `now` marks a run whose dataflows the caller is going to cut off (lambdas/end-run.ts). Throws `ManifestError` `RUN_UNKNOWN`, and `RUN_ENDED` for a run that has its result.
 */
export async function cancelRun(
  ports: Pick<Ports, 'state' | 'clock'>,
  runId: string,
  by: string,
  now = false,
): Promise<RunItem> {
  for (;;) {
    const run = await readRun(ports, runId)
    if (run.status !== 'running') throw runEnded(run)
    if (run.cancelled !== undefined && (run.cancelled.now === true || !now)) return run
    const cancelled: RunItem = {
      ...run,
      stopping: true,
      cancelled: { by, at: ports.clock().toISOString(), ...(now ? { now } : {}) },
    }
    try {
      const expect = { status: 'running', stopping: run.stopping, execution: run.execution } as const
      await ports.state.transact([{ kind: 'put', item: cancelled, expect }])
      return cancelled
    } catch (error) {
      // It was sealed, or stopped for another reason, in between: look again.
      if (!(error instanceof ConditionFailedError)) throw error
    }
  }
}

export function runEnded(run: RunItem): ManifestError {
  return new ManifestError({
    code: 'RUN_ENDED',
    fact: `run ${run.run_id} has ended already: ${run.status}`,
    consequence: 'Nothing was changed',
    next: `See what it came to: sluice status ${run.run_id}`,
  })
}
