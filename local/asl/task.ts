import { CANCELLED, dataLimit, StatesError } from './errors.ts'
import { numberField } from './expression.ts'
import { finish, type Step } from './finish.ts'
import { MAX_BYTES } from './json.ts'
import { MAX_SECONDS } from './load-common.ts'
import type { TaskState } from './model.ts'
import { bindingsOf, emit, type Frame, type Scope, type TaskContext, type TaskHandler } from './runtime.ts'
import { evaluate } from './template.ts'

/** Longest Cause in characters (API reference, ExecutionFailedEventDetails). */
const MAX_CAUSE = 32_768
const MAX_MESSAGE = 16_384
const SECONDS = { min: 1, max: MAX_SECONDS }

/** The error of a handler as AWS Lambda's Node runtime reports it: Cause is JSON `{errorType, errorMessage, trace}`. */
export function handlerError(thrown: unknown): StatesError {
  const isError = thrown instanceof Error || Object.prototype.toString.call(thrown) === '[object Error]'
  const error = thrown as Error
  const errorType = isError ? error.name || 'Error' : typeof thrown
  const errorMessage = String(isError ? error.message : thrown).slice(0, MAX_MESSAGE)
  const trace = isError ? String(error.stack ?? '').split('\n') : []
  const cause = (): string => JSON.stringify({ errorType, errorMessage, trace })
  while (trace.length > 0 && cause().length > MAX_CAUSE) trace.pop()
  // The names in the reserved space are the interpreter's to give.
  const name = errorType.startsWith('States.') ? 'States.TaskFailed' : errorType
  return new StatesError({ error: name, cause: cause().slice(0, MAX_CAUSE) })
}

interface Limits {
  readonly timeoutMs: number | undefined
  readonly heartbeatMs: number | undefined
}

/** Calls the handler once. Throws a {@link StatesError}, or {@link CANCELLED}. */
function call(scope: Scope, frame: Frame, state: TaskState, json: string, limits: Limits): Promise<unknown> {
  const { run, cancellation } = scope
  const { clock, handlersRunning, handlers } = run.host
  const handler = handlers.get(state) as TaskHandler
  // An observer of TaskStarted may just have aborted the execution.
  if (cancellation.reason() !== undefined) return Promise.reject(CANCELLED)
  return new Promise((resolve, reject) => {
    const controller = new AbortController()
    let over = false
    let stopTimeout: (() => void) | undefined
    let stopHeartbeat: (() => void) | undefined
    const settle = (end: () => void, abort: boolean): void => {
      if (over) return
      over = true
      stopTimeout?.()
      stopHeartbeat?.()
      off()
      if (abort) controller.abort()
      end()
    }
    const timeOut = (heartbeat: boolean) => () =>
      settle(() => reject(new StatesError({ error: 'States.Timeout', heartbeat })), true)
    const armHeartbeat = (): void => {
      stopHeartbeat?.()
      if (limits.heartbeatMs !== undefined && !over)
        stopHeartbeat = clock.after(limits.heartbeatMs, timeOut(true))
    }
    const context: TaskContext = {
      signal: controller.signal,
      heartbeat: armHeartbeat,
      timeoutMs: limits.timeoutMs,
      resource: state.resource,
      stateName: state.name,
      executionId: run.id,
      executionName: run.name,
      retryCount: frame.retryCount,
    }
    const off = cancellation.onCancel(() => settle(() => reject(CANCELLED), true))
    if (limits.timeoutMs !== undefined) stopTimeout = clock.after(limits.timeoutMs, timeOut(false))
    armHeartbeat()
    let work: Promise<unknown>
    try {
      work = Promise.resolve(handler(JSON.parse(json), context))
    } catch (thrown) {
      work = Promise.reject(thrown)
    }
    handlersRunning.count += 1
    const left = (): void => {
      handlersRunning.count -= 1
      if (handlersRunning.count === 0) handlersRunning.idle?.()
    }
    work.then(
      (value) => {
        left()
        settle(() => resolve(value), false)
      },
      (thrown: unknown) => {
        left()
        settle(() => reject(handlerError(thrown)), false)
      },
    )
  })
}

/** The handler's result as JSON data of its own, within 256 KiB. */
function received(state: TaskState, value: unknown): unknown {
  let json: string
  try {
    json = JSON.stringify(value) ?? 'null'
  } catch (error) {
    const errorMessage = `Unable to stringify response body: ${(error as Error).message}`
    const cause = JSON.stringify({ errorType: 'Runtime.MarshalError', errorMessage, trace: [] })
    throw new StatesError({ error: 'Runtime.MarshalError', cause })
  }
  if (json.length > MAX_BYTES / 3 && Buffer.byteLength(json) > MAX_BYTES)
    throw dataLimit(state.resource, false)
  return JSON.parse(json)
}

/** One attempt of a Task. */
export async function attemptTask(scope: Scope, frame: Frame, state: TaskState): Promise<Step> {
  const bindings = bindingsOf(scope, frame)
  const evaluated = state.arguments === undefined ? frame.input : evaluate(state.arguments, bindings)
  const input = evaluated instanceof Promise ? await evaluated : evaluated
  const json = JSON.stringify(input)
  if (json.length > MAX_BYTES / 3 && Buffer.byteLength(json) > MAX_BYTES) throw dataLimit(state.name, false)
  let { timeoutSeconds, heartbeatSeconds } = state
  if (typeof timeoutSeconds === 'object')
    timeoutSeconds = await numberField(timeoutSeconds, bindings, SECONDS)
  if (typeof heartbeatSeconds === 'object') {
    heartbeatSeconds = await numberField(heartbeatSeconds, bindings, SECONDS)
  }
  const { resource } = state
  emit(scope, 'TaskScheduled', () => ({
    resource,
    parameters: input,
    ...(timeoutSeconds === undefined ? {} : { timeoutInSeconds: timeoutSeconds }),
    ...(heartbeatSeconds === undefined ? {} : { heartbeatInSeconds: heartbeatSeconds }),
  }))
  emit(scope, 'TaskStarted', () => ({ resource }))
  let result: unknown
  try {
    const limits = {
      timeoutMs: timeoutSeconds === undefined ? undefined : timeoutSeconds * 1000,
      heartbeatMs: heartbeatSeconds === undefined ? undefined : heartbeatSeconds * 1000,
    }
    result = received(state, await call(scope, frame, state, json, limits))
  } catch (thrown) {
    if (thrown instanceof StatesError) {
      const { error, cause } = thrown.parts
      const type = error === 'States.Timeout' ? 'TaskTimedOut' : 'TaskFailed'
      emit(scope, type, () => ({ resource, error, ...(cause === undefined ? {} : { cause }) }))
    }
    throw thrown
  }
  emit(scope, 'TaskSucceeded', () => ({ resource, output: result }))
  return finish(scope, frame, { result }, result, state)
}
