import type { CopyStats, Engine } from '../engine/engine.ts'
import type { IcebergType } from '../tables/types.ts'
import type { ColumnType } from './column-types.ts'
import type { ColumnCount, RuleCount, RuleName } from './rule-names.ts'
import { runScan } from './run-scan.ts'
import type { ScanTransformers } from './scan-transformers.ts'
import type { ColumnContract, PiiPolicy, RowRule } from './types.ts'

export interface ScanRequest {
  readonly inputs: readonly ScanInput[]
  /** In output order. */
  readonly columns: readonly ScanColumn[]
  /** Columns that are not written; a row with a value in one of them is rejected (`new_column`). */
  readonly unexpected?: readonly UnexpectedColumn[]
  /** Rules over the row, by the names of `columns`. */
  readonly rules?: readonly RowRule[]
  /** Whether texts in columns of the contract may be other spellings of a value (coercions.ts). Default false. */
  readonly coerce?: boolean
  /** Appended after `columns`, the same value in every row. */
  readonly constants: readonly ScanConstant[]
  readonly watermark?: ScanWatermark
  /** Between reading and judging; absent: the columns are judged as they are read. */
  readonly transformers?: ScanTransformers
  /** Default `reference_only`. */
  readonly pii_policy?: PiiPolicy
  /** What is written beside each rejected row. */
  readonly rejects?: RejectContext
}

/** The same for all rejected rows of one scan. Without it a scan's rows have neither contract nor time. */
export interface RejectContext {
  /** Digest of the contract that judges. */
  readonly contract_sha256: string
  /** ISO 8601, UTC. */
  readonly seen_at: string
  /** Names this scan among all scans, for rows whose place in their source no reader can tell. */
  readonly scan: string
}

/**
 * `source` is the label that quarantine rows name: the object key; `version` is the version of it that is read, as the
 * pin has it. `path` lies inside `engine.directory`.
 */
export type ScanInput =
  | {
      readonly kind: 'csv'
      readonly source: string
      readonly version?: string
      readonly path: string
      /** The file holds the lines of a part of the object, from about this byte on: their numbers are not the object's. */
      readonly from_byte?: number
      readonly columns: readonly string[]
      readonly dialect: CsvDialect
      readonly compression: Compression
    }
  | { readonly kind: 'parquet'; readonly source: string; readonly version?: string; readonly path: string }
  | {
      readonly kind: 'json'
      readonly source: string
      readonly version?: string
      readonly path: string
      /** As of a CSV file. */
      readonly from_byte?: number
      readonly columns: readonly string[]
      readonly format: 'ndjson' | 'array'
      readonly compression: Compression
    }
  | {
      readonly kind: 'sql'
      readonly source: string
      /** Digest of all that the query reads. */
      readonly version?: string
      readonly sql: string
      readonly relations: Readonly<Record<string, ScanRelation>>
    }

export type Compression = 'none' | 'gzip'

export interface CsvDialect {
  readonly delimiter: string
  readonly quote: string
  readonly escape: string
  readonly header: boolean
  /** Unquoted spellings of NULL, `['']` for the empty field. A quoted field is never NULL. */
  readonly null_values: readonly string[]
}

/** A relation that a SQL transform may name: files, and which of their columns under which name. */
export interface ScanRelation {
  readonly paths: readonly string[]
  readonly columns: readonly {
    readonly source: string
    readonly name: string
    readonly type: ColumnType
    /** Where all columns have one, the files are read by field id and `source` is not used. */
    readonly field_id?: number
  }[]
}

export interface ScanColumn {
  /** Name in the input; `null`: no transformer makes it and the input has no such column, every row holds NULL. */
  readonly source: string | null
  readonly name: string
  readonly type: ColumnType
  /** `text`, or the DuckDB type in which the input holds the column (`BIGINT`, `DECIMAL(18,2)`). */
  readonly input: 'text' | string
  readonly field_id: number
  /** Of a list, struct or map: its Iceberg type with the field ids of all that is nested in it. */
  readonly nested?: IcebergType
  readonly contract?: ColumnContract
  /** Name of another column, the text of whose values that are none of its type this one holds. */
  readonly variant_of?: string
  /** The type in which the value is written, once `type` and `contract` have judged it; one that does not survive is rejected (`narrowing`). */
  readonly stored?: ColumnType
}

export interface UnexpectedColumn {
  /** Where a transformer makes it: its own name. */
  readonly source: string
  readonly name: string
}

export interface ScanConstant {
  readonly name: string
  readonly type: ColumnType
  readonly field_id: number
  /** Text in the type's grammar. */
  readonly value: string
}

/** Rows are read where any column is beyond its `after`, or where all of them are NULL (these are rejected). */
export interface ScanWatermark {
  readonly columns: readonly { readonly name: string; readonly after?: string }[]
}

export interface ScanResult {
  readonly rows_read: number
  readonly rows_accepted: number
  readonly rows_rejected: number
  /** Rows at or before the watermark (0 for a transform, whose query leaves them out), and those that a filter left out. */
  readonly rows_filtered: number
  /** Of these, those that a filter left out. */
  readonly rows_filtered_by_rule: number
  /** Rows that a later one has replaced. */
  readonly rows_deduplicated: number
  /** Accepted rows that break a rule of severity `warn`; absent where there is no such rule. */
  readonly rows_warned?: number
  /** Every row rule of the scan, in the order of columns and then of `rules`, with how many rows break it. */
  readonly rules: readonly RuleCount[]
  /** Values that were coerced in accepted rows, by each column where that can be; absent where nothing is coerced. */
  readonly coerced?: readonly ColumnCount[]
  /** Values in accepted rows that are none of their type and went to a variant column, by every column that has one. */
  readonly variants?: readonly ColumnCount[]
  readonly accepted: readonly CopyStats[]
  readonly rejected?: RejectedFile
  /** Per watermark column the largest value read, as text in its type's grammar; `null` where there was none. */
  readonly watermark: Readonly<Record<string, string | null>>
}

export interface RejectedFile {
  /** Local Parquet; its columns: docs/quarantine.md. */
  readonly file: string
  readonly rows: number
  readonly bytes: number
  /** Whose rows they are; absent where there are more than 20. */
  readonly objects?: readonly RejectedObject[]
  readonly by_reason: readonly {
    readonly column: string | null
    readonly rule: RuleName
    readonly name?: string
    readonly count: number
  }[]
}

export interface RejectedObject {
  readonly source: string
  readonly version: string | null
  readonly rows: number
}

/**
 * Judges every row of the inputs in one pass and writes accepted and rejected rows apart.
 *
 * It asserts that the rows which the engine's readers counted are those written or filtered
 * (`IntegrityError` `ROWS_UNACCOUNTED`) and that each rejected row has a reason (`REJECT_WITHOUT_REASON`).
 * Enforcement is the caller's: under `strict` the rejected file is evidence and the accepted ones are dropped.
 * Throws `SourceError` (`SOURCE_UNREADABLE`, `CSV_LINE_TOO_LONG`, `CSV_QUOTE_UNTERMINATED`), naming the object.
 */
export async function scanContract(engine: Engine, request: ScanRequest): Promise<ScanResult> {
  return await runScan(engine, request)
}
