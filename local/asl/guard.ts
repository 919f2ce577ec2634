import { asStatesError, CANCELLED, Cancelled, StatesError } from './errors.ts'
import { finish, type Step } from './finish.ts'
import type { Catcher, MapState, ParallelState, Retrier, TaskState } from './model.ts'
import { emit, type Frame, type Scope } from './runtime.ts'

/** True when Retry's or Catch's `ErrorEquals` takes the failure. */
export function matches(errors: readonly string[], failure: StatesError): boolean {
  const { error, terminal, heartbeat } = failure.parts
  if (terminal === true) return false
  if (error !== undefined && errors.includes(error)) return true
  if (heartbeat === true && errors.includes('States.HeartbeatTimeout')) return true
  if (error === 'States.DataLimitExceeded') return false
  if (errors.includes('States.ALL')) return true
  return errors.includes('States.TaskFailed') && error !== 'States.Timeout'
}

/** Milliseconds before the retry that follows `done` earlier ones of this retrier. */
export function retryDelay(retrier: Retrier, done: number, random: () => number): number {
  const grown = retrier.intervalSeconds * retrier.backoffRate ** done
  const seconds = Math.min(grown, retrier.maxDelaySeconds ?? Number.POSITIVE_INFINITY)
  return Math.min(seconds, Number.MAX_SAFE_INTEGER) * 1000 * (retrier.fullJitter ? random() : 1)
}

/** Waits, unless cancelled. Throws {@link CANCELLED}. */
export function pause(scope: Scope, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = scope.run.host.clock.after(ms, () => {
      off()
      resolve()
    })
    const off = scope.cancellation.onCancel(() => {
      stop()
      reject(CANCELLED)
    })
  })
}

/** The failure as the state reports it: its cause names the state where Step Functions names it. */
function placed(frame: Frame, failure: StatesError): StatesError {
  if (failure.parts.inState !== true) return failure
  const where = `the state '${frame.state.name}' (entered at the event id #${frame.enteredEvent})`
  return new StatesError({
    ...failure.parts,
    inState: false,
    cause: `An error occurred while executing ${where}. ${failure.parts.cause ?? ''}`,
  })
}

/** Completes a failure of this state and records a failed expression. */
export function recordFailure(scope: Scope, frame: Frame, thrown: unknown): StatesError {
  const failure = asStatesError(thrown)
  const settled = placed(frame, failure)
  if (failure.parts.inState === true && failure.parts.error === 'States.QueryEvaluationError') {
    const { error, cause, location } = settled.parts
    emit(scope, 'EvaluationFailed', () => ({
      error,
      cause,
      state: frame.state.name,
      ...(location === undefined ? {} : { location }),
    }))
  }
  return settled
}

async function caught(scope: Scope, frame: Frame, catcher: Catcher, failure: StatesError): Promise<Step> {
  const errorOutput = { Error: failure.parts.error ?? '', Cause: failure.parts.cause ?? '' }
  return finish(scope, frame, { errorOutput }, errorOutput, catcher)
}

/** Runs a Task, Parallel or Map with its Retry and Catch. `attempt` is called once more for each retry. */
export async function guarded(
  scope: Scope,
  frame: Frame,
  state: TaskState | ParallelState | MapState,
  attempt: () => Promise<Step>,
): Promise<Step> {
  let retries: number[] | undefined
  for (;;) {
    try {
      return await attempt()
    } catch (thrown) {
      if (thrown instanceof Cancelled) throw thrown
      const failure = recordFailure(scope, frame, thrown)
      if (failure.parts.terminal === true) throw failure
      const at = state.retry.findIndex((retrier) => matches(retrier.errors, failure))
      const retrier = state.retry[at]
      retries ??= state.retry.map(() => 0)
      if (retrier !== undefined && (retries[at] as number) < retrier.maxAttempts) {
        const delay = retryDelay(retrier, retries[at] as number, scope.run.host.clock.random)
        retries[at] = (retries[at] as number) + 1
        await pause(scope, delay)
        frame.retryCount += 1
        continue
      }
      const fail = (): void => {
        if (state.type !== 'Task') emit(scope, `${state.type}StateFailed`)
      }
      fail()
      const catcher = state.catch.find((c) => matches(c.errors, failure))
      if (catcher === undefined) throw failure
      try {
        return await caught(scope, frame, catcher, failure)
      } catch (again) {
        const second = recordFailure(scope, frame, again)
        fail()
        throw second
      }
    }
  }
}
