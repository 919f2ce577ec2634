import type { RunItem } from '../core/runs/items.ts'
import type { ExecutionResult } from '../core/runs/result.ts'
import { readRun } from '../core/runs/runs.ts'
import { readJsonRef } from '../core/stores/object-ref.ts'
import { newExecutionsClient, startOnStack, throwIfEnded } from '../remote/executions.ts'
import { openStackPorts, type StackPorts } from '../remote/ports.ts'
import { findStack, type Stack } from '../remote/stack.ts'
import { exitCodes } from './fail.ts'
import { followExecution } from './follow-execution.ts'
import { detachOnSignals } from './interrupt.ts'
import type { Io } from './io.ts'
import { newRunOnStack } from './new-run-stack.ts'
import { emit } from './report.ts'
import { resumeOnStack } from './resume-stack.ts'
import type { RunCommandOptions } from './run.ts'
import { watchRun } from './run-progress.ts'
import { placeOnStack, resultBlocks } from './run-result.ts'

/**
 * Starts a run on a stack, or goes on with one, and shows it until it has ended. Interrupting only ends the
 * showing: the run goes on. Exit codes are those of an embedded run.
 */
export async function runOnStack(
  io: Io,
  stackName: string,
  options: RunCommandOptions,
  given: Readonly<Record<string, unknown>>,
): Promise<number> {
  const stack = await findStack(stackName)
  const ports = openStackPorts(stack)
  const client = newExecutionsClient()
  try {
    const { run_id, execution, input, doneBefore } =
      options.resume === undefined
        ? await newRunOnStack(io, ports, options, given)
        : await resumeOnStack(io, { stack, ports, client }, options.resume)
    await startOnStack(client, stack, execution, input)
    if (options.detach === true) return started(io, run_id)
    const stop = detachOnSignals()
    try {
      const isOurs = (run: RunItem) => run.execution === execution
      const watch = watchRun(io, { stores: ports, run_id, isOurs, doneBefore })
      const run = await watch.during(() =>
        followExecution(watch, () => throwIfEnded(client, stack, execution), stop.signal),
      )
      return run === undefined ? detached(io, run_id) : await showResult(io, stack, ports, run_id)
    } finally {
      stop.release()
    }
  } finally {
    ports.state.close()
  }
}

function started(io: Io, run_id: string): number {
  emit(io, { schema: 'sluice.started.v1', run_id }, [
    { kind: 'title', text: `Run ${run_id} is started` },
    {
      kind: 'code',
      title: 'How to go on',
      lines: [io.command(`status ${run_id}`), io.command(`cancel ${run_id}`)],
    },
  ])
  return exitCodes.success
}

function detached(io: Io, run_id: string): number {
  io.err(
    `The run goes on. Look at it with: ${io.command(`status ${run_id}`)}; stop it with: ${io.command(`cancel ${run_id}`)}`,
  )
  return exitCodes.interrupted
}

async function showResult(io: Io, stack: Stack, ports: StackPorts, run_id: string): Promise<number> {
  const run = await readRun(ports, run_id)
  const result = await readJsonRef<ExecutionResult>(ports.evidence, run.result as never)
  const place = placeOnStack(stack, ports.catalog, run_id)
  emit(io, result, await resultBlocks(io, place, { run_id, result, interrupted: false }))
  return result.status === 'succeeded' ? exitCodes.success : exitCodes.failed
}
