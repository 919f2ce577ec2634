import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { appendContract } from './data.ts'

/** Of the append row: one dataflow, from `landing/rows.csv`. */
export async function writeAppendManifest(directory: string, project: string): Promise<void> {
  await writeFile(
    join(directory, 'sluice.yaml'),
    `version: 1
project: ${project}
connections:
  landing: { type: files, path: ./landing }
  warehouse: { type: lake }
dataflows:
  - name: rows
    source: { connection: landing, path: rows.csv, format: csv }
    contract: { enforcement: quarantine, columns: ${JSON.stringify(appendContract)} }
    sink: { connection: warehouse, table: bronze.rows, load_type: append }
`,
  )
}
