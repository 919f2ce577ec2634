import { DuckDBInstance } from '@duckdb/node-api'
import { report } from '../measure.ts'

/** The floor: DuckDB's own typed reader and writer. Arguments: CSV, Parquet, columns as a struct literal. */
const [csv, parquet, columns] = process.argv.slice(2) as [string, string, string]
const instance = await DuckDBInstance.create(':memory:', {
  threads: '2',
  memory_limit: '1GB',
  preserve_insertion_order: 'false',
})
const connection = await instance.connect()
const source = `read_csv('${csv}', auto_detect = false, header = true, ignore_errors = true, columns = ${columns})`
await connection.run(`COPY (SELECT * FROM ${source}) TO '${parquet}' (FORMAT parquet, COMPRESSION zstd)`)
report()
