/** Names as in GetExecutionHistory. */
export type HistoryEventType =
  | 'ExecutionStarted'
  | 'ExecutionSucceeded'
  | 'ExecutionFailed'
  | 'ExecutionAborted'
  | 'ExecutionTimedOut'
  | `${'Task' | 'Pass' | 'Choice' | 'Wait' | 'Succeed' | 'Fail' | 'Parallel' | 'Map'}StateEntered`
  | `${'Task' | 'Pass' | 'Choice' | 'Wait' | 'Succeed' | 'Parallel' | 'Map'}StateExited`
  | `${'Task' | 'Wait' | 'Parallel' | 'Map'}StateAborted`
  | `${'Parallel' | 'Map'}State${'Started' | 'Succeeded' | 'Failed'}`
  | `MapIteration${'Started' | 'Succeeded' | 'Failed' | 'Aborted'}`
  | `MapRun${'Started' | 'Succeeded' | 'Failed' | 'Aborted'}`
  | `Task${'Scheduled' | 'Started' | 'Succeeded' | 'Failed' | 'TimedOut'}`
  | 'EvaluationFailed'

/** One event of one execution. `details` shares data with the execution: read it, do not change it. */
export interface HistoryEvent {
  /** 1, 2, 3 … within the execution. */
  readonly id: number
  /** The event that led to this one within its branch or iteration; 0 for the first. */
  readonly previousEventId: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly type: HistoryEventType
  readonly executionId: string
  readonly executionName: string
  /** Of a child of a Distributed Map: the execution that started it, its Map Run and its place in it. */
  readonly parentExecutionId?: string
  readonly mapRunId?: string
  readonly childIndex?: number
  readonly stateName?: string
  readonly details?: Readonly<Record<string, unknown>>
}
