import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadProject } from '../../index.ts'

/** Dataflows over files of a few rows: one that works, one whose file is not there yet, one for a schedule. */
const manifest = (landing: string) => `version: 1
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
`

export async function smallProject(landing: string) {
  const directory = await mkdtemp(join(tmpdir(), 'orders-'))
  try {
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, 'sluice.yaml'), manifest(landing))
    return (await loadProject(directory)).rendered
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
