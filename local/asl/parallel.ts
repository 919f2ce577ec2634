import { runChildren } from './children.ts'
import { dataLimit } from './errors.ts'
import { finish, type Step } from './finish.ts'
import { exceeds } from './json.ts'
import type { Flow, ParallelState } from './model.ts'
import { bindingsOf, emit, type Frame, type Scope } from './runtime.ts'
import { evaluate } from './template.ts'

/** One attempt of a Parallel: every branch gets the same input; the result is the list of their outputs. */
export async function attemptParallel(scope: Scope, frame: Frame, state: ParallelState): Promise<Step> {
  const input =
    state.arguments === undefined ? frame.input : await evaluate(state.arguments, bindingsOf(scope, frame))
  if (exceeds(input)) throw dataLimit(state.name, false)
  emit(scope, 'ParallelStateStarted')
  const result = await runChildren(scope, frame, {
    count: state.branches.length,
    limit: state.branches.length,
    iterations: false,
    prepare: async (index) => ({ flow: state.branches[index] as Flow, input }),
  })
  emit(scope, 'ParallelStateSucceeded', undefined, { aside: true })
  if (exceeds(result)) throw dataLimit(state.name, false)
  return finish(scope, frame, { result }, result, state)
}
