import { findDuplicates } from '../contract/duplicates.ts'
import { quoteIdentifier, quoteLiterals } from '../engine/sql.ts'
import type { Ports } from '../ports.ts'
import type { StagedFile } from '../runs/records.ts'
import { pinLive } from '../sources/inputs.ts'
import { downloadColumn } from '../sources/parquet-ranges.ts'
import type { ObjectPin } from '../stores/object-store.ts'
import { listDataFiles } from '../tables/scan.ts'
import { mapParallel } from '../tables/table-files.ts'
import type { Target } from './target.ts'

type Stores = Pick<Ports, 'lake' | 'engines'>

/**
 * How many distinct values of a column in the new files the table has already. NULL is no value.
 * It reads that one column of all of the table's files; memory grows with the distinct new values only.
 */
export async function countPresent(
  ports: Stores,
  target: Target,
  added: readonly StagedFile[],
  column: string,
  signal: AbortSignal,
): Promise<number> {
  const live = await listDataFiles(ports.lake, target.metadata)
  const knowsColumn = target.schema.fields.some((field) => field.name === column)
  if (live.length === 0 || added.length === 0 || !knowsColumn) return 0
  return await ports.engines.use(
    async (engine) => {
      const fresh = await downloadColumn(ports.lake, engine, pinsOf(added), column)
      const pins = await mapParallel(live, (file) => pinLive(ports.lake, file))
      // Files from before the column was added do not have it.
      const table = await downloadColumn(ports.lake, engine, pins, column)
      if (fresh.length === 0 || table.length === 0) return 0
      const name = quoteIdentifier(column)
      const [row] = await engine.rows<{ present: bigint }>(
        `SELECT count(*) AS present FROM (SELECT DISTINCT ${name} AS k FROM ${parquet(fresh)} WHERE ${name} IS NOT NULL)
         WHERE k IN (SELECT ${name} FROM ${parquet(table)})`,
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
  column: string,
  signal: AbortSignal,
): Promise<number> {
  if (files.length === 0) return 0
  return await ports.engines.use(
    async (engine) =>
      await findDuplicates(engine, await downloadColumn(ports.lake, engine, pinsOf(files), column), column),
    { signal },
  )
}

function pinsOf(files: readonly StagedFile[]): ObjectPin[] {
  return files.map(({ object, etag }) => ({ key: object.key, size: object.size, etag }))
}

/** Files of before and after a widening hold the column in two types; the reader takes the wider one. */
function parquet(paths: readonly string[]): string {
  return `read_parquet(${quoteLiterals(paths)}, union_by_name = true)`
}
