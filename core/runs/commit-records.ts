import type { CheckResult } from '../contract/checks.ts'
import type { ObjectRef } from '../stores/object-ref.ts'
import type { SourceState } from './items.ts'

/** Gate 7: the files that the next snapshot adds, proven to be there and whole. */
export interface StageRecord {
  readonly strategy: 'append' | 'overwrite'
  readonly base_location: string | null
  readonly files: number
  readonly rows: number
  readonly bytes: number
  /** An append's checks of the kind unique against the table: `measured` counts values that it has already. */
  readonly checks?: readonly CheckResult[]
}

/** Gate 8: the complete, invisible next state of the table. */
export interface FinalizeRecord {
  readonly base_location: string | null
  readonly metadata_location: string
  /** `null`: an append of no rows needs no snapshot. */
  readonly snapshot_id: string | null
  readonly written: readonly ObjectRef[]
}

/** Gate 9. */
export interface EvidenceRecord {
  readonly evidence: ObjectRef
}

/** Gate 10. */
export interface AuditCommitRecord {
  readonly metadata_location: string
  readonly snapshot_id: string | null
  /** The commit was found, not made: an earlier try had got through without its answer. */
  readonly found: boolean
}

/** Gate 11. */
export interface SourceStateRecord {
  readonly version: number
  readonly state: SourceState
}
