import { createCancellation } from './cancellation.ts'
import { CANCELLED, Cancelled, StatesError } from './errors.ts'
import { runLanes } from './lanes.ts'
import type { Flow } from './model.ts'
import { emit, emitAborted, type Frame, type Scope } from './runtime.ts'

/** Why siblings stop when one branch or iteration failed. */
const SIBLING_FAILED = 'a sibling failed'

/**
 * Runs flows inside a state (branches, iterations), at most `limit` at a time, in order of their index. The first
 * failure cancels the others; then, when all have stopped, it is thrown. Nothing is started after it.
 */
export async function runChildren(
  scope: Scope,
  frame: Frame,
  options: {
    readonly count: number
    readonly limit: number
    /** Iterations of a map have an index in events and `$states.context.Map`. */
    readonly iterations: boolean
    prepare(index: number): Promise<{ readonly flow: Flow; readonly input: unknown; readonly map?: unknown }>
  },
): Promise<unknown[]> {
  const results = new Array<unknown>(options.count)
  const group = createCancellation(scope.cancellation)
  const startedAt = scope.lastEvent
  const children = new Set<Scope>()
  frame.children = children
  let failure: unknown
  let next = 0

  const fail = (child: Scope | undefined, index: number, thrown: unknown): void => {
    if (failure !== undefined) return
    failure = thrown
    if (thrown instanceof Cancelled || scope.cancellation.reason() !== undefined) return
    // A terminal failure ends the execution without a word from the states around it, as on AWS.
    if (thrown instanceof StatesError && thrown.parts.terminal !== true) {
      const details = () => ({ name: frame.state.name, index })
      if (options.iterations && child !== undefined) {
        emit(scope, 'MapIterationFailed', details, { aside: true })
      }
      if (child !== undefined) {
        emitAborted(child)
        children.delete(child)
        scope.lastEvent = child.lastEvent
      }
      for (const sibling of children) {
        if (sibling.index !== undefined) {
          const aborted = () => ({ name: frame.state.name, index: sibling.index })
          emit(scope, 'MapIterationAborted', aborted, { aside: true })
        }
        emitAborted(sibling)
      }
    }
    group.cancel(SIBLING_FAILED)
  }

  const runOne = async (index: number): Promise<void> => {
    let child: Scope | undefined
    try {
      const { flow, input, map } = await options.prepare(index)
      child = {
        run: scope.run,
        cancellation: group,
        map: map ?? scope.map,
        index: options.iterations ? index : undefined,
        variables: scope.variables,
        lastEvent: startedAt,
        open: undefined,
      }
      children.add(child)
      const details = () => ({ name: frame.state.name, index })
      if (options.iterations) emit(child, 'MapIterationStarted', details, { state: frame.state.name })
      results[index] = await scope.run.host.runFlow(child, flow, input)
      if (options.iterations) {
        emit(child, 'MapIterationSucceeded', details, { state: frame.state.name, aside: true })
      }
      scope.lastEvent = child.lastEvent
      children.delete(child)
    } catch (thrown) {
      fail(child, index, thrown)
    }
  }

  const isWorkLeft = (): boolean =>
    next < options.count && failure === undefined && scope.cancellation.reason() === undefined
  await runLanes(options.limit, isWorkLeft, async () => {
    while (isWorkLeft()) {
      const index = next
      next += 1
      await runOne(index)
    }
  })
  group.release()
  if (scope.cancellation.reason() !== undefined) throw CANCELLED
  if (failure !== undefined) {
    children.clear()
    throw failure
  }
  return results
}
