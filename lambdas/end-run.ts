import { ConditionFailedError, LeaseLostError, RetryableError } from '../core/errors.ts'
import type { Ports } from '../core/ports.ts'
import type { CutOff, FlowItem, HeadItem, RunItem } from '../core/runs/items.ts'
import { readHead } from '../core/runs/lease.ts'
import { mayTryAgain } from '../core/runs/retry.ts'
import { readFlows, readRun } from '../core/runs/runs.ts'
import { storedOptions } from '../core/runs/stored-plan.ts'
import { inParallel } from '../core/stores/aws-parallel.ts'
import { counted, oneOrMany } from '../core/words.ts'
import { type SealEvent, type SealPorts, seal } from './seal.ts'
import { type SettleEvent, type SettlePorts, settle } from './settle.ts'

export interface RunEnd {
  readonly reason: CutOff
  /** Said in the errors of the dataflows: `the run was interrupted`. */
  readonly cause: string
  /** Whether dataflows that have not begun get their last word, too; else they stay pending as they are. */
  readonly pending: boolean
  /** What somebody else is at work on, and is left to them. */
  readonly leave?: (head: HeadItem) => boolean
}

/** `settle` and `seal`: in this process, or those of a stack, which work under the roles of their own. */
export interface EndHandlers {
  settle(event: SettleEvent): Promise<unknown>
  seal(event: SealEvent): Promise<unknown>
}

export function handlersHere(ports: SettlePorts & SealPorts): EndHandlers {
  return { settle: (event) => settle(event, ports), seal: (event) => seal(event, ports) }
}

/** Dataflows that are settled side by side: each takes some ten requests. */
const atOnce = 16
/** Looks at the dataflows; a third one is needed only where a handler of the run still got through. */
const mostLooks = 10

/**
 * Ends a run from outside, where its own execution does so no more: settles what was at work (committed is succeeded,
 * anything else failed), says of the rest that it has not begun, and seals. Handlers that are still on their way can
 * write nothing more: `settle` raises the fences of those at work, and counts a try of those that may be admitted
 * just now. Safe to repeat, after a crash as well.
 *
 * The caller has seen to it that nobody goes on with the run, or, for `cancelled`, has marked it (`cancelRun`).
 */
export async function endRun(
  stores: Pick<Ports, 'state' | 'evidence'>,
  handlers: EndHandlers,
  run_id: string,
  end: RunEnd,
): Promise<void> {
  const run = await readRun(stores, run_id)
  const { retry_count } = await storedOptions(stores, run)
  const left = new Set<string>()
  for (let look = 1; ; look++) {
    const flows = await readFlows(stores, run_id)
    const open = flows.filter((flow) => !left.has(flow.dataflow) && isOpen(flow, end, retry_count))
    if (open.length === 0) break
    if (look > mostLooks) throw stillMoving(run_id, open.length)
    await inParallel(open, atOnce, async (flow) => {
      const isLeft = end.leave?.(await readHead(stores, run.project, flow.dataflow))
      if (isLeft === true) return void left.add(flow.dataflow)
      const work =
        flow.status === 'failed' ? giveUp(stores, flow, retry_count) : settleFrom(handlers, run, flow, end)
      await work.catch((error: unknown) => {
        if (!isMoved(error)) throw error
      })
    })
  }
  await handlers.seal({ run_id })
}

function isOpen(flow: FlowItem, { pending }: RunEnd, retry_count: number): boolean {
  if (flow.status === 'running') return true
  if (!pending) return false
  return (flow.status === 'pending' && flow.reason === undefined) || mayTryAgain(flow, retry_count)
}

/** A handler of the run came in between: what it has left is looked at once more. */
function isMoved(error: unknown): boolean {
  return error instanceof ConditionFailedError || error instanceof LeaseLostError
}

/** A dataflow that waits to try again keeps its verdict; its tries are used up, which lets no admission through. */
async function giveUp({ state }: Pick<Ports, 'state'>, flow: FlowItem, retry_count: number): Promise<void> {
  const { attempt, tries } = flow
  const item = { ...flow, tries: retry_count + 1 }
  await state.transact([{ kind: 'put', item, expect: { attempt, tries } }])
}

async function settleFrom(
  handlers: EndHandlers,
  run: RunItem,
  { dataflow, status, attempt }: FlowItem,
  { reason, cause }: RunEnd,
): Promise<void> {
  const task = { run_id: run.run_id, manifest: run.manifest, dataflow, fence: 0 }
  await handlers.settle({
    // Without an attempt of its own it may hold the lease of one from before the run was resumed.
    task: { ...task, attempt: status === 'running' ? attempt : 0 },
    retry_count: 0,
    retry_delay_seconds: 0,
    failure: { gate: reason, error: errorNames[reason], cause, reason },
  })
}

const errorNames: Readonly<Record<CutOff, string>> = { cancelled: 'Cancelled', interrupted: 'Interrupted' }

function stillMoving(run_id: string, count: number): RetryableError {
  return new RetryableError({
    code: 'RUN_STILL_MOVING',
    fact: `${counted(count, 'dataflow')} of run ${run_id} ${oneOrMany(count, 'is', 'are')} begun anew whenever settled`,
    consequence: 'The run is not sealed; what was settled stays so',
    next: 'Something still carries the run out: end that, then repeat the command',
  })
}
