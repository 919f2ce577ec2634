import { linkSync, mkdtempSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { contractType } from '../../core/contract/nested-contract.ts'
import { scanContract } from '../../core/contract/scan.ts'
import type { ColumnContract } from '../../core/contract/types.ts'
import { openEnginePool } from '../../core/engine/engine.ts'
import { report } from '../measure.ts'

/** Judges an NDJSON file, without the gates around. Arguments: the file, its columns' contracts as JSON. */
const [file, contracts] = process.argv.slice(2) as [string, string]
const columns = Object.entries(JSON.parse(contracts) as Record<string, ColumnContract>)
const directory = mkdtempSync(join(dirname(file), 'scan-'))
const pool = openEnginePool({ directory, size: 1, threads: 2 })
const { rows_accepted, cpu } = await pool.use(async (engine) => {
  const path = join(engine.directory, basename(file))
  linkSync(file, path)
  const names = columns.map(([name]) => name)
  const input = {
    kind: 'json',
    source: file,
    path,
    columns: names,
    format: 'ndjson',
    compression: 'none',
  } as const
  const started = process.cpuUsage()
  const { rows_accepted } = await scanContract(engine, {
    inputs: [input],
    columns: columns.map(([name, contract], i) => {
      return { source: name, name, type: contractType(contract), input: 'text', field_id: i + 1, contract }
    }),
    constants: [],
  })
  const { user, system } = process.cpuUsage(started)
  return { rows_accepted, cpu: (user + system) / 1e6 }
})
await pool.close()
rmSync(directory, { recursive: true })
report({ rows: rows_accepted, scan: cpu })
