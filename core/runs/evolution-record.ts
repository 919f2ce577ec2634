import type { SchemaEvolution } from '../manifest/types.ts'
import type { SchemaDifference } from './lineage-record.ts'

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
