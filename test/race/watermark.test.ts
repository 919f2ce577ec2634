import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readStored } from '../support/invariants.ts'
import { asText, makeProject, runProject } from '../support/project.ts'
import { viewTable } from '../support/tables.ts'

const manifest = `version: 1
project: crash
connections:
  landing: { type: files, path: ./landing }
  warehouse: { type: lake }
dataflows:
  - name: orders
    source: { connection: landing, path: "*.csv", format: csv, watermark_columns: [day, id] }
    contract: { columns: { day: { type: date }, id: { type: bigint } } }
    sink: { connection: warehouse, table: bronze.orders, load_type: append }
`

it('no watermark column goes back when only another one goes on', async () => {
  const directory = makeProject(manifest)
  const deliveries = ['2024-05-01,9\n2024-05-02,100', '2024-05-03,5', '2024-05-04,6']
  for (const [i, rows] of deliveries.entries()) {
    writeFileSync(join(directory, 'landing', `${i}.csv`), `day,id\n${rows}\n`)
    const { result } = await runProject(directory, { run_id: `run-${i}` })
    expect(result.errors).toEqual({})
  }
  const stored = readStored(directory)
  expect(stored.items.get('DATAFLOW#crash/orders STATE')).toMatchObject({
    state: { values: { day: '2024-05-04', id: '100' } },
  })
  const { rows } = await viewTable(stored.pointers.get('bronze.orders') as string)
  const ids = asText(rows).map((row) => JSON.parse(row).id)
  expect(ids.sort((a, b) => a - b)).toEqual([5, 6, 9, 100])
  rmSync(directory, { recursive: true })
})
