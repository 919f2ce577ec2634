import type { Engine } from '../engine/engine.ts'
import { quoteIdentifier } from '../engine/sql.ts'

/**
 * How many distinct values of the columns together occur more than once in `rows`, a SELECT; exact. As in SQL, a row
 * with NULL in one of them is like no other. The grouping spills to disk at the engine's memory limit.
 */
export async function countDuplicates(
  engine: Engine,
  rows: string,
  columns: readonly string[],
): Promise<number> {
  const names = columns.map(quoteIdentifier)
  const [row] = await engine.rows<{ duplicated: bigint }>(`
    SELECT count(*) AS duplicated FROM (
      SELECT ${names.join(', ')} FROM (${rows})
      WHERE ${names.map((name) => `${name} IS NOT NULL`).join(' AND ')}
      GROUP BY ${names.join(', ')} HAVING count(*) > 1)`)
  return Number(row!.duplicated)
}
