import { ManifestError } from '../core/errors.ts'
import type { RunItem } from '../core/runs/items.ts'
import { isDone, readFlows, readRun } from '../core/runs/runs.ts'
import { newRunId, type RunOutcome, type RunRequest, runLocally } from '../local/run.ts'
import { openWorkspace, type Workspace } from '../local/workspace.ts'
import { exitCodes, reportFailure } from './fail.ts'
import { stopOnSignals } from './interrupt.ts'
import type { Io } from './io.ts'
import { emit } from './report.ts'
import { watchRun, watchWhile } from './run-progress.ts'
import { placeInHome, resultBlocks } from './run-result.ts'
import { isActive } from './run-state.ts'

export async function startRun(io: Io, projectDirectory: string, request: RunRequest): Promise<number> {
  return await inWorkspace(io, projectDirectory, (workspace) => execute(io, workspace, request))
}

export async function resumeRun(io: Io, projectDirectory: string, run_id: string): Promise<number> {
  return await inWorkspace(io, projectDirectory, async (workspace) => {
    await refuseAlive(io, workspace, run_id)
    const done = (await readFlows(workspace.ports, run_id)).filter(isDone)
    const doneBefore = new Set(done.map(({ dataflow }) => dataflow))
    return await execute(io, workspace, { run_id, resume: true }, doneBefore)
  })
}

async function inWorkspace(
  io: Io,
  projectDirectory: string,
  work: (workspace: Workspace) => Promise<number>,
): Promise<number> {
  const workspace = openWorkspace({ projectDirectory, ...(io.home === undefined ? {} : { home: io.home }) })
  try {
    return await work(workspace)
  } finally {
    await workspace.close()
  }
}

async function execute(
  io: Io,
  workspace: Workspace,
  request: RunRequest,
  doneBefore: ReadonlySet<string> = new Set(),
): Promise<number> {
  const { ports } = workspace
  const run_id = request.run_id ?? newRunId()
  const isOurs = (run: RunItem) => run.worker === ports.worker.id
  const watch = watchRun(io, { stores: ports, run_id, isOurs, doneBefore })
  const stop = stopOnSignals(watch.notice)
  let outcome: RunOutcome
  try {
    const work = () => runLocally(ports, { ...request, run_id, signal: stop.signal })
    outcome = await watch.during(() => watchWhile(watch, work))
  } catch (error) {
    const begun = await readRun(ports, run_id).catch(() => undefined)
    if (begun !== undefined && isOurs(begun)) return notSealed(io, run_id, error)
    if (!stop.signal.aborted) throw error
    io.err('Interrupted before anything was started.')
    return exitCodes.interrupted
  } finally {
    stop.release()
  }
  emit(
    io,
    outcome.result,
    await resultBlocks(io, placeInHome(workspace.home, ports.catalog, run_id), outcome),
  )
  if (outcome.interrupted) return exitCodes.interrupted
  return outcome.result.status === 'succeeded' ? exitCodes.success : exitCodes.failed
}

function notSealed(io: Io, runId: string, error: unknown): number {
  reportFailure(error, exitCodes.failed, io.err, io.colors.err)
  io.err(`The run was not sealed. Go on with it: ${io.command(`run --resume ${runId}`)}`)
  return exitCodes.failed
}

/** Two processes on one run do no harm, since the newer one takes the leases over; but nobody wants that. */
async function refuseAlive(io: Io, { ports }: Workspace, run_id: string): Promise<void> {
  const item = await readRun(ports, run_id)
  const flows = await readFlows(ports, run_id)
  const now = Date.now()
  if (!(await isActive(ports.state, item, flows, now))) return
  throw new ManifestError({
    code: 'RUN_ACTIVE',
    fact: `run ${run_id} is still being worked on, as far as its leases tell`,
    consequence: 'Nothing was started',
    next: `Watch it (${io.command(`status ${run_id}`)}), or try again in two minutes`,
  })
}
