import type { ScanColumn } from '../contract/scan.ts'
import { quoteIdentifier } from '../engine/sql.ts'
import type { ReadPorts } from '../ports.ts'
import type { StagedFile } from '../runs/contract-record.ts'
import { pinLive } from '../sources/inputs.ts'
import { type ColumnRef, columnsSelect, downloadColumns } from '../sources/parquet-ranges.ts'
import type { ObjectPin } from '../stores/object-store.ts'
import { listDataFiles } from '../tables/scan.ts'
import { mapParallel } from '../tables/table-files.ts'
import { columnTypeOf } from './iceberg-types.ts'
import type { Target } from './target.ts'

type Stores = Pick<ReadPorts, 'lake' | 'engines'>

/**
 * How many distinct values of the columns together the new files hold that the table has already. A row with NULL in
 * one of them is like no other. It reads those columns alone of all of the table's files, by field id, so that files
 * from before one was renamed or widened count as well; memory grows with the distinct new values only.
 */
export async function countPresent(
  ports: Stores,
  target: Target,
  added: readonly StagedFile[],
  columns: readonly Pick<ScanColumn, 'name' | 'field_id'>[],
  signal: AbortSignal,
): Promise<number> {
  const live = await listDataFiles(ports.lake, target.metadata)
  const known = columns.flatMap(({ name, field_id }): ColumnRef[] => {
    const field = target.schema.fields.find((candidate) => candidate.id === field_id)
    return field === undefined ? [] : [{ name, field_id, type: columnTypeOf(field.type, field.name) }]
  })
  // A column that the table does not have yet is NULL in all of its rows.
  if (live.length === 0 || added.length === 0 || known.length < columns.length) return 0
  return await ports.engines.use(
    async (engine) => {
      const fresh = await downloadColumns(ports.lake, engine, pinsOf(added), known)
      const pins = await mapParallel(live, (file) => pinLive(ports.lake, file))
      const table = await downloadColumns(ports.lake, engine, pins, known)
      if (fresh.length === 0 || table.length === 0) return 0
      const names = known.map(({ name }) => quoteIdentifier(name))
      const present = names.map((name) => `${name} IS NOT NULL`).join(' AND ')
      const [row] = await engine.rows<{ present: bigint }>(
        `SELECT count(*) AS present
         FROM (SELECT DISTINCT ${names.join(', ')} FROM (${columnsSelect(fresh, known)}) WHERE ${present}) fresh
         SEMI JOIN (${columnsSelect(table, known)}) present USING (${names.join(', ')})`,
      )
      return Number(row?.present ?? 0)
    },
    { signal },
  )
}

/** What a file of a load is, to those that read it back. */
export function pinsOf(files: readonly StagedFile[]): ObjectPin[] {
  return files.map(({ object, etag }) => ({ key: object.key, size: object.size, etag }))
}
