/**
 * The three ways in which work can fail, and the only three that a workflow has to tell apart:
 *
 * - {@link TerminalError}: the same input will fail again (contract, policy, configuration). Never retried.
 * - {@link RetryableError}: the world may be better in a moment (throttling, network, a lost lease).
 * - {@link UnknownOutcomeError}: a write was sent and its answer never came. It blocks until it is resolved.
 *
 * `name` is the class name: it is what `Retry` and `Catch` match in `state-machines/*.asl.json`.
 * `code` is stable, documented in docs/errors.md, and what people search for.
 */
export interface ErrorParts {
  /** Stable and searchable, upper snake case: `CONTRACT_REJECTED`. */
  readonly code: string
  /** What is wrong, without a final full stop. */
  readonly fact: string
  /** What follows from it: what was stopped, what stayed as it was. */
  readonly consequence?: string
  /** What the reader does next. */
  readonly next?: string
  /** Small, JSON-safe particulars; they are copied into the evidence. No row values. */
  readonly details?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

export abstract class SluiceError extends Error {
  readonly code: string
  readonly details: Readonly<Record<string, unknown>>

  constructor(parts: ErrorParts) {
    const sentences = [parts.fact, parts.consequence, parts.next].filter((s) => s !== undefined && s !== '')
    super(sentences.map((s) => (/[.!?]$/.test(s as string) ? s : `${s}.`)).join(' '), { cause: parts.cause })
    this.name = new.target.name
    this.code = parts.code
    this.details = parts.details ?? {}
  }
}

/** The same input will fail again. */
export class TerminalError extends SluiceError {}

/** Another try may succeed; nothing half-done was left behind. */
export class RetryableError extends SluiceError {}

/** A write may or may not have happened. It is read back, never guessed. */
export class UnknownOutcomeError extends SluiceError {}

/** The manifest, a run option or a selector is wrong. Nothing was read; exit code 2. */
export class ManifestError extends TerminalError {}

/** The contract judged the rows and the attempt must stop. */
export class ContractError extends TerminalError {}

/** A schema or physical change that a policy refuses. */
export class PolicyError extends TerminalError {}

/** The source is missing, unreadable, or not what it was when it was pinned. */
export class SourceError extends TerminalError {}

/** Stored bytes are not the bytes that were written. */
export class IntegrityError extends TerminalError {}

/** Another writer moved the table between our read and our commit; stage again on the new base. */
export class CommitConflictError extends RetryableError {}

/** The table's schema moved since the files were written with its field ids: draft and judge again. */
export class SchemaMovedError extends RetryableError {}

/** This attempt's fence is no longer the newest: another attempt owns the dataflow. It must write nothing more. */
export class LeaseLostError extends TerminalError {}

/** Another run holds the dataflow's lease. */
export class LeaseHeldError extends RetryableError {}

/** A stored item or object is not what a conditional write expected. Raised by the ports; callers decide what it means. */
export class ConditionFailedError extends RetryableError {
  /** Position of the first write whose condition failed, in the order they were given. */
  readonly index: number
  constructor(parts: ErrorParts & { readonly index?: number }) {
    super(parts)
    this.index = parts.index ?? 0
  }
}

/** By name, because a workflow hands errors on by name. */
const terminalNames = new Set(
  [TerminalError, ManifestError, ContractError, PolicyError, SourceError, IntegrityError, LeaseLostError].map(
    (c) => c.name,
  ),
)

/** Whether another attempt of the same work is pointless. Errors that nobody classified may be tried again. */
export function isTerminalName(name: string): boolean {
  return terminalNames.has(name)
}

export interface ErrorSummary {
  readonly name: string
  readonly code: string
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>>
}

/** What goes into gate records, evidence and results: no stack, no cause chain, no row values. */
export function summarizeError(error: unknown): ErrorSummary {
  if (error instanceof SluiceError) {
    const details = Object.keys(error.details).length > 0 ? { details: error.details } : {}
    return { name: error.name, code: error.code, message: error.message, ...details }
  }
  if (error instanceof Error) return { name: error.name, code: 'UNEXPECTED', message: error.message }
  return { name: 'Error', code: 'UNEXPECTED', message: String(error) }
}
