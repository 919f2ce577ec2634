import { handlerNames } from '../../cdk/handlers.ts'
import type { HistoryEvent } from '../../local/asl/index.ts'

/** The states of one dataflow that call a handler, in their order; one without shards enters none of theirs. */
export const taskStates = handlerNames.filter(
  (name) => name !== 'Plan' && name !== 'Seal' && name !== 'ContractShard',
)

/** Those of them that are gates. */
export const gateStates = taskStates.filter((name) => name !== 'Admit' && name !== 'Settle')

/** A moment of a run: a handler is about to be called, or has just answered. */
export interface Boundary {
  readonly state: (typeof taskStates)[number] | 'Plan' | 'Seal'
  /** Absent for the states that are there once in a run. */
  readonly dataflow?: string
  readonly when: 'entered' | 'succeeded'
}

export function nameOfBoundary({ state, dataflow, when }: Boundary): string {
  return `${dataflow === undefined ? '' : `${dataflow} `}${state} ${when}`
}

/** An observer of a run's events that calls back when the boundary is reached, once. */
export function atBoundary(boundary: Boundary, callback: () => void): (event: HistoryEvent) => void {
  const wanted = boundary.when === 'entered' ? 'TaskStateEntered' : 'TaskSucceeded'
  const dataflows = new Map<string, string>()
  const states = new Map<string, string>()
  let done = false
  return (event) => {
    const { executionId, type } = event
    const input = event.details?.input as { readonly dataflow?: string } | undefined
    if (type === 'ExecutionStarted' && input?.dataflow !== undefined)
      dataflows.set(executionId, input.dataflow)
    // Within one child execution of a dataflow, and at the top of the run, there is one state at a time.
    if (type === 'TaskStateEntered') states.set(executionId, event.stateName as string)
    if (done || type !== wanted) return
    if (states.get(executionId) !== boundary.state || dataflows.get(executionId) !== boundary.dataflow) return
    done = true
    callback()
  }
}
