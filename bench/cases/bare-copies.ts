import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { report } from '../measure.ts'

/** The same files as a project's, typed CSV to Parquet by DuckDB alone: no gate, no table, no state. Arguments: folder, columns. */
const [folder, columns] = process.argv.slice(2) as [string, string]
const connection = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect()
const started = performance.now()
for (const file of readdirSync(folder).filter((name) => name.endsWith('.csv'))) {
  const source = `read_csv('${join(folder, file)}', auto_detect = false, header = true, columns = ${columns})`
  await connection.run(
    `COPY (SELECT * FROM ${source}) TO '${join(folder, `${file}.parquet`)}' (FORMAT parquet, COMPRESSION zstd)`,
  )
}
report({ run: (performance.now() - started) / 1000 })
