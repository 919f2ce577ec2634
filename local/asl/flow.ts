import { CANCELLED, Cancelled, queryError, runtimeError, StatesError } from './errors.ts'
import { numberField, wrongType } from './expression.ts'
import { assignVariables, finish, type Step } from './finish.ts'
import { guarded, pause, recordFailure } from './guard.ts'
import { MAX_SECONDS } from './load-common.ts'
import { attemptMap } from './map.ts'
import type { ChoiceState, FailState, Flow, State, WaitState } from './model.ts'
import { attemptParallel } from './parallel.ts'
import { bindingsOf, emit, type Frame, type Scope } from './runtime.ts'
import { attemptTask } from './task.ts'
import { evaluate, type Template } from './template.ts'
import { isTimestamp } from './timestamp.ts'

async function runChoice(scope: Scope, frame: Frame, state: ChoiceState): Promise<Step> {
  const bindings = bindingsOf(scope, frame)
  for (const rule of state.rules) {
    const value = rule.condition.evaluate(bindings)
    const verdict = value instanceof Promise ? await value : value
    if (typeof verdict !== 'boolean') throw wrongType(rule.condition, 'boolean', verdict)
    if (verdict) return finish(scope, frame, {}, frame.input, rule)
  }
  if (state.next === undefined) {
    throw runtimeError('Failed to transition out of the state. The state does not point to a next state.')
  }
  return finish(scope, frame, {}, frame.input, state)
}

async function runWait(scope: Scope, frame: Frame, state: WaitState): Promise<Step> {
  const bindings = bindingsOf(scope, frame)
  const { clock } = scope.run.host
  let ms: number
  if (state.seconds !== undefined) {
    ms = (await numberField(state.seconds, bindings, { min: 0, max: MAX_SECONDS })) * 1000
  } else {
    const { timestamp } = state
    const text = typeof timestamp === 'string' ? timestamp : await timestamp?.evaluate(bindings)
    if (typeof text !== 'string' || !isTimestamp(text)) {
      const shown = typeof text === 'string' ? text : JSON.stringify(text)
      const problem =
        'The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string'
      throw queryError('Timestamp', `${problem}: ${shown}`)
    }
    ms = Math.max(0, Date.parse(text) - clock.now())
  }
  await pause(scope, ms)
  return finish(scope, frame, {}, frame.input, state)
}

async function runFail(scope: Scope, frame: Frame, state: FailState): Promise<never> {
  const bindings = bindingsOf(scope, frame)
  const text = async (template: Template | undefined): Promise<string | undefined> => {
    if (template === undefined) return undefined
    const value = await evaluate(template, bindings)
    if (typeof value === 'string') return value
    throw template.kind === 'expression' ? wrongType(template, 'string', value) : runtimeError('not a string')
  }
  throw new StatesError({ error: await text(state.error), cause: await text(state.cause) })
}

function runState(scope: Scope, frame: Frame): Promise<Step> {
  const { state } = frame
  switch (state.type) {
    case 'Task':
      return guarded(scope, frame, state, () => attemptTask(scope, frame, state))
    case 'Parallel':
      return guarded(scope, frame, state, () => attemptParallel(scope, frame, state))
    case 'Map':
      return guarded(scope, frame, state, () => attemptMap(scope, frame, state))
    case 'Pass':
    case 'Succeed':
      return finish(scope, frame, {}, frame.input, state)
    case 'Choice':
      return runChoice(scope, frame, state)
    case 'Wait':
      return runWait(scope, frame, state)
    case 'Fail':
      return runFail(scope, frame, state)
  }
}

/** Transitions between two turns of the event loop: timers and I/O must run beside a busy machine. */
const TRANSITIONS_PER_TURN = 256

/** Gives the event loop a turn now and then; undefined most of the time. */
export function createBreather(): () => Promise<void> | undefined {
  let count = 0
  let turn: Promise<void> | undefined
  return () => {
    count += 1
    if (turn === undefined && count >= TRANSITIONS_PER_TURN) {
      turn = new Promise((resolve) =>
        setImmediate(() => {
          count = 0
          turn = undefined
          resolve()
        }),
      )
    }
    return turn
  }
}

/** The runner of flows. Its promise is the flow's output; it throws a StatesError or CANCELLED. */
export function createFlowRunner(): (scope: Scope, flow: Flow, input: unknown) => Promise<unknown> {
  const breathe = createBreather()
  return async (scope, flow, input) => {
    let name = flow.startAt
    let value = input
    for (;;) {
      const turn = breathe()
      if (turn !== undefined) await turn
      if (scope.cancellation.reason() !== undefined) throw CANCELLED
      const state = flow.states.get(name) as State
      const stateInput = value
      const entered = emit(scope, `${state.type}StateEntered`, () => ({ input: stateInput }), { state: name })
      const frame: Frame = {
        state,
        input: value,
        enteredAt: scope.run.host.clock.now(),
        enteredEvent: entered,
        retryCount: 0,
        children: undefined,
      }
      scope.open = frame
      let step: Step
      try {
        step = await runState(scope, frame)
      } catch (thrown) {
        if (
          thrown instanceof Cancelled ||
          state.type === 'Task' ||
          state.type === 'Map' ||
          state.type === 'Parallel'
        ) {
          throw thrown
        }
        throw recordFailure(scope, frame, thrown)
      }
      if (scope.cancellation.reason() !== undefined) throw CANCELLED
      assignVariables(scope, step)
      const { output, assigned } = step
      if (state.type !== 'Fail') {
        emit(scope, `${state.type}StateExited`, () =>
          assigned === undefined ? { output } : { output, assignedVariables: assigned },
        )
      }
      scope.open = undefined
      if (step.next === undefined) return step.output
      name = step.next
      value = step.output
    }
  }
}
