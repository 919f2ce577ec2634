import type { Expression } from './expression.ts'
import type { Template } from './template.ts'

/** A number in the definition, or an expression that gives one. */
export type NumberField = number | Expression

export interface Retrier {
  readonly errors: readonly string[]
  readonly intervalSeconds: number
  readonly maxAttempts: number
  readonly backoffRate: number
  readonly maxDelaySeconds: number | undefined
  readonly fullJitter: boolean
}

export interface Catcher {
  readonly errors: readonly string[]
  readonly next: string
  readonly output: Template | undefined
  readonly assign: Assignment | undefined
}

/** Variable names with what they are assigned. */
export type Assignment = readonly (readonly [string, Template])[]

interface Common {
  readonly name: string
  readonly path: string
  /** Undefined where the state ends its flow. */
  readonly next: string | undefined
  readonly output: Template | undefined
  readonly assign: Assignment | undefined
}

interface Guarded extends Common {
  readonly retry: readonly Retrier[]
  readonly catch: readonly Catcher[]
}

export interface TaskState extends Guarded {
  readonly type: 'Task'
  readonly resource: string
  readonly arguments: Template | undefined
  readonly timeoutSeconds: NumberField | undefined
  readonly heartbeatSeconds: NumberField | undefined
}

export interface PassState extends Common {
  readonly type: 'Pass'
}

export interface SucceedState extends Common {
  readonly type: 'Succeed'
}

export interface FailState extends Common {
  readonly type: 'Fail'
  readonly error: Template | undefined
  readonly cause: Template | undefined
}

export interface WaitState extends Common {
  readonly type: 'Wait'
  readonly seconds: NumberField | undefined
  readonly timestamp: string | Expression | undefined
}

export interface ChoiceRule {
  readonly condition: Expression
  readonly next: string
  readonly output: Template | undefined
  readonly assign: Assignment | undefined
}

export interface ChoiceState extends Common {
  readonly type: 'Choice'
  readonly rules: readonly ChoiceRule[]
}

export interface ParallelState extends Guarded {
  readonly type: 'Parallel'
  readonly arguments: Template | undefined
  readonly branches: readonly Flow[]
}

export interface ItemReader {
  readonly list: boolean
  readonly arguments: Template
  readonly inputType: 'CSV' | 'JSON' | 'JSONL' | 'MANIFEST' | undefined
  /** Undefined: the first row holds them. */
  readonly csvHeaders: readonly string[] | undefined
  readonly csvDelimiter: string
  readonly maxItems: NumberField | undefined
}

export interface ItemBatcher {
  readonly maxItems: NumberField | undefined
  readonly maxBytes: NumberField | undefined
  readonly batchInput: Template | undefined
}

export interface ResultWriter {
  /** Undefined: the results are transformed, but stay in the state's result. */
  readonly arguments: Template | undefined
  readonly outputType: 'JSON' | 'JSONL'
  readonly transformation: 'NONE' | 'COMPACT' | 'FLATTEN'
}

export interface DistributedOptions {
  readonly executionType: 'STANDARD' | 'EXPRESS'
  readonly label: string
  readonly reader: ItemReader | undefined
  readonly batcher: ItemBatcher | undefined
  readonly toleratedCount: NumberField | undefined
  readonly toleratedPercentage: NumberField | undefined
  readonly writer: ResultWriter | undefined
}

export interface MapState extends Guarded {
  readonly type: 'Map'
  readonly items: Template | undefined
  readonly itemSelector: Template | undefined
  readonly maxConcurrency: NumberField
  readonly processor: Flow
  /** Undefined for an INLINE map. */
  readonly distributed: DistributedOptions | undefined
}

export type State =
  | TaskState
  | PassState
  | SucceedState
  | FailState
  | WaitState
  | ChoiceState
  | ParallelState
  | MapState

/** A `StartAt` with its `States`: the machine itself, a branch, or an item processor. */
export interface Flow {
  readonly startAt: string
  readonly states: ReadonlyMap<string, State>
}

/** A definition that was read, checked and compiled. Immutable; any number of executions may share it. */
export interface StateMachine {
  readonly name: string
  readonly comment: string | undefined
  readonly timeoutSeconds: number | undefined
  readonly flow: Flow
  /** Every Task in the machine, nested ones included. */
  readonly tasks: readonly TaskState[]
  /** Paths of the maps that read or write objects. */
  readonly objectUsers: readonly string[]
}
