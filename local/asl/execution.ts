import { randomUUID } from 'node:crypto'
import { createCancellation } from './cancellation.ts'
import { type Clock, systemClock } from './clock.ts'
import { asStatesError, Cancelled, dataLimit, type Finding, StateMachineError } from './errors.ts'
import type { HistoryEvent } from './events.ts'
import { createFlowRunner } from './flow.ts'
import { exceeds, MAX_BYTES } from './json.ts'
import type { State, StateMachine } from './model.ts'
import type { ObjectService } from './objects.ts'
import {
  type CancelReason,
  type ExecutionOutcome,
  emit,
  emitAborted,
  type Host,
  isoNow,
  type Run,
  type Scope,
  type TaskHandler,
  type TaskResolver,
} from './runtime.ts'

export interface ExecutionOptions {
  /** JSON data; it is copied. */
  readonly input: unknown
  /** Default: a random UUID. */
  readonly name?: string
  /** What all ids begin with: partition, service, region and account. Default: `arn:aws:states:local:000000000000`. */
  readonly scope?: string
  readonly tasks: TaskResolver
  /** Needed by machines with an ItemReader or a ResultWriter. */
  readonly objects?: ObjectService
  /** Every event of the execution and of its Distributed Map children, as it happens. */
  readonly onEvent?: (event: HistoryEvent) => void
  /** Aborts the execution, with its reason as the cause. */
  readonly signal?: AbortSignal
  readonly clock?: Clock
}

export interface Execution {
  /** Shaped like an ARN. */
  readonly id: string
  readonly name: string
  /** Never rejects. */
  readonly result: Promise<ExecutionOutcome>
  /** Resolves when the result is there and every handler has settled, those of cancelled tasks included. */
  readonly settled: Promise<void>
  /** Starts no further task, tells running handlers through their signal, ends with ABORTED. Idempotent. */
  abort(reason?: { readonly error?: string; readonly cause?: string }): void
}

const defaultScope = 'arn:aws:states:local:000000000000'

function copyInput(input: unknown): unknown {
  let json: string | undefined
  try {
    json = JSON.stringify(input)
  } catch {
    // Reported below: a cycle or a BigInt has no JSON form.
  }
  if (json === undefined) throw new StateMachineError([{ path: '', problem: 'the input is not JSON data' }])
  if (Buffer.byteLength(json) > MAX_BYTES) {
    throw new StateMachineError([{ path: '', problem: `the input is longer than ${MAX_BYTES} bytes` }])
  }
  return JSON.parse(json)
}

function resolveTasks(machine: StateMachine, options: ExecutionOptions): ReadonlyMap<State, TaskHandler> {
  const findings: Finding[] = []
  const handlers = new Map<State, TaskHandler>()
  for (const task of machine.tasks) {
    const handler = options.tasks(task.resource, task.name)
    if (handler !== undefined) handlers.set(task, handler)
    else
      findings.push({ path: `${task.path}/Resource`, problem: `there is no handler for "${task.resource}"` })
  }
  if (options.objects === undefined) {
    for (const path of machine.objectUsers) {
      findings.push({
        path,
        problem: 'reads or writes objects, and the execution was given no object service',
      })
    }
  }
  if (findings.length > 0) throw new StateMachineError(findings)
  return handlers
}

const ENDINGS = {
  SUCCEEDED: 'ExecutionSucceeded',
  FAILED: 'ExecutionFailed',
  ABORTED: 'ExecutionAborted',
  TIMED_OUT: 'ExecutionTimedOut',
} as const

/** Runs one execution to its end: the root, or a child of a Map Run. Never rejects. */
const runExecution: Host['runExecution'] = async (run, flow, input, timeoutSeconds) => {
  const { cancellation, host } = run
  const scope: Scope = {
    run,
    cancellation,
    map: undefined,
    index: undefined,
    variables: {},
    lastEvent: 0,
    open: undefined,
  }
  const timedOut: CancelReason = { status: 'TIMED_OUT', error: 'States.Timeout' }
  const stopTimer =
    timeoutSeconds === undefined
      ? undefined
      : host.clock.after(timeoutSeconds * 1000, () => cancellation.cancel(timedOut))
  emit(scope, 'ExecutionStarted', () => ({ input }), { always: true })
  let outcome: ExecutionOutcome
  try {
    if (exceeds(input)) throw dataLimit(run.name, true)
    outcome = { status: 'SUCCEEDED', output: await host.runFlow(scope, flow, input) }
  } catch (thrown) {
    const parts = thrown instanceof Cancelled ? {} : asStatesError(thrown).parts
    outcome = {
      status: 'FAILED',
      ...(parts.error === undefined ? {} : { error: parts.error }),
      ...(parts.cause === undefined ? {} : { cause: parts.cause }),
    }
  }
  stopTimer?.()
  const reason = cancellation.reason()
  if (reason !== undefined) {
    // A child is cancelled with its parent's reason, whatever that is: its own end is an abort.
    outcome = isReason(reason)
      ? run.parentId === undefined || reason === timedOut
        ? reason
        : ABORTED
      : ABORTED
    emitAborted(scope)
  }
  const { status, output, error, cause } = outcome
  const details = () =>
    status === 'SUCCEEDED' ? { output } : { ...(error && { error }), ...(cause && { cause }) }
  scope.open = undefined
  emit(scope, ENDINGS[status], details, { always: true })
  return outcome
}

const ABORTED: CancelReason = { status: 'ABORTED' }

function isReason(reason: unknown): reason is CancelReason {
  return typeof reason === 'object' && reason !== null && 'status' in reason
}

/**
 * Starts an execution. Throws {@link StateMachineError} when a Task has no handler, an object service is missing, or
 * the input is not JSON or too long; everything after that is in the outcome.
 */
export function startExecution(machine: StateMachine, options: ExecutionOptions): Execution {
  const input = copyInput(options.input)
  const handlers = resolveTasks(machine, options)
  const clock = options.clock ?? systemClock
  const name = options.name ?? randomUUID()
  const scope = options.scope ?? defaultScope
  const id = `${scope}:execution:${machine.name}:${name}`
  const cancellation = createCancellation()
  const handlersRunning: Host['handlersRunning'] = { count: 0, idle: undefined }
  const host: Host = {
    machine,
    clock,
    handlers,
    objects: options.objects,
    onEvent: options.onEvent,
    handlersRunning,
    runFlow: createFlowRunner(),
    runExecution,
  }
  const run: Run = {
    host,
    id,
    name,
    parentId: undefined,
    mapRunId: undefined,
    childIndex: undefined,
    context: {
      Execution: { Id: id, Input: input, Name: name, StartTime: isoNow(clock), RedriveCount: 0 },
      StateMachine: { Id: `${scope}:stateMachine:${machine.name}`, Name: machine.name },
    },
    cancellation,
    events: 0,
  }
  const abort: Execution['abort'] = (reason) => cancellation.cancel({ status: 'ABORTED', ...reason })
  const onSignal = (): void => {
    const reason: unknown = options.signal?.reason
    abort({ cause: reason instanceof Error ? reason.message : String(reason) })
  }
  if (options.signal?.aborted === true) onSignal()
  else options.signal?.addEventListener('abort', onSignal, { once: true })
  const result = Promise.resolve()
    .then(() => runExecution(run, machine.flow, input, machine.timeoutSeconds))
    .finally(() => options.signal?.removeEventListener('abort', onSignal))
  const settled = result.then(() => {
    if (handlersRunning.count === 0) return
    return new Promise<void>((resolve) => {
      handlersRunning.idle = resolve
    })
  })
  return { id, name, result, settled, abort }
}
