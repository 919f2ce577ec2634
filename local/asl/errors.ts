/** One thing that is wrong with a definition: where (a JSON pointer) and what. */
export interface Finding {
  readonly path: string
  readonly problem: string
}

/** The definition, or what an execution was started with, is refused. Carries every finding, not the first. */
export class StateMachineError extends Error {
  readonly code = 'STATE_MACHINE_INVALID'
  readonly findings: readonly Finding[]

  constructor(findings: readonly Finding[]) {
    super(findings.map((f) => `${f.path === '' ? '/' : f.path}: ${f.problem}`).join('\n'))
    this.name = 'StateMachineError'
    this.findings = findings
  }
}

export interface FailureParts {
  /** The error name that Retry and Catch match. Absent only for a Fail state without Error. */
  readonly error?: string | undefined
  readonly cause?: string | undefined
  /** No Retry or Catch sees it, at any level: it ends the execution (States.Runtime, an oversized output). */
  readonly terminal?: boolean
  /** A missed heartbeat: reported as States.Timeout, matched by States.HeartbeatTimeout too. */
  readonly heartbeat?: boolean
  /** Set when an expression failed: the field, as in `Output/rows`. */
  readonly location?: string | undefined
  /** The cause still needs "An error occurred while executing the state …" in front. */
  readonly inState?: boolean
}

/** A state failed. It travels from the state to the Retry or Catch that takes it, or to the end of the execution. */
export class StatesError extends Error {
  readonly parts: FailureParts

  constructor(parts: FailureParts) {
    super(`${parts.error ?? 'the state failed'}${parts.cause === undefined ? '' : `: ${parts.cause}`}`)
    this.name = 'StatesError'
    this.parts = parts
  }
}

/** Thrown where a cancelled execution, branch or iteration stops; never an outcome by itself. */
export class Cancelled extends Error {}

/** One instance is enough, and it saves a stack capture per cancelled iteration. */
export const CANCELLED: Cancelled = new Cancelled('cancelled')

/** An expression failed, or its value has the wrong type. `location` is the field, as in `Output/rows`. */
export function queryError(location: string | undefined, cause: string): StatesError {
  return new StatesError({ error: 'States.QueryEvaluationError', cause, location, inState: true })
}

/** What Step Functions itself cannot go on from. Nothing retries or catches it. */
export function runtimeError(cause: string): StatesError {
  return new StatesError({ error: 'States.Runtime', cause, terminal: true, inState: true })
}

/** A value over 256 KiB. `terminal` at a transition, where no Catch is consulted any more. */
export function dataLimit(what: string, terminal: boolean): StatesError {
  const cause = `The state/task '${what}' returned a result with a size exceeding the maximum number of bytes service limit.`
  return new StatesError({ error: 'States.DataLimitExceeded', cause, terminal })
}

/** Anything thrown inside the interpreter, as a failure of the state in which it was thrown. */
export function asStatesError(thrown: unknown): StatesError {
  if (thrown instanceof StatesError) return thrown
  return runtimeError(thrown instanceof Error ? thrown.message : String(thrown))
}
