import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { report } from '../measure.ts'

/** Every CSV of a folder, typed, to Parquet by DuckDB alone: no gate, no table, no state. Arguments: from, to, columns. */
const [from, to, columns] = process.argv.slice(2) as [string, string, string]
mkdirSync(to, { recursive: true })
const connection = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect()
const started = performance.now()
for (const name of readdirSync(from)) {
  const source = `read_csv('${join(from, name)}', auto_detect = false, header = true, columns = ${columns})`
  const target = join(to, `${name}.parquet`)
  await connection.run(`COPY (SELECT * FROM ${source}) TO '${target}' (FORMAT parquet, COMPRESSION zstd)`)
}
report({ run: (performance.now() - started) / 1000 })
