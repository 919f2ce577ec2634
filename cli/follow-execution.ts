import { setTimeout as sleep } from 'node:timers/promises'
import type { RunItem } from '../core/runs/items.ts'
import type { RunWatch } from './run-progress.ts'

/** Milliseconds between two looks at the state table; one look costs a run of a hundred dataflows 20 read units. */
const interval = 1000
/** Looks without any change after which Step Functions is asked whether the execution still lives. */
const patience = 15
/** The same before the run has begun: an execution that Plan refuses ends at once. */
const patienceAtFirst = 3

/**
 * Looks at a run on a stack until it is sealed, and returns it; `undefined` when the signal came first, which ends the
 * looking and not the run. Throws what `throwIfEnded` says of an execution that ended otherwise; it is called seldom.
 */
export async function followExecution(
  watch: RunWatch,
  throwIfEnded: () => Promise<void>,
  signal: AbortSignal,
): Promise<RunItem | undefined> {
  let quiet = 0
  while (!signal.aborted) {
    const look = await watch.look()
    if (look !== undefined && look.run.status !== 'running' && look.run.result !== undefined) return look.run
    quiet = look?.isNews ? 0 : quiet + 1
    if (quiet >= (look === undefined ? patienceAtFirst : patience)) {
      await throwIfEnded()
      quiet = 0
    }
    await sleep(interval, undefined, { signal }).catch(() => undefined)
  }
  return undefined
}
