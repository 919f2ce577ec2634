import { SourceError } from '../errors.ts'
import type { ReadPorts } from '../ports.ts'
import type { TablePin } from '../runs/extract-record.ts'
import { parseTable } from '../tables/identifier.ts'
import { currentSnapshot } from '../tables/metadata.ts'
import { loadTable } from '../tables/scan.ts'

/** The tables as they are now: their current metadata and snapshot. A table that does not exist is an error. */
export async function pinTables(
  ports: Pick<ReadPorts, 'catalog' | 'lake'>,
  tables: readonly string[],
): Promise<TablePin[]> {
  return await Promise.all(
    tables.map(async (table) => {
      const location = await ports.catalog.load(parseTable(table))
      if (location === undefined) throw missing(table)
      const snapshot = currentSnapshot((await loadTable(ports.lake, location)).metadata)
      const snapshot_id = snapshot === undefined ? null : String(snapshot['snapshot-id'])
      const bytes = Number(snapshot?.summary['total-files-size'] ?? 0)
      return { table, metadata_location: location, snapshot_id, bytes }
    }),
  )
}

function missing(table: string): SourceError {
  return new SourceError({
    code: 'SOURCE_TABLE_MISSING',
    fact: `table ${table} does not exist: no dataflow has committed rows to it so far`,
    consequence: 'Nothing was read or written',
    next: 'Run the dataflow that writes it first, or run without a selection so that it comes before; where it had nothing to load, there is no table yet',
  })
}
