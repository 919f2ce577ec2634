/** An interpreter of the Amazon States Language with JSONata. See README.md for the subset. */
export { type Clock, systemClock } from './clock.ts'
export { type Finding, StateMachineError } from './errors.ts'
export type { HistoryEvent, HistoryEventType } from './events.ts'
export { type Execution, type ExecutionOptions, startExecution } from './execution.ts'
export { type LoadOptions, loadStateMachine } from './load.ts'
export type { StateMachine } from './model.ts'
export type { ObjectService, ObjectSummary } from './objects.ts'
export type { ExecutionOutcome, TaskContext, TaskHandler, TaskResolver } from './runtime.ts'
