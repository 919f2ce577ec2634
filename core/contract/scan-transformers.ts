import { quoteIdentifier } from '../engine/sql.ts'
import type { RuleName } from './rule-names.ts'
import type { ScanSource } from './scan-source.ts'

/** What becomes of the rows between reading and judging (core/transformers), as SQL of the one scan. */
export interface ScanTransformers {
  /** The columns of the source that are read: {@link readAlias} in `sql`, by their position. */
  readonly reads: readonly { readonly name: string; readonly input: string }[]
  /** One SELECT over {@link readRelation}, which hands on all columns of it. */
  readonly sql: string
  /** Per column of the scan and per unexpected one what holds its value in `sql`. */
  readonly values: Readonly<Record<string, string>>
  readonly rules: readonly ScanTransformerRule[]
  /** Rows that leave unjudged; the first that applies to a row counts. */
  readonly removes: readonly Removal[]
  /** Columns of the source that get into the table unmasked: all that quarantine may keep of a row. */
  readonly shown: readonly string[]
}

export interface Removal {
  readonly why: 'deduplicated' | 'filtered'
  /** Name of a boolean, never NULL, in `sql`. */
  readonly when: string
}

/** What a transformer needs of a row. Where it does not hold, the row is rejected. */
export interface ScanTransformerRule {
  /** As the table calls it, or else the source; `null` where it is about several. */
  readonly column: string | null
  readonly rule: RuleName
  readonly message: string
  /** Name of a boolean, never NULL, in `sql`. */
  readonly holds: string
}

export const readRelation = '_sluice_source'

export function readAlias(position: number): string {
  return `_sluice_read_${position}`
}

/**
 * The source with transformers between it and the scan. Not materialised: rows stream through it. Names that begin
 * with `_sluice_` are no source's, so none of them hides a column.
 */
export function transformedSource(source: ScanSource, { reads, sql }: ScanTransformers): ScanSource {
  const columns = reads.map(({ name }, i) => `${quoteIdentifier(name)} AS ${readAlias(i)}`)
  const read = `SELECT ${[...columns, ...source.extras].join(', ')} FROM ${source.from}`
  return {
    ...source,
    from: `(WITH ${readRelation} AS NOT MATERIALIZED (${read}) ${sql})`,
    extras: [source.file, source.row, ...(source.record?.fields ?? [])].filter((name) => name !== undefined),
  }
}
