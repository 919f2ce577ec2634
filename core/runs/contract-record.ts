import type { CheckResult } from '../contract/checks.ts'
import type { ColumnCount, RuleCount, RuleName } from '../contract/rule-names.ts'
import type { RejectedObject } from '../contract/scan.ts'
import type { CopyStats } from '../engine/engine.ts'
import type { ObjectRef } from '../stores/object-ref.ts'
import type { PartitionText } from '../tables/partition-values.ts'
import type { Verdict } from './gates.ts'
import type { RowCounts } from './items.ts'

/** Gate 3: the judged rows, where they are, and why the others are not among them. Of shards the sum. */
export interface ContractRecord {
  readonly verdict: Verdict
  readonly rows: RowCounts
  readonly files: readonly StagedFile[]
  /** The index of the files of rejected rows (core/runs/quarantine.ts); absent where none was rejected. */
  readonly quarantine?: ObjectRef
  /** Why rows were rejected, the most frequent first. */
  readonly by_reason: readonly ReasonCount[]
  /** Every row rule that was judged, with how many rows break it: also none, and also those that only warn. */
  readonly rules: readonly RuleCount[]
  /** Values of accepted rows that were coerced, by every column where that can be; absent unless `enforcement: coerce`. */
  readonly coerced?: readonly ColumnCount[]
  /** Values of accepted rows that are none of their type, by every column that has a variant column for them. */
  readonly variants?: readonly ColumnCount[]
  /** The contract's checks, columns that are unique first; absent where it has none, or there was nothing new to check. */
  readonly checks?: readonly CheckResult[]
  readonly watermark: Readonly<Record<string, string | null>>
}

export interface ReasonCount {
  readonly column: string | null
  readonly rule: RuleName
  /** Of a `row_rule`. */
  readonly name?: string
  readonly count: number
}

/**
 * What gate 3 found in one shard. It holds no verdict: enforcement, limits and checks are matters of the whole
 * load, and are judged once, over all shards.
 */
export interface ShardRecord extends Omit<ContractRecord, 'verdict' | 'checks' | 'quarantine'> {
  readonly shard: number
  readonly quarantine?: QuarantineFile
  /** ISO 8601, UTC. */
  readonly started_at: string
  /** Milliseconds. */
  readonly duration_ms: number
}

/** A stored file of rejected rows. */
export interface QuarantineFile {
  readonly object: ObjectRef
  readonly rows: number
  /** Whose rows they are; absent where there are too many to name. */
  readonly objects?: readonly RejectedObject[]
  /** Keys of earlier files all of whose rows are in this one, too. */
  readonly supersedes?: readonly string[]
}

export interface StagedFile {
  /** In the lake; invisible until a commit refers to it. */
  readonly object: ObjectRef
  readonly etag: string
  readonly stats: Omit<CopyStats, 'file'>
  /** Value per partition field id; absent where the table is not partitioned. */
  readonly partition_values?: Readonly<Record<string, PartitionText>>
  /** Its rows stand in the table's sort order. */
  readonly sorted?: true
}
