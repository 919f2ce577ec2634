import { DuckDBInstance } from '@duckdb/node-api'

export type Row = Readonly<Record<string, unknown>>

/** DuckDB of its own, apart from everything that the product does with it. */
export interface Ask {
  (sql: string): Promise<Row[]>
  close(): void
}

export async function openAsk(): Promise<Ask> {
  const instance = await DuckDBInstance.create(':memory:', { autoinstall_known_extensions: 'false' })
  const connection = await instance.connect()
  await connection.run("SET TimeZone = 'UTC'")
  const ask = async (sql: string) => (await connection.runAndReadAll(sql)).getRowObjectsJS().map(plain)
  const close = () => {
    connection.closeSync()
    instance.closeSync()
  }
  return Object.assign(ask, { close })
}

/** Values that readers of different make can be compared by: `bigint` as a number, dates as ISO text. */
export function plain(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      if (typeof value === 'bigint') return [name, Number(value)]
      return [name, value instanceof Date ? value.toISOString() : (value ?? null)]
    }),
  )
}
