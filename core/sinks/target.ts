import type { ReadPorts } from '../ports.ts'
import { parseTable } from '../tables/identifier.ts'
import { currentSchema, type TableMetadata } from '../tables/metadata.ts'
import { loadTable } from '../tables/scan.ts'
import type { Schema } from '../tables/types.ts'

export interface Target {
  readonly location: string
  readonly metadata: TableMetadata
  readonly schema: Schema
  /** The highest field id that the table ever gave out. */
  readonly lastColumnId: number
}

/** The table as the catalog points at it now; `undefined` where there is none. */
export async function loadTarget(
  ports: Pick<ReadPorts, 'catalog' | 'lake'>,
  table: string,
): Promise<Target | undefined> {
  const location = await ports.catalog.load(parseTable(table))
  if (location === undefined) return undefined
  const { metadata } = await loadTable(ports.lake, location)
  return { location, metadata, schema: currentSchema(metadata), lastColumnId: metadata['last-column-id'] }
}
