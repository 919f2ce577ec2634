import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { decodeBounds } from '../../core/tables/scan.ts'
import { typeText } from '../../core/tables/types.ts'
import { projectWith, runAndJudge, tableNow } from '../support/contract-project.ts'

/** Nested values on their way: JSON, the gate, Parquet, Iceberg, a foreign reader, ref(), and a second table. */
const flows = `
  - name: orders
    source: { connection: landing, path: "*.ndjson", format: ndjson }
    contract:
      enforcement: quarantine
      columns:
        id: { type: integer }
        address: { type: struct, fields: { zip: { type: integer, min: 1 }, city: { type: string, nullable: false } } }
        items:
          type: list
          items: { type: struct, fields: { sku: { type: string, pattern: "[A-Z]+" }, price: { type: double } } }
        labels: { type: map, keys: { type: string }, values: { type: date } }
    sink: { table: bronze.orders, load_type: append }
  - name: copied
    transform: { sql: "SELECT id, address, items, labels, [address.zip] AS zips FROM {{ ref('bronze.orders') }}" }
    sink: { table: silver.copied, load_type: overwrite }
`

const day = new Date('2024-01-05')

test('nested values are what was written, to icebird and to ref()', async () => {
  const project = projectWith(flows)
  const lines = [
    {
      id: 1,
      address: { city: 'Bonn', zip: 53111 },
      items: [{ sku: 'A', price: 1.5 }, { sku: 'B' }],
      labels: { since: '2024-01-05' },
    },
    { id: 2, address: null, items: [], labels: {} },
    { id: 3, address: { zip: 0 }, items: [{ sku: 'a' }], labels: { x: 'y' } },
    { id: 4, address: { city: 'Köln', street: 'Ring' } },
    { id: 5, items: [null] },
  ]
  writeFileSync(join(project, 'landing', 'a.ndjson'), lines.map((line) => JSON.stringify(line)).join('\n'))
  const run = await runAndJudge(project, 'r1', 'orders')
  expect(run.message).toBe('')
  expect(run.record?.rows).toMatchObject({ read: 5, accepted: 3, quarantined: 2 })
  expect(run.record?.by_reason.map(({ column, rule }) => `${column} ${rule}`).sort()).toEqual([
    'address type',
    'address.city nullable',
    'address.zip min',
    'items[].sku pattern',
    'labels{value} type',
  ])
  const rows = [
    {
      id: 1,
      address: { city: 'Bonn', zip: 53111 },
      items: [
        { sku: 'A', price: 1.5 },
        { sku: 'B', price: null },
      ],
      labels: { since: day },
    },
    { id: 2, address: undefined, items: [], labels: {} },
    { id: 5, address: undefined, items: [undefined], labels: undefined },
  ]
  const orders = (await tableNow(project, 'bronze.orders'))!
  expect(orders.rows).toEqual(rows)
  expect(
    orders.schema.fields.slice(0, 4).map(({ id, name, type }) => `${id} ${name} ${typeText(type)}`),
  ).toEqual([
    '1 address struct<city: string, zip: int>',
    '2 id int',
    '3 items list<struct<price: double, sku: string>>',
    '4 labels map<string, date>',
  ])
  const copied = (await tableNow(project, 'silver.copied'))!
  expect(copied.rows).toEqual(rows.map((row) => ({ ...row, zips: [row.address?.zip ?? null] })))
})

test('a manifest counts what is nested and bounds what is not repeated', async () => {
  const project = projectWith(flows)
  const lines = [
    {
      id: 1,
      address: { city: 'Bonn', zip: 7 },
      items: [
        { sku: 'A', price: 1 },
        { sku: 'B', price: 2 },
      ],
    },
    { id: 2, address: { city: 'Aachen' }, items: [], labels: { a: '2024-01-05' } },
  ]
  writeFileSync(join(project, 'landing', 'a.ndjson'), lines.map((line) => JSON.stringify(line)).join('\n'))
  await runAndJudge(project, 'r1', 'orders')
  const { files, schema } = (await tableNow(project, 'bronze.orders'))!
  const file = files[0]!
  const named = (path: string) => {
    const ids = { city: 7, zip: 8, price: 10, sku: 11, key: 12, value: 13 }
    return ids[path as keyof typeof ids]
  }
  const bounds = decodeBounds(file, schema)
  expect(bounds.get(named('city'))).toEqual({ lower: 'Aachen', upper: 'Bonn' })
  expect(bounds.get(named('zip'))).toEqual({ lower: 7, upper: 7 })
  // Counted as Parquet does: an empty list, and one that is not there, is one value, NULL.
  const counts = ['city', 'zip', 'price', 'sku', 'key', 'value'].map((path) => [
    Number(file.valueCounts?.get(named(path))),
    Number(file.nullValueCounts?.get(named(path))),
    bounds.has(named(path)),
  ])
  expect(counts).toEqual([
    [2, 0, true],
    [2, 1, true],
    [3, 1, false],
    [3, 1, false],
    [2, 1, false],
    [2, 1, false],
  ])
})
