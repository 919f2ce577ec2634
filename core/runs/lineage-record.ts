import type { Compression, CsvDialect, ScanColumn, ScanConstant, UnexpectedColumn } from '../contract/scan.ts'
import type { PartitionField } from '../tables/partition.ts'
import type { Schema } from '../tables/types.ts'
import type { TransformerPlan } from '../transformers/types.ts'
import type { PhysicalState } from './physical-ddl-record.ts'

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
