import type { ScanTransformers } from '../contract/scan-transformers.ts'
import type { RuleValue } from '../contract/types.ts'

/**
 * What becomes of the rows between reading and judging. The order is fixed and is that of the keys here, whatever
 * order they are written in; inside a list it is the list's. The contract judges what comes out.
 *
 * Columns are named as the source or as `column_names` spells them, before `rename`.
 */
export interface Transformers {
  readonly values?: readonly ValueRule[]
  /** Per column of text the format of its dates or timestamps (formats.ts). */
  readonly formats?: Readonly<Record<string, string>>
  readonly hash_columns?: readonly HashColumn[]
  readonly deduplicate?: Deduplicate
  readonly computed?: readonly ComputedColumn[]
  /** SQL over a row (core/contract/row-expression.ts). Rows for which it is not true are left out. */
  readonly filter?: string
  readonly masking?: readonly MaskingRule[]
  /** The columns that stay, in this order. Not with `drop`. */
  readonly select?: readonly string[]
  /** The columns that go. Not with `select`. */
  readonly drop?: readonly string[]
  /** New name by old one, all at once. */
  readonly rename?: Readonly<Record<string, string>>
}

interface OverColumns {
  readonly columns: readonly string[]
}

/** NULL stays NULL, except in `fill_null`. */
export type ValueRule = OverColumns &
  (
    | { readonly operation: 'trim' | 'upper' | 'lower' | 'empty_to_null' }
    /** Every match of the RE2 `pattern` becomes the text `replacement`, in which nothing has a meaning. */
    | { readonly operation: 'regex_replace'; readonly pattern: string; readonly replacement: string }
    | { readonly operation: 'fill_null'; readonly value: RuleValue }
    | {
        readonly operation: 'map'
        readonly mapping: Readonly<Record<string, string>>
        /** What becomes of a value that `mapping` has not. */
        readonly on_unmapped: 'keep' | 'null'
      }
  )

/** A new column with the SHA-256 of others, serialised as DataCoolie's `dc_hash_v1` does (hash.ts). */
export interface HashColumn extends OverColumns {
  readonly name: string
}

/** Of the rows of the load that agree in `columns` the latest stays. */
export interface Deduplicate extends OverColumns {
  /** The first decides, then the next; the greatest value is the latest, NULL the earliest. */
  readonly latest_by: readonly string[]
  /** Whether all of several latest rows stay; otherwise the greatest of them by the source's columns in their order. */
  readonly keep_ties: boolean
}

/** A new column, SQL over a row. It sees what stands before it in the list. */
export interface ComputedColumn {
  readonly name: string
  readonly expr: string
}

/** NULL stays NULL. */
export type MaskingRule = OverColumns &
  (
    | { readonly method: 'redact'; readonly value: RuleValue }
    | { readonly method: 'nullify' }
    /** What lies between the first `keep_start` and the last `keep_end` characters becomes one `mask_char`. */
    | {
        readonly method: 'partial'
        readonly keep_start: number
        readonly keep_end: number
        readonly mask_char: string
      }
    /** The largest multiple of `bucket_size` that is not above the number. */
    | { readonly method: 'numeric_bucket'; readonly bucket_size: number }
    | { readonly method: 'date_truncate'; readonly unit: 'year' | 'month' | 'day' | 'hour' }
  )

/** Transformers that know their source's columns: what the scan runs, and what an auditor reads. */
export interface TransformerPlan extends ScanTransformers {
  /** Of all that the scan runs. */
  readonly sha256: string
  /** Per output column the source's columns that it is made of, and by which transformers. */
  readonly lineage: readonly ColumnLineage[]
}

export interface ColumnLineage {
  readonly column: string
  readonly from: readonly string[]
  /** In their order: `trim`, `format`, `hash`, `partial`. Empty: the column passes as it is. */
  readonly by: readonly string[]
}
