import type { SortField } from '../tables/metadata.ts'
import type { PartitionField } from '../tables/partition.ts'
import type { Schema } from '../tables/types.ts'

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
