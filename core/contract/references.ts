import type { Engine } from '../engine/engine.ts'
import { quoteIdentifier } from '../engine/sql.ts'
import type { ColumnType } from './column-types.ts'
import { familyOf } from './input-type.ts'
import { sqlType } from './lake-types.ts'

/** Columns of two SELECTs, pair by pair. */
export interface ColumnPair {
  readonly column: string
  readonly to: string
}

/**
 * How many distinct values of the columns together `rows` has and `table` has not. A row with NULL in one of them
 * refers to nothing (SQL's MATCH SIMPLE). The join spills to disk at the engine's memory limit.
 */
export async function countUnmatched(
  engine: Engine,
  rows: string,
  table: string,
  pairs: readonly ColumnPair[],
): Promise<number> {
  const own = pairs.map(({ column }) => quoteIdentifier(column))
  const present = own.map((name) => `${name} IS NOT NULL`).join(' AND ')
  const same = pairs.map(({ column, to }) => `l.${quoteIdentifier(column)} = t.${quoteIdentifier(to)}`)
  const [row] = await engine.rows<{ unmatched: bigint }>(
    `SELECT count(*) AS unmatched FROM (SELECT DISTINCT ${own.join(', ')} FROM (${rows}) WHERE ${present}) l
     ANTI JOIN (${table}) t ON ${same.join(' AND ')}`,
  )
  return Number(row!.unmatched)
}

/**
 * Whether equal values of the two types are equal in SQL. Between a double and an exact number they may not be: the
 * exact one would be rounded first.
 */
export function isComparable(a: ColumnType, b: ColumnType): boolean {
  const family = familyOf(sqlType(a))
  return family !== 'other' && family === familyOf(sqlType(b)) && isRounded(a) === isRounded(b)
}

function isRounded({ type }: ColumnType): boolean {
  return type === 'float' || type === 'double'
}
