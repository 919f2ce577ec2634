import type { CheckResult } from '../contract/checks.ts'
import type {
  Compression,
  CsvDialect,
  RejectedObject,
  ScanColumn,
  ScanConstant,
  UnexpectedColumn,
} from '../contract/scan.ts'
import type { ColumnCount, RuleCount, RuleName } from '../contract/types.ts'
import type { CopyStats } from '../engine/engine.ts'
import type { ErrorSummary } from '../errors.ts'
import type { SchemaEvolution } from '../manifest/types.ts'
import type { ByteRange } from '../sources/line-ranges.ts'
import type { ObjectRef } from '../stores/object-ref.ts'
import type { ObjectPin } from '../stores/object-store.ts'
import type { SortField } from '../tables/metadata.ts'
import type { PartitionField } from '../tables/partition.ts'
import type { PartitionText } from '../tables/partition-values.ts'
import type { Schema } from '../tables/types.ts'
import type { TransformerPlan } from '../transformers/types.ts'
import type { RowCounts, SourceState } from './items.ts'

/** In the order in which a dataflow passes them. */
export const gateNames = [
  'extract',
  'lineage',
  'contract',
  'evolution',
  'compatibility',
  'physical_ddl',
  'stage',
  'finalize',
  'evidence',
  'audit_commit',
  'source_state',
] as const

export type GateName = (typeof gateNames)[number]

/** `nothing_new`: the attempt ends here, successfully and without a commit. */
export type Verdict = 'passed' | 'nothing_new'

/** Gate 1: exactly what will be read. */
export interface ExtractRecord {
  readonly verdict: Verdict
  readonly source: FilesPinned | TablesPinned
  /** That the contract's checks look into; absent where they look into none, or there is nothing to check. */
  readonly check_tables?: readonly TablePin[]
  /** Read beside the pinned objects, for checks that compare with them; absent where none does. */
  readonly control_counts?: readonly ControlCount[]
  /** Digest of the pins of `source`: equal inputs, equal digest. */
  readonly inputs: string
  /** Version of the source state that this attempt saw; 0 where there was none. */
  readonly state_version: number
  /** Rows are read only beyond these values, by watermark column. */
  readonly after: Readonly<Record<string, string | null>>
  /** Two and more where gate 3 reads the pins in parts; empty where one call reads all of them. */
  readonly shards: readonly Shard[]
  /** The plan that is carried out, and the run whose rejected rows are read. */
  readonly replay?: { readonly plan: string; readonly run_id: string }
}

export interface ControlCount {
  readonly check: string
  /** Of all pinned objects together. */
  readonly rows: number
  /** How many objects said it. */
  readonly objects: number
}

/**
 * A run of neighbouring pins that one call of gate 3 reads, or a range of one pin's lines. The shards of an attempt hold
 * every pin, and every line of one that is cut, exactly once.
 */
export interface Shard {
  /** Position of its first pin among the pins. */
  readonly first: number
  /** How many pins. */
  readonly count: number
  /** To read, as they lie in the store. */
  readonly bytes: number
  /** Of the only pin: its lines whose first byte lies there. */
  readonly range?: ByteRange
}

/** An object to read, whole or in part. */
export interface SourcePin extends ObjectPin {
  /** Of a shard: the part of the object that it reads. */
  readonly range?: ByteRange
}

export interface FilesPinned {
  readonly kind: 'files'
  /** The connection's path as the manifest has it. */
  readonly path: string
  readonly pins: readonly SourcePin[]
  /** The pins are in the evidence store: rows that are replayed. */
  readonly in_evidence?: true
  /** Matching objects that earlier commits have loaded, left out of `pins`. */
  readonly already_loaded: number
}

export interface TablesPinned {
  readonly kind: 'tables'
  readonly pins: readonly TablePin[]
}

export interface TablePin {
  /** `namespace.name`. */
  readonly table: string
  readonly metadata_location: string
  /** Decimal text; `null`: the table exists and has no snapshot yet. */
  readonly snapshot_id: string | null
  /** Of all data files of the snapshot. */
  readonly bytes: number
}

/** One input of the scan, without its local path: `source` is the object key, or the table for `tables`. */
export type InputDraft =
  | {
      readonly kind: 'csv'
      readonly source: string
      readonly columns: readonly string[]
      readonly dialect: CsvDialect
      readonly compression: Compression
    }
  | { readonly kind: 'parquet'; readonly source: string }
  | {
      readonly kind: 'json'
      readonly source: string
      readonly columns: readonly string[]
      readonly format: 'ndjson' | 'array'
      readonly compression: Compression
    }

/** Gate 2: what the columns are called, where they come from and which ids they carry. */
export interface LineageRecord {
  readonly inputs: readonly InputDraft[]
  readonly columns: readonly ScanColumn[]
  readonly constants: readonly ScanConstant[]
  /** What becomes of the rows between reading and judging; absent where the dataflow has no transformers. */
  readonly transformers?: TransformerPlan
  /** Columns that the table does not have and whose values set a row aside (`schema_evolution.columns`). */
  readonly unexpected: readonly UnexpectedColumn[]
  /** The draft: the table's columns as this load would have them, with the field ids that its files carry. */
  readonly schema: Schema
  /** The target's schema when the draft was made; `null`: there was no such table. */
  readonly base: Schema | null
  /** How the table is laid out, and how this load would have it. */
  readonly physical: {
    readonly before: PhysicalState | null
    readonly after: PhysicalState
    /** The fields that partition files of any age, each once. */
    readonly specs: readonly PartitionField[]
  }
  /** How the draft differs from the base; evolution judges each difference. */
  readonly differences: readonly SchemaDifference[]
}

export interface SchemaDifference {
  /** The load's name; `*` where all columns are meant. */
  readonly column: string
  readonly change: SchemaChangeName
  /** As the table has it, and as the load would have it: a type, a name, or a nullability. */
  readonly from?: string
  readonly to?: string
  /** `column` is a place inside of a list, struct or map: `address.zip`, `items.element`, `labels.value`. */
  readonly nested?: true
  /** The contract names the column, or Sluice adds it itself. */
  readonly origin?: 'contract' | 'sluice'
  /** Why no policy can allow it. */
  readonly problem?: string
}

export type SchemaChangeName =
  | 'add_column'
  | 'drop_column'
  /** The table has it, the load does not, and the table's rows stay. */
  | 'missing_column'
  | 'rename_column'
  | 'reorder_columns'
  | 'widen_type'
  /** Every value of the load's type is one of the table's type as well. */
  | 'convert_type'
  /** The same kind of values, some of which the table's type cannot hold. */
  | 'narrow_type'
  /** Another kind of values. */
  | 'change_type'
  | 'relax_nullability'
  | 'tighten_nullability'

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

/** Gate 4: one decision per difference, and the schema on both sides of them. */
export interface EvolutionRecord {
  readonly mode: string
  readonly policy: SchemaEvolution
  /** `null`: there was no table. */
  readonly before: readonly SchemaColumn[] | null
  readonly after: readonly SchemaColumn[]
  readonly decisions: readonly EvolutionDecision[]
  /** Columns of the source that were not loaded. */
  readonly ignored: readonly string[]
}

export interface SchemaColumn {
  readonly id: number
  readonly name: string
  readonly type: string
  readonly required: boolean
}

export interface EvolutionDecision extends SchemaDifference {
  /**
   * `apply`: the table changes. `convert`: it stays, and the values are written as its type. `quarantine`: the
   * same, and rows whose value is none of it are set aside. `ignore`: the column is not loaded.
   */
  readonly action: 'apply' | 'convert' | 'quarantine' | 'ignore' | 'refuse'
  /** The key of the manifest that decided, with its value. */
  readonly policy: string
  readonly why: string
}

/** Gate 5: one proof per column that the files can be read as the table. */
export interface CompatibilityRecord {
  readonly columns: readonly CompatibilityProof[]
}

export interface CompatibilityProof {
  readonly column: string
  /** Type of the judged values. */
  readonly incoming: string
  /** Type in which the files hold them. */
  readonly written: string
  readonly target: string
  readonly compatible: boolean
  readonly why: string
}

/** How a table is laid out. */
export interface PhysicalState {
  readonly partition: readonly PartitionField[]
  readonly sort: readonly SortField[]
  /** Those that the manifest or Sluice sets; the table may have others. */
  readonly properties: Readonly<Record<string, string>>
}

/** What becomes of the table's definition. */
export interface DdlPlan {
  readonly action: 'create_table' | 'alter_table' | 'none'
  readonly operations: readonly DdlOperation[]
  /** Names this very change of this very table; what a person approves. */
  readonly digest: string
}

export interface DdlOperation {
  /** What a person would have typed. */
  readonly statement: string
  /** `blocking`: the table's rows would have to be written anew. */
  readonly risk: 'metadata_only' | 'blocking'
  readonly blocker?: string
}

/** Gate 6: the table as it will be, and why it may become that now. */
export interface PhysicalDdlRecord extends DdlPlan, PhysicalState {
  readonly apply: string
  readonly why: string
  /** The approval that the commit uses up. */
  readonly approval: {
    readonly plan: string
    readonly approved_by: string
    readonly approved_at: string
  } | null
  readonly schema: Schema
}

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

export interface GateRecords {
  extract: ExtractRecord
  lineage: LineageRecord
  contract: ContractRecord
  evolution: EvolutionRecord
  compatibility: CompatibilityRecord
  physical_ddl: PhysicalDdlRecord
  stage: StageRecord
  finalize: FinalizeRecord
  evidence: EvidenceRecord
  audit_commit: AuditCommitRecord
  source_state: SourceStateRecord
}

/** What the state table keeps of one passage through one gate; a later round replaces an earlier one. */
export interface GateEntry<N extends GateName = GateName> {
  readonly gate: N
  readonly round: number
  readonly outcome: 'passed' | 'stopped'
  /** ISO 8601, UTC. */
  readonly started_at: string
  /** Milliseconds. */
  readonly duration_ms: number
  /** Present where `outcome` is `passed`. */
  readonly record?: GateRecords[N]
  /** Present where `outcome` is `stopped`. */
  readonly error?: ErrorSummary
}
