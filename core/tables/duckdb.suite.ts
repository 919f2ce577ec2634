import { type DuckDBConnection, DuckDBInstance, type DuckDBValue } from '@duckdb/node-api'
import { afterAll } from 'vitest'
import type { ColumnStats, FileStats } from './data-file.ts'

/** The engine as the product opens it: one thread makes row groups, and with them statistics, repeatable. */
export async function openDuckdb(): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  afterAll(() => {
    connection.closeSync()
    instance.closeSync()
  })
  await connection.run("SET TimeZone='UTC'")
  return connection
}

/** Runs `COPY (query) TO path` and returns the one row of `RETURN_STATS` in the form that the engine's room gives it. */
export async function copyTo(
  connection: DuckDBConnection,
  query: string,
  path: string,
  options = '',
): Promise<FileStats> {
  const sql = `COPY (${query}) TO '${path}' (FORMAT parquet, RETURN_STATS${options})`
  const [row] = (await connection.runAndReadAll(sql)).getRowObjects()
  const pairs = (value: unknown) => (value as { entries: { key: string; value: DuckDBValue }[] }).entries
  const columns = pairs(row?.column_statistics).map(({ key, value }): [string, ColumnStats] => {
    const stats = Object.fromEntries(pairs(value).map((pair) => [pair.key, pair.value as string]))
    return [
      key,
      {
        size: Number(stats.column_size_bytes),
        nulls: Number(stats.null_count),
        values: Number(stats.num_values),
        ...(stats.min === undefined ? {} : { min: stats.min }),
        ...(stats.max === undefined ? {} : { max: stats.max }),
        ...(stats.has_nan === undefined ? {} : { has_nan: stats.has_nan === 'true' }),
      },
    ]
  })
  return {
    rows: Number(row?.count),
    bytes: Number(row?.file_size_bytes),
    columns: Object.fromEntries(columns),
  }
}
