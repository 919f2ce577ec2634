import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Dataflows over files of a few rows: one that works, one whose file is not there yet, one for a schedule. */
const manifest = (landing: string, schedule: string) => `version: 1
project: orders
connections:
  landing: { type: files, path: ${landing} }
  warehouse: { type: lake }
defaults:
  source: { connection: landing, format: csv }
  contract: { enforcement: strict, columns: { id: { type: bigint, nullable: false } } }
  sink: { connection: warehouse, load_type: append }
dataflows:
  - name: orders
    source: { path: "orders-*.csv" }
    sink: { table: sales.orders }
  - name: refunds
    source: { path: refunds.csv }
    sink: { table: sales.refunds }
  - name: customers
    source: { path: customers.csv }
    sink: { table: sales.customers, load_type: overwrite }
${schedule}`

/** Writes the project's manifest into the directory. */
export async function writeSmallProject(
  directory: string,
  landing: string,
  options: { readonly scheduled: boolean },
): Promise<void> {
  const schedule = options.scheduled ? '    schedule: { rate: 1 minute }\n' : ''
  await writeFile(join(directory, 'sluice.yaml'), manifest(landing, schedule))
}
