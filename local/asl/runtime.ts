import type { Cancellation } from './cancellation.ts'
import type { Clock } from './clock.ts'
import type { HistoryEvent, HistoryEventType } from './events.ts'
import type { Bindings } from './expression.ts'
import type { Flow, State, StateMachine } from './model.ts'
import type { ObjectService } from './objects.ts'

/** What a handler is told, beside its input. */
export interface TaskContext {
  /** Aborted when the execution, the branch or the iteration ends early, and when the task times out. */
  readonly signal: AbortSignal
  /** Says "still working" to a task with HeartbeatSeconds. */
  heartbeat(): void
  /** TimeoutSeconds of the task, in milliseconds. */
  readonly timeoutMs: number | undefined
  readonly resource: string
  readonly stateName: string
  readonly executionId: string
  readonly executionName: string
  /** Retries of the state so far; 0 at the first attempt. */
  readonly retryCount: number
}

/** Does a Task's work. Input and output are copies: only JSON passes. What it throws is the task's error, by `name`. */
export type TaskHandler = (input: unknown, context: TaskContext) => Promise<unknown>

/** Finds the handler of a Task. Asked once per Task, before the execution starts. */
export type TaskResolver = (resource: string, stateName: string) => TaskHandler | undefined

export interface ExecutionOutcome {
  readonly status: 'SUCCEEDED' | 'FAILED' | 'ABORTED' | 'TIMED_OUT'
  readonly output?: unknown
  readonly error?: string
  readonly cause?: string
}

/** What all executions of one `startExecution` share: the root and the children of its Distributed Maps. */
export interface Host {
  readonly machine: StateMachine
  readonly clock: Clock
  readonly handlers: ReadonlyMap<State, TaskHandler>
  readonly objects: ObjectService | undefined
  readonly onEvent: ((event: HistoryEvent) => void) | undefined
  /** Handlers that have not settled, those of cancelled tasks included; `idle` is called when none is left. */
  readonly handlersRunning: { count: number; idle: (() => void) | undefined }
  runFlow(scope: Scope, flow: Flow, input: unknown): Promise<unknown>
  runExecution(
    run: Run,
    flow: Flow,
    input: unknown,
    timeoutSeconds: number | undefined,
  ): Promise<ExecutionOutcome>
}

/** One execution. */
export interface Run {
  readonly host: Host
  readonly id: string
  readonly name: string
  readonly parentId: string | undefined
  readonly mapRunId: string | undefined
  readonly childIndex: number | undefined
  /** `$states.context.Execution` and `.StateMachine`. */
  readonly context: { readonly Execution: unknown; readonly StateMachine: unknown }
  readonly cancellation: Cancellation
  events: number
}

/** A state that is being executed. */
export interface Frame {
  readonly state: State
  readonly input: unknown
  /** Milliseconds since the epoch. */
  readonly enteredAt: number
  readonly enteredEvent: number
  retryCount: number
  /** Running branches and iterations of a Parallel or an INLINE Map; made when the first one starts. */
  children: Set<Scope> | undefined
}

/** A flow in progress: the machine's own, a branch, an iteration. */
export interface Scope {
  readonly run: Run
  readonly cancellation: Cancellation
  /** `$states.context.Map`, inside an INLINE iteration. */
  readonly map: unknown
  /** Iteration of an INLINE map; undefined for a branch. */
  readonly index: number | undefined
  /** Own variables and those of the scopes around it, as they were when this scope was opened. */
  variables: Readonly<Record<string, unknown>>
  lastEvent: number
  open: Frame | undefined
}

/** The terminal reason of a cancelled execution. */
export type CancelReason = Omit<ExecutionOutcome, 'output'>

export function isoNow(clock: Clock): string {
  return new Date(clock.now()).toISOString()
}

/**
 * Tells the observer. An observer that throws, or whose promise rejects, changes nothing. Silent once the scope is
 * cancelled, unless `always`. Returns the event's id.
 */
export function emit(
  scope: Scope,
  type: HistoryEventType,
  details?: () => Readonly<Record<string, unknown>>,
  options: { readonly always?: boolean; readonly aside?: boolean; readonly state?: string } = {},
): number {
  const { run } = scope
  if (scope.cancellation.reason() !== undefined && options.always !== true) return scope.lastEvent
  run.events += 1
  const id = run.events
  const { onEvent, clock } = run.host
  if (onEvent !== undefined) {
    const stateName = options.state ?? scope.open?.state.name
    const event: HistoryEvent = {
      id,
      previousEventId: scope.lastEvent,
      timestamp: clock.now(),
      type,
      executionId: run.id,
      executionName: run.name,
      ...(run.parentId === undefined ? {} : { parentExecutionId: run.parentId }),
      ...(run.mapRunId === undefined ? {} : { mapRunId: run.mapRunId, childIndex: run.childIndex as number }),
      ...(stateName === undefined ? {} : { stateName }),
      ...(details === undefined ? {} : { details: details() }),
    }
    try {
      const returned: unknown = onEvent(event)
      if (returned instanceof Promise) returned.catch(() => {})
    } catch {
      // An observer's fault is not the execution's.
    }
  }
  if (options.aside !== true) scope.lastEvent = id
  return id
}

/** Records that what a scope was doing will not be finished, innermost first. Before the scope is cancelled. */
export function emitAborted(scope: Scope): void {
  const frame = scope.open
  if (frame === undefined) return
  for (const child of frame.children ?? []) {
    if (child.index !== undefined) {
      const aborted = () => ({ name: frame.state.name, index: child.index })
      emit(scope, 'MapIterationAborted', aborted, { always: true, aside: true })
    }
    emitAborted(child)
  }
  const { type } = frame.state
  if (type === 'Task' || type === 'Wait' || type === 'Parallel' || type === 'Map') {
    emit(scope, `${type}StateAborted`, undefined, { always: true })
  }
}

/** What the expressions of a state see. */
export function bindingsOf(
  scope: Scope,
  frame: Frame,
  more: { readonly result?: unknown; readonly errorOutput?: unknown; readonly map?: unknown } = {},
): Bindings {
  const { type, name } = frame.state
  const retried = type === 'Task' || type === 'Map' || type === 'Parallel'
  const map = more.map ?? scope.map
  return {
    variables: scope.variables,
    random: scope.run.host.clock.random,
    context: () => ({
      ...scope.run.context,
      State: {
        Name: name,
        EnteredTime: new Date(frame.enteredAt).toISOString(),
        ...(retried ? { RetryCount: frame.retryCount } : {}),
      },
      ...(map === undefined ? {} : { Map: map }),
    }),
    states: {
      input: frame.input,
      ...('result' in more ? { result: more.result } : {}),
      ...('errorOutput' in more ? { errorOutput: more.errorOutput } : {}),
    },
  }
}
