import { ManifestError } from '../core/errors.ts'
import { cancelRun, runEnded } from '../core/runs/cancel.ts'
import type { RunItem } from '../core/runs/items.ts'
import type { ExecutionResult } from '../core/runs/result.ts'
import { readFlows, readRun } from '../core/runs/runs.ts'
import { readJsonRef } from '../core/stores/object-ref.ts'
import { type EndHandlers, endRun, handlersHere } from '../lambdas/end-run.ts'
import type { SealPorts } from '../lambdas/seal.ts'
import type { SettlePorts } from '../lambdas/settle.ts'
import type { Stack } from '../remote/stack.ts'
import { exitCodes } from './fail.ts'
import { type WritableRecords, withWritableRecords } from './home.ts'
import type { Io } from './io.ts'
import { emit } from './report.ts'
import { placeInHome, placeOnStack, type ResultPlace, resultBlocks } from './run-result.ts'
import { isActive } from './run-state.ts'
import { whoAsks } from './who.ts'

/** How to end whoever carries the run out, and where its files lie. */
interface Carrier {
  readonly place: ResultPlace
  handlers(ports: SettlePorts & SealPorts): EndHandlers
  /** Refuses before anything is changed. */
  check(run: RunItem): Promise<void>
  /** After the run was marked: nobody begins anything of it any more. */
  stop(run: RunItem, why: string): Promise<void>
}

/**
 * Ends a run: stops its execution, settles what it was at work on, and seals it. Also for one whose execution has
 * ended by other means. Repeating it finishes what an interruption has left; a run that it has ended is only shown.
 * Throws `ManifestError` `RUN_UNKNOWN`, `RUN_ENDED`, and `RUN_ACTIVE` for one that a process here is at work on.
 */
export async function cancelNow(io: Io, run_id: string): Promise<number> {
  return await withWritableRecords(io, run_id, async (records) => await cancelRecorded(io, records, run_id))
}

export async function cancelRecorded(io: Io, records: WritableRecords, run_id: string): Promise<number> {
  const { stack } = records
  const carrier = stack === undefined ? here(io, records, run_id) : await onStack(io, records, stack, run_id)
  const run = await readRun(records, run_id)
  const isCutOff = (await readFlows(records, run_id)).some(({ status }) => status === 'running')
  if (run.status !== 'running' && !isCutOff) {
    if (run.cancelled?.now !== true) throw runEnded(run)
    return await show(io, records, carrier, run_id)
  }
  await carrier.check(run)
  const ports = { ...records, clock: () => new Date() }
  const by = whoAsks()
  if (run.status === 'running') await cancelRun(ports, run_id, by, true)
  const cause = `${by} cancelled the run while this dataflow was at work`
  await carrier.stop(run, `${by} cancelled the run`)
  await endRun(ports, carrier.handlers(ports), run_id, { reason: 'cancelled', cause, pending: true })
  return await show(io, records, carrier, run_id)
}

/** Of a process on this machine the terminal, or a signal, is the way to end it: it settles what it was at work on. */
function here(io: Io, records: WritableRecords, run_id: string): Carrier {
  const check = async (run: RunItem) => {
    if (!(await isActive(records.state, run, await readFlows(records, run_id), Date.now()))) return
    const [host, pid] = run.worker.split('/')
    throw new ManifestError({
      code: 'RUN_ACTIVE',
      fact: `process ${pid} on ${host} carries run ${run_id} out, and is at work on it`,
      consequence: 'Nothing was changed',
      next: `End it there with Ctrl-C or kill -INT ${pid}, which settles and seals; or let what is at work end: ${io.command(`cancel ${run_id}`)}`,
    })
  }
  const place = placeInHome(records.home, records.catalog, run_id)
  return { place, handlers: handlersHere, check, stop: async () => undefined }
}

/** Step Functions says exactly whether an execution is at work; leases need only speak where it has forgotten it. */
async function onStack(io: Io, records: WritableRecords, stack: Stack, run_id: string): Promise<Carrier> {
  const [{ executionState, newExecutionsClient, stopOnStack }, { handlersOnStack }] = await Promise.all([
    import('../remote/executions.ts'),
    import('./stack-handlers.ts'),
  ])
  const client = newExecutionsClient()
  const check = async (run: RunItem) => {
    if ((await executionState(client, stack, run.execution)) !== 'unknown') return
    if (!(await isActive(records.state, run, await readFlows(records, run_id), Date.now()))) return
    throw new ManifestError({
      code: 'RUN_ACTIVE',
      fact: `Step Functions of stack ${stack.name} knows no execution ${run.execution}, and run ${run_id} is at work as far as its leases tell`,
      consequence: 'Nothing was changed',
      next: `Name the stack that runs it; or let what is at work end: ${io.command(`cancel ${run_id}`)}`,
    })
  }
  return {
    place: placeOnStack(stack, records.catalog, run_id),
    handlers: () => handlersOnStack(stack),
    check,
    stop: async (run, why) => await stopOnStack(client, stack, run.execution, why),
  }
}

async function show(io: Io, records: WritableRecords, { place }: Carrier, run_id: string): Promise<number> {
  const { result: ref } = await readRun(records, run_id)
  const result = await readJsonRef<ExecutionResult>(records.evidence, ref as never)
  emit(io, result, await resultBlocks(io, place, { run_id, result, interrupted: false }))
  return exitCodes.success
}
