import { ManifestError } from '../core/errors.ts'
import { digestOf } from '../core/json.ts'
import type { RunItem } from '../core/runs/items.ts'
import { requireProject } from '../core/runs/projects.ts'
import type { ExecutionResult } from '../core/runs/result.ts'
import { checkRunId, readRun } from '../core/runs/runs.ts'
import { readJsonRef } from '../core/stores/object-ref.ts'
import { findProject, loadProject } from '../local/project.ts'
import { newRunId } from '../local/run.ts'
import { newExecutionsClient, startOnStack, throwIfEnded } from '../remote/executions.ts'
import { openStackPorts, type StackPorts } from '../remote/ports.ts'
import { findStack, type Stack } from '../remote/stack.ts'
import { exitCodes } from './fail.ts'
import { followExecution } from './follow-execution.ts'
import { detachOnSignals } from './interrupt.ts'
import type { Io } from './io.ts'
import { emit } from './report.ts'
import { resumeOnStack, type Start } from './resume-stack.ts'
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
        ? await newRun(io, ports, options, given)
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

async function newRun(
  io: Io,
  ports: StackPorts,
  options: RunCommandOptions,
  given: Readonly<Record<string, unknown>>,
): Promise<Start> {
  const local = await localProject(io)
  const deployed = await requireProject(ports, local?.project)
  if (
    local !== undefined &&
    digestOf(local) !== digestOf(await readJsonRef(ports.evidence, deployed.manifest))
  ) {
    io.err(
      `Note: ${deployed.project} is deployed in another version than ${io.project} has now. The deployed one runs.`,
    )
  }
  const run_id = checkRunId(options.runId ?? newRunId())
  return { run_id, execution: run_id, input: { project: deployed.project, ...given }, doneBefore: new Set() }
}

/** Of the directory that the command is called in; where it has no manifest, the stack's only project is meant. */
async function localProject(io: Io) {
  try {
    findProject(io.project)
  } catch (error) {
    if (io.project === '.' && error instanceof ManifestError) return undefined
    throw error
  }
  return (await loadProject(io.project)).rendered
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
