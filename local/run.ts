import { readFileSync } from 'node:fs'
import { ulid } from 'ulid'
import { ManifestError, TerminalError } from '../core/errors.ts'
import type { RenderedManifest } from '../core/manifest/types.ts'
import { buildPlan, plannedDataflows } from '../core/planning/plan.ts'
import { parseRunOptions } from '../core/planning/run-options.ts'
import type { Ports } from '../core/ports.ts'
import { checkPreserve } from '../core/runs/environments.ts'
import { metaKey, runKey } from '../core/runs/keys.ts'
import { storeRenderedManifest } from '../core/runs/manifest-store.ts'
import type { ExecutionResult } from '../core/runs/result.ts'
import { checkRunId, readFlows, readRun, runExists } from '../core/runs/runs.ts'
import { readJsonRef } from '../core/stores/object-ref.ts'
import { endRun, handlersHere } from '../lambdas/end-run.ts'
import { causeText } from '../lambdas/settle.ts'
import {
  type HistoryEvent,
  loadStateMachine,
  type ObjectService,
  startExecution,
  type TaskResolver,
} from './asl/index.ts'
import { handlers } from './handlers.ts'

export interface RunRequest {
  /** Absent when a run is resumed: it goes on with the manifest that it began with. */
  readonly manifest?: RenderedManifest
  readonly run_id?: string
  readonly resume?: boolean
  /** Checked by the plan handler, as on AWS: `stage`, `dataflows`, `tags`, `max_workers`, … */
  readonly options?: Readonly<Record<string, unknown>>
  readonly onEvent?: (event: HistoryEvent) => void
  readonly signal?: AbortSignal
}

export interface RunOutcome {
  readonly run_id: string
  readonly result: ExecutionResult
  /** The signal ended the run; its dataflows are settled as interrupted, and `resume` goes on with them. */
  readonly interrupted: boolean
}

/** A run id that sorts by start time. */
export function newRunId(): string {
  return ulid().toLowerCase()
}

/**
 * Runs the project's workflow, the one that AWS runs, in this process. Throws what the plan refused; once
 * the run has begun it returns a result, whatever the dataflows came to.
 */
export async function runLocally(ports: Ports, request: RunRequest): Promise<RunOutcome> {
  const run_id = checkRunId(request.run_id ?? newRunId())
  if (request.manifest !== undefined) {
    const plan = buildPlan(request.manifest, parseRunOptions(request.options ?? {}))
    checkPreserve(ports.environment, plannedDataflows(request.manifest, plan))
  }
  if (request.resume === true) await checkResume(ports, run_id, request.options)
  else if (await hasBegun(ports, run_id)) throw runExists(run_id)
  const manifest =
    request.manifest === undefined
      ? {}
      : { manifest: await storeRenderedManifest(ports.evidence, request.manifest) }
  const execution = startExecution(loadRunMachine(), {
    name: run_id,
    input: { ...request.options, ...manifest, run_id, ...(request.resume ? { resume: true } : {}) },
    tasks: resolver(ports),
    objects: objectService(ports),
    ...(request.onEvent === undefined ? {} : { onEvent: request.onEvent }),
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  })
  const outcome = await execution.result
  // Handlers that were cut off still end by themselves: one of them may be taking a lease just now.
  await execution.settled
  const run = await readRun(ports, run_id).catch(() => undefined)
  if (run === undefined) throw notStarted(outcome)
  const interrupted = outcome.status === 'ABORTED'
  const unsettled = (await readFlows(ports, run_id)).some((flow) => flow.status === 'running')
  if (
    interrupted ||
    unsettled ||
    run.result === undefined ||
    run.finished_at === undefined ||
    run.status === 'running'
  ) {
    await endInterrupted(ports, run_id)
  }
  const sealed = await readRun(ports, run_id)
  return { run_id, interrupted, result: await readJsonRef(ports.evidence, sealed.result as never) }
}

/** A resumed run goes on under the options that it began with; others would be ignored, so they are refused. */
async function checkResume(ports: Ports, run_id: string, options: RunRequest['options']): Promise<void> {
  await readRun(ports, run_id)
  const given = Object.keys(options ?? {})
  if (given.length === 0) return
  throw new ManifestError({
    code: 'RUN_OPTIONS_INVALID',
    fact: `run ${run_id} is resumed with ${given.join(', ')}, but goes on under the options that it began with`,
    consequence: 'Nothing was started',
    next: 'Leave the options out, or start a new run',
  })
}

function loadRunMachine() {
  const definition = readFileSync(new URL('../state-machines/run.asl.json', import.meta.url), 'utf8')
  const functions = Object.fromEntries(Object.keys(handlers).map((name) => [name, name]))
  return loadStateMachine(definition, {
    substitutions: {
      ...functions,
      EvidenceBucket: 'evidence',
      ChildType: 'STANDARD',
      GateTimeoutSeconds: '86400',
    },
  })
}

function resolver(ports: Ports): TaskResolver {
  return (resource) => {
    const handler = handlers[resource]
    if (handler === undefined) return undefined
    return async (input, { signal }) => await handler(input, { ports, signal })
  }
}

/** The workflow's own reads and writes: item files and map results, in the evidence store. */
function objectService(ports: Ports): ObjectService {
  return {
    getObject: async (_bucket, key) => (await ports.evidence.get(key)).body,
    putObject: async (_bucket, key, body) => {
      await ports.evidence.put(key, body)
    },
    listObjects: (_bucket, prefix) => ports.evidence.list(prefix),
  }
}

/** What another process of this run is at work on is left to it. */
async function endInterrupted(ports: Ports, run_id: string): Promise<void> {
  await endRun(ports, handlersHere(ports), run_id, {
    reason: 'interrupted',
    cause: 'the run was interrupted while this dataflow was at work',
    pending: false,
    leave: ({ lease }) => lease?.run_id === run_id && lease.worker !== ports.worker.id,
  })
}

async function hasBegun(ports: Ports, run_id: string): Promise<boolean> {
  return (await ports.state.get(runKey(run_id), metaKey)) !== undefined
}

/** The plan was checked before the execution began, so this is the store's doing, not the manifest's. */
function notStarted(outcome: { readonly error?: string; readonly cause?: string }): TerminalError {
  const cause = outcome.cause === undefined ? 'no cause given' : causeText(outcome.cause)
  return new TerminalError({
    code: 'RUN_NOT_STARTED',
    fact: `the run ended before its plan was written (${outcome.error ?? 'aborted'}: ${cause})`,
    consequence: 'Nothing was read or written',
    next: 'Check the workspace with: sluice doctor',
  })
}
