import { ulid } from 'ulid'
import { ManifestError } from '../core/errors.ts'
import type { RunItem } from '../core/runs/items.ts'
import { isDone, readFlows, readRun } from '../core/runs/runs.ts'
import { endRun } from '../lambdas/end-run.ts'
import { executionState, type newExecutionsClient } from '../remote/executions.ts'
import type { StackPorts } from '../remote/ports.ts'
import type { Stack } from '../remote/stack.ts'
import type { Io } from './io.ts'
import { isActive } from './run-state.ts'
import { handlersOnStack } from './stack-handlers.ts'

export interface OpenStack {
  readonly stack: Stack
  readonly ports: StackPorts
  readonly client: ReturnType<typeof newExecutionsClient>
}

/** What is started, and what of the run there is already. */
export interface Start {
  readonly run_id: string
  /** The execution's name. */
  readonly execution: string
  readonly input: Readonly<Record<string, unknown>>
  /** Dataflows that a resumed run had done before. */
  readonly doneBefore: ReadonlySet<string>
}

/**
 * A run without a result goes on only where nobody carries it out any more, which Step Functions says exactly. What its
 * execution was at work on when it was stopped, in the console for instance, is settled first. Throws `ManifestError`
 * `RUN_ACTIVE`.
 */
export async function resumeOnStack(
  io: Io,
  { stack, ports, client }: OpenStack,
  run_id: string,
): Promise<Start> {
  const run = await readRun(ports, run_id)
  if (run.status === 'running') {
    const state =
      stack.ChildType === 'EXPRESS' ? 'unknown' : await executionState(client, stack, run.execution)
    if (state === 'running') throw runActive(io, run, `execution ${run.execution} is running`)
    if (state === 'unknown') await refuseActive(io, { stack, ports, client }, run)
    else {
      const cause = `execution ${run.execution} ended while this dataflow was at work`
      await endRun(ports, handlersOnStack(stack), run_id, { reason: 'interrupted', cause, pending: false })
    }
  }
  const flows = await readFlows(ports, run_id)
  const suffix = ulid().toLowerCase().slice(-8)
  const doneBefore = new Set(flows.filter(isDone).map(({ dataflow }) => dataflow))
  const execution = `${run_id.slice(0, 70)}-${suffix}`
  return { run_id, execution, input: { run_id, resume: true }, doneBefore }
}

/** Where only leases can tell. */
async function refuseActive(io: Io, { stack, ports }: OpenStack, run: RunItem): Promise<void> {
  if (!(await isActive(ports.state, run, await readFlows(ports, run.run_id), Date.now()))) return
  const why =
    stack.ChildType === 'EXPRESS'
      ? `the stack runs dataflows as EXPRESS executions, of which Step Functions does not tell whether they have ended, and`
      : `Step Functions does not know execution ${run.execution}, and`
  throw runActive(
    io,
    run,
    `${why} a lease counts, or something was recorded just now; leases run out after at most 30 minutes`,
  )
}

function runActive(io: Io, { run_id }: RunItem, why: string): ManifestError {
  return new ManifestError({
    code: 'RUN_ACTIVE',
    fact: `run ${run_id} is still being worked on: ${why}`,
    consequence: 'Nothing was started',
    next: `Watch it (${io.command(`status ${run_id}`)}), or end it (${io.command(`cancel ${run_id} --now`)}) and resume it then`,
  })
}
