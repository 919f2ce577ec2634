import { createHash } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { readStored } from '../support/invariants.ts'
import { makeProject, runProject } from '../support/project.ts'
import { viewTable } from '../support/tables.ts'

const directory = makeProject(`version: 1
project: crash
connections: { landing: { type: files, path: ./landing }, warehouse: { type: lake } }
defaults: { sink: { connection: warehouse, load_type: overwrite } }
dataflows:
  - name: people
    source: { connection: landing, path: "*.ndjson", format: ndjson }
    contract: { columns: { id: { type: bigint }, born: { type: date }, tags: { type: list, items: { type: string } } } }
    sink: { table: bronze.people }
  - name: safe
    transform: { sql: "SELECT id, born, tags FROM {{ ref('bronze.people') }}" }
    transformers:
      hash_columns: [{ name: person, columns: [id, born] }]
      deduplicate: { columns: [id], latest_by: [born] }
      computed: [{ name: age_class, expr: "CASE WHEN born < DATE '2000-01-01' THEN 'old' ELSE 'young' END" }]
      masking: [{ method: date_truncate, columns: [born], unit: year }, { method: nullify, columns: [tags] }]
      rename: { born: born_in }
    contract: { columns: { born_in: { type: date, nullable: false }, person: { type: string, pattern: "[0-9a-f]{64}" } } }
    sink: { table: silver.safe }
`)
afterAll(() => rmSync(directory, { recursive: true }))

it('a query over a table is transformed as files are, nested columns too', async () => {
  const rows = [
    { id: 1, born: '1999-05-06', tags: ['a'] },
    { id: 1, born: '2001-05-06', tags: ['b'] },
    { id: 2, born: '1980-01-01', tags: null },
  ]
  writeFileSync(join(directory, 'landing', 'a.ndjson'), rows.map((row) => JSON.stringify(row)).join('\n'))
  const { result } = await runProject(directory, { run_id: 'first' })
  const safe = result.dataflows.find(({ dataflow }) => dataflow === 'safe')
  expect(safe).toMatchObject({ status: 'succeeded', rows: { read: 3, accepted: 2, deduplicated: 1 } })
  const { rows: stored } = await viewTable(readStored(directory).pointers.get('silver.safe') as string)
  const person = (payload: string) => createHash('sha256').update(payload).digest('hex')
  const made = stored.map(({ id, born_in, age_class, tags, person }) => ({
    id: Number(id),
    born: new Date(born_in as string).getUTCFullYear(),
    age_class,
    tags: tags ?? null,
    person,
  }))
  expect(made.sort((a, b) => a.id - b.id)).toEqual([
    { id: 1, born: 2001, age_class: 'young', tags: null, person: person('DCH1;I1:1;D10:2001-05-06;') },
    { id: 2, born: 1980, age_class: 'old', tags: null, person: person('DCH1;I1:2;D10:1980-01-01;') },
  ])
})
