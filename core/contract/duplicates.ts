import type { Engine } from '../engine/engine.ts'
import { quoteIdentifier, quoteLiterals } from '../engine/sql.ts'

/**
 * How many distinct values of `column` occur more than once in the Parquet files; exact. NULL is no value
 * and so never a duplicate. Reads that column only; the grouping spills to disk at the engine's memory limit.
 */
export async function findDuplicates(
  engine: Engine,
  paths: readonly string[],
  column: string,
): Promise<number> {
  if (paths.length === 0) return 0
  const name = quoteIdentifier(column)
  const [row] = await engine.rows<{ duplicated: bigint }>(`
    SELECT count(*) AS duplicated FROM (
      SELECT ${name} FROM read_parquet(${quoteLiterals(paths)}, union_by_name = true)
      WHERE ${name} IS NOT NULL GROUP BY ${name} HAVING count(*) > 1)`)
  return Number(row!.duplicated)
}
