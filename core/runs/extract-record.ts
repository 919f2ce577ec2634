import type { ByteRange } from '../sources/line-ranges.ts'
import type { ObjectPin } from '../stores/object-store.ts'
import type { Verdict } from './gates.ts'

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

/** An object to read, whole or in part. */
export interface SourcePin extends ObjectPin {
  /** Of a shard: the part of the object that it reads. */
  readonly range?: ByteRange
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
