import { findDuplicates } from '../contract/duplicates.ts'
import { relationSelect } from '../contract/readers.ts'
import type { ScanColumn } from '../contract/scan.ts'
import { quoteIdentifier } from '../engine/sql.ts'
import type { Ports } from '../ports.ts'
import type { StagedFile } from '../runs/records.ts'
import { pinLive } from '../sources/inputs.ts'
import { type ColumnRef, downloadColumn } from '../sources/parquet-ranges.ts'
import type { ObjectPin } from '../stores/object-store.ts'
import { listDataFiles } from '../tables/scan.ts'
import { mapParallel } from '../tables/table-files.ts'
import { columnTypeOf } from './iceberg-types.ts'
import type { Target } from './target.ts'

type Stores = Pick<Ports, 'lake' | 'engines'>

/**
 * How many distinct values of a column in the new files the table has already. NULL is no value.
 * It reads that one column of all of the table's files, by its field id, so that files from before it was renamed
 * or widened count as well; memory grows with the distinct new values only.
 */
export async function countPresent(
  ports: Stores,
  target: Target,
  added: readonly StagedFile[],
  column: Pick<ScanColumn, 'name' | 'field_id'>,
  signal: AbortSignal,
): Promise<number> {
  const live = await listDataFiles(ports.lake, target.metadata)
  const field = target.schema.fields.find((candidate) => candidate.id === column.field_id)
  if (live.length === 0 || added.length === 0 || field === undefined) return 0
  const known = { ...column, type: columnTypeOf(field.type, field.name) }
  return await ports.engines.use(
    async (engine) => {
      const fresh = await downloadColumn(ports.lake, engine, pinsOf(added), known)
      const pins = await mapParallel(live, (file) => pinLive(ports.lake, file))
      // Files from before the column was added do not have it.
      const table = await downloadColumn(ports.lake, engine, pins, known)
      if (fresh.length === 0 || table.length === 0) return 0
      const name = quoteIdentifier(column.name)
      const [row] = await engine.rows<{ present: bigint }>(
        `SELECT count(*) AS present FROM (SELECT DISTINCT ${name} AS k FROM (${select(fresh, known)}) WHERE ${name} IS NOT NULL)
         WHERE k IN (SELECT ${name} FROM (${select(table, known)}))`,
      )
      return Number(row?.present ?? 0)
    },
    { signal },
  )
}

/** How many distinct values of a column occur more than once in the files together. NULL is no value. */
export async function countRepeated(
  ports: Stores,
  files: readonly StagedFile[],
  column: ColumnRef,
  signal: AbortSignal,
): Promise<number> {
  if (files.length === 0) return 0
  return await ports.engines.use(
    async (engine) =>
      await findDuplicates(
        engine,
        await downloadColumn(ports.lake, engine, pinsOf(files), column),
        column.name,
      ),
    { signal },
  )
}

function pinsOf(files: readonly StagedFile[]): ObjectPin[] {
  return files.map(({ object, etag }) => ({ key: object.key, size: object.size, etag }))
}

function select(paths: readonly string[], column: ColumnRef): string {
  return relationSelect({ paths, columns: [{ source: column.name, ...column }] })
}
