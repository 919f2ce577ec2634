import type { ContractSpec, PiiPolicy, QuarantinePolicy } from '../contract/types.ts'
import type { Replay } from '../runs/replay.ts'
import type { Transformers } from '../transformers/types.ts'

/**
 * The effective manifest: defaults merged in, schema defaults filled in, every rule of the manifest checked.
 * It is plain JSON, so that `digestOf(manifest)` names it, and it is all that planning and the gates read.
 * Keys are `snake_case` because they are the manifest's own. An optional key that nobody set is absent.
 */
export interface RenderedManifest {
  readonly version: 1
  /** Part of every state key; no `#` and no `/` in it. */
  readonly project: string
  /** Look names up with `Object.hasOwn`: they are the author's. */
  readonly connections: Readonly<Record<string, Connection>>
  /** In the order of the manifest, then of its included files in code-point order of their paths. */
  readonly dataflows: readonly Dataflow[]
  /** Of a run that replays rejected rows; no project says it. */
  readonly replay?: Replay
}

export type Connection = FilesConnection | LakeConnection

export interface FilesConnection {
  readonly type: 'files'
  /**
   * As written: a relative path (from the directory of the manifest that was loaded, for included files too),
   * `file:///…` or `s3://bucket/prefix`. Without a trailing slash.
   */
  readonly path: string
}

/** The project's one Iceberg lake; where it lies is a matter of the environment. */
export interface LakeConnection {
  readonly type: 'lake'
}

/** Exactly one of `source` and `transform` is there. */
export interface Dataflow {
  readonly name: string
  readonly description?: string
  readonly stage?: string
  /** Dataflows of one group run in buckets of `execution_order`; see core/planning/waves.ts. */
  readonly group_number?: number
  /** Only with `group_number`; 0 where it is absent. */
  readonly execution_order?: number
  readonly is_active: boolean
  readonly tags: readonly string[]
  /** Names of dataflows that must have succeeded first, besides those that `ref()` names. */
  readonly depends_on: readonly string[]
  readonly source?: FileSource
  readonly transform?: SqlTransform
  /** When a deployed stack starts it; a run that is started otherwise does not look at it. */
  readonly schedule?: Schedule | 'never'
  /** What starts it besides, once deployed. Only with a `source`. */
  readonly on?: 'object_created' | 'never'
  /** How column names are made out of the input's. */
  readonly column_names: ColumnNames
  /** What becomes of the rows between reading and judging. */
  readonly transformers?: Transformers
  readonly contract: RenderedContract
  readonly schema_evolution: SchemaEvolution
  readonly sink: LakeSink
}

/** Exactly one of `cron` and `rate` is there. */
export interface Schedule {
  /** The six fields of EventBridge Scheduler, with single spaces. */
  readonly cron?: string
  /** `15 minutes`, `1 hour`. */
  readonly rate?: string
  /** A name of the IANA database. `UTC` where there is a `rate`. */
  readonly time_zone: string
  /** From 1 to 1440; absent: the start is not put off. */
  readonly window_minutes?: number
}

/** How the table's schema may follow the load. `mode` sets the limit; the others decide inside of it, scope by scope. */
export interface SchemaEvolution {
  readonly mode: SchemaEvolutionMode
  /** Columns that come, go or are renamed. */
  readonly columns: 'evolve' | 'freeze' | 'ignore' | 'quarantine'
  /** A column whose type is wider than the table's, or another one. */
  readonly data_type: 'evolve' | 'freeze' | 'quarantine'
  /** `tighten`: a contract's `nullable: false` makes the column required in the table, too. */
  readonly nullability: 'relax' | 'freeze' | 'tighten'
  /** A column whose type is of the same kind as the table's, and holds values that the table's cannot. */
  readonly narrowing: 'fail' | 'quarantine'
  readonly column_order: 'table' | 'load'
  /** Whether changes of metadata alone are made without a person's approval. */
  readonly apply_safe: boolean
}

export type ColumnNames = 'lower' | 'snake'
export type SchemaEvolutionMode = 'strict' | 'additive' | 'widening'
export type SourceFormat = 'parquet' | 'csv' | 'ndjson' | 'json'
export type LoadType = 'append' | 'overwrite'

export interface FileSource {
  /** Name of a connection of type `files`. */
  readonly connection: string
  /** Glob relative to the connection; no `..`, no leading `/`. */
  readonly path: string
  readonly format: SourceFormat
  /** `auto`: gzip where the object's name ends in `.gz`. Never `gzip` for Parquet. */
  readonly compression: 'auto' | 'none' | 'gzip'
  /** There exactly when `format` is `csv`. */
  readonly csv?: CsvOptions
  /** Empty where `sink.load_type` is `overwrite`. */
  readonly watermark_columns: readonly string[]
  /** What happens when an object that was loaded before is another one now. */
  readonly changed_objects: 'fail' | 'append'
  /** Whether a glob that matches nothing means that there is nothing new. */
  readonly allow_missing: boolean
  /** Bytes of objects, as they lie in the store, that one call of the contract gate reads; more is read in shards. */
  readonly max_shard_bytes?: number
}

export interface CsvOptions {
  readonly delimiter: string
  readonly quote: string
  readonly escape: string
  readonly header: boolean
  /** Unquoted spellings of NULL. */
  readonly null_values: readonly string[]
}

export interface SqlTransform {
  /** One SELECT with `{{ ref('namespace.table') }}`; see core/planning/refs.ts. */
  readonly sql: string
  /** Empty where `sink.load_type` is `overwrite`, at least one where it is `append`. */
  readonly watermark_columns: readonly string[]
}

/** A contract with its defaults: what core/contract judges by. */
export interface RenderedContract extends ContractSpec {
  readonly quarantine: QuarantinePolicy & { readonly pii_policy: PiiPolicy; readonly retention_days: number }
}

export interface LakeSink {
  /** Name of a connection of type `lake`. */
  readonly connection: string
  /** `namespace.name`. */
  readonly table: string
  readonly load_type: LoadType
  /** Absent: the table stays laid out as it is. */
  readonly physical?: PhysicalDesign
}

/** How the table's files are laid out, and when changes of the table's definition may be made. */
export interface PhysicalDesign {
  /** Terms of core/tables/terms.ts; absent: as the table is, empty: unpartitioned. */
  readonly partition_by?: readonly string[]
  readonly sort_by?: readonly string[]
  readonly properties: Readonly<Record<string, string>>
  /** `128 MB`. */
  readonly target_file_size?: string
  readonly apply: 'online' | 'safe_window' | 'plan_only' | 'manual_approval'
  /** There exactly when `apply` is `safe_window`. */
  readonly window?: SafeWindow
}

export interface SafeWindow {
  /** On which the window opens; it may close on the next day. */
  readonly days: readonly Weekday[]
  /** `HH:MM`, inclusive. */
  readonly from: string
  /** `HH:MM`, exclusive. */
  readonly to: string
  /** IANA name. */
  readonly time_zone: string
}

export type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun'
