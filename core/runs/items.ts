import type { CheckFinding, CheckResult } from '../contract/checks.ts'
import type { Usage } from '../cost/usage.ts'
import type { ErrorSummary } from '../errors.ts'
import type { ObjectRef } from '../stores/object-ref.ts'
import type { Item } from '../stores/state-store.ts'

/**
 * A dataflow that is still `running` in a sealed run has no known outcome: its attempt could not be settled.
 * Its lease blocks it until the next admission raises the fence and reads the commit record back.
 */
export type FlowStatus = 'pending' | 'running' | 'succeeded' | 'skipped' | 'failed'

/** Why a dataflow was skipped, is still pending in a sealed run, or was cut off while it was at work. */
export type FlowReason = 'nothing_new' | 'upstream_failed' | 'stopping' | CutOff

/** By somebody who asked for it, or because the process or the execution at work on it ended. */
export type CutOff = 'cancelled' | 'interrupted'

/** Row counts of one attempt. `read` = `accepted` + `quarantined` + `filtered` + `deduplicated`, always. */
export interface RowCounts {
  readonly read: number
  readonly accepted: number
  readonly quarantined: number
  /** At or before the watermark, or left out by the filter of the transformers. */
  readonly filtered: number
  /** A later row of the load has replaced them. */
  readonly deduplicated: number
  /** Of the filtered: those that the filter left out. Absent where there is no filter. */
  readonly filtered_by_rule?: number
  /** Of the accepted: those that break a rule of severity `warn`. Absent where there is no such rule. */
  readonly warned?: number
}

/** What failed and let the load go on all the same: checks of the severity `warn`. */
export interface Warnings {
  readonly count: number
  /** The first ten; the evidence has all. */
  readonly checks: readonly (Pick<CheckResult, 'name'> & CheckFinding)[]
}

/** Who asked for the end of a run. */
export interface Cancellation {
  /** `user@machine`, as the machine of the person says it. */
  readonly by: string
  /** ISO 8601, UTC. */
  readonly at: string
  /** What was at work was cut off; else it went on to its own end. */
  readonly now?: true
}

export interface RunItem extends Item {
  readonly run_id: string
  readonly project: string
  readonly status: 'running' | 'succeeded' | 'failed'
  /** ISO 8601, UTC. */
  readonly started_at: string
  readonly finished_at?: string
  readonly manifest: ObjectRef
  readonly plan: ObjectRef
  /** Who planned it, or resumed it last: where no dataflow holds a lease, it tells whether anybody is at work. */
  readonly worker: string
  /** The workflow's execution that planned it, or resumed it last. */
  readonly execution: string
  /** A dataflow failed under `stop_on_error`, or somebody cancelled the run: no further one is admitted. */
  readonly stopping: boolean
  readonly cancelled?: Cancellation
  readonly result?: ObjectRef
  /** Of the run's own handlers; its dataflows have theirs. */
  readonly usage?: Usage
}

export interface FlowItem extends Item {
  readonly dataflow: string
  readonly status: FlowStatus
  readonly reason?: FlowReason
  /** The newest attempt, from 1; 0 before the first. */
  readonly attempt: number
  /** The newest attempt's position among the tries of this execution, for `retry_count`. */
  readonly tries: number
  readonly rows?: RowCounts
  readonly warnings?: Warnings
  readonly table?: string
  readonly snapshot_id?: string | null
  readonly gate?: string
  readonly error?: ErrorSummary
  readonly evidence?: ObjectRef
  readonly quarantine?: ObjectRef
  /** ISO 8601, UTC: of the newest attempt; both are absent in a run that goes on with the dataflow, until it begins. */
  readonly started_at?: string
  readonly finished_at?: string
  /** Of all its admissions and settled attempts. What died without being settled is not in it. */
  readonly usage?: Usage
}

export interface Lease {
  readonly run_id: string
  readonly attempt: number
  readonly worker: string
  /** Milliseconds since the epoch; after it anybody may take the lease over (the fence makes that safe). */
  readonly expires_at: number
}

export interface HeadItem extends Item {
  /** Grows by one with every admission; a write of an older fence fails. */
  readonly fence: number
  readonly lease: Lease | null
  /** The run whose commit is the newest. */
  readonly last_commit: string | null
  /** The newest index of rejected rows that an attempt has settled with, by which a row that is rejected again is known. */
  readonly quarantine?: ObjectRef
}

/** The source state that a commit entitles to, and the version that it must replace. */
export interface SourceStateChange {
  readonly previous_version: number
  readonly state: SourceState
}

export type SourceState =
  /** Values in the grammar of the column's type, by watermark column (output name). */
  | {
      readonly kind: 'watermark'
      readonly values: Readonly<Record<string, string | null>>
      readonly inputs: string
    }
  /** Every object that was ever loaded; in a file of its own when they are many. */
  | { readonly kind: 'objects'; readonly loaded: ObjectRef | LoadedObjects; readonly inputs: string }
  /** Reads everything every time; `inputs` is for the evidence only. */
  | { readonly kind: 'full'; readonly inputs: string }

/** Objects by key with the version that was loaded. */
export interface LoadedObjects {
  readonly objects: Readonly<Record<string, string>>
}

export interface SourceStateItem extends Item {
  /** From 1; 0 stands for "no item yet". */
  readonly version: number
  readonly run_id: string
  /** `namespace.name` of the table that holds what the state counts as loaded. */
  readonly table: string
  readonly state: SourceState
  readonly updated_at: string
}

export interface CommitItem extends Item {
  readonly run_id: string
  readonly dataflow: string
  readonly attempt: number
  readonly fence: number
  readonly table: string
  readonly snapshot_id: string | null
  readonly base_location: string | null
  readonly metadata_location: string
  readonly rows: RowCounts
  readonly evidence: ObjectRef
  readonly quarantine?: ObjectRef
  readonly warnings?: Warnings
  /** The attempt may have left files that the commit does not refer to: it staged or judged more than once. */
  readonly leftovers: boolean
  readonly source_state: SourceStateChange
  readonly committed_at: string
}
