import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { expect, test } from 'vitest'
import { decodeBounds } from '../../core/tables/scan.ts'
import { typeText } from '../../core/tables/types.ts'
import { projectWith, runAndJudge, tableNow } from '../support/contract-project.ts'
import { runProject } from '../support/project.ts'

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

/** Writes a Parquet file into the landing folder. */
async function deliverParquet(project: string, name: string, select: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run(`COPY (${select}) TO '${join(project, 'landing', name)}.parquet' (FORMAT parquet)`)
  connection.closeSync()
  instance.closeSync()
}

test('a Parquet column without a contract becomes the nested type that it is', async () => {
  const project = projectWith(`
  - name: events
    source: { connection: landing, path: "*.parquet", format: parquet }
    sink: { table: bronze.events, load_type: append }
`)
  await deliverParquet(
    project,
    'a',
    "SELECT 1 AS id, [{'k': 1::UTINYINT, 'm': MAP {'x': [1.5::DOUBLE, NULL]}}] AS c, MAP {} AS none UNION ALL SELECT 2, NULL, NULL",
  )
  expect((await runAndJudge(project, 'r1', 'events')).message).toBe('')
  const events = (await tableNow(project, 'bronze.events'))!
  expect(events.schema.fields.slice(0, 3).map(({ type }) => typeText(type))).toEqual([
    'int',
    'list<struct<k: int, m: map<string, list<double>>>>',
    'map<int, int>',
  ])
  expect(events.rows).toEqual([
    { id: 1, c: [{ k: 1, m: { x: [1.5, null] } }], none: {} },
    { id: 2, c: undefined, none: undefined },
  ])
  await deliverParquet(project, 'b', 'SELECT 3 AS id, [INTERVAL 1 DAY] AS c, MAP {1: 1} AS none')
  const refused = await runAndJudge(project, 'r2', 'events')
  expect([refused.code, refused.message]).toEqual([
    'COLUMN_TYPE_UNSUPPORTED',
    expect.stringContaining('c[] has type INTERVAL'),
  ])
})

test('rules over the row see nested values, and only of rows whose nested values are of their types', async () => {
  const project = projectWith(`
  - name: orders
    source: { connection: landing, path: "*.ndjson", format: ndjson }
    contract:
      enforcement: quarantine
      quarantine: { pii_policy: preserve }
      columns:
        id: { type: integer }
        items: { type: list, items: { type: struct, fields: { price: { type: integer, min: 0, severity: warn } } } }
      rules: [{ name: some, expr: "len(items) > 0 AND items[1].price < 10" }]
    sink: { table: bronze.orders, load_type: append }
`)
  const lines = [
    { id: 1, items: [{ price: 9 }] },
    { id: 2, items: [] },
    { id: 3, items: [{ price: 10 }] },
    { id: 4, items: [{ price: 'x' }] },
    { id: 5, items: [{ price: -1 }] },
  ]
  writeFileSync(join(project, 'landing', 'a.ndjson'), lines.map((line) => JSON.stringify(line)).join('\n'))
  const { record, message } = await runAndJudge(project, 'r1', 'orders')
  expect(message).toBe('')
  expect(record?.by_reason.map(({ column, rule, count }) => `${column} ${rule} ${count}`).sort()).toEqual([
    'items[].price type 1',
    'null row_rule 2',
  ])
  expect(record?.rules.filter(({ count }) => count > 0)).toEqual([
    { column: 'items[].price', rule: 'type', severity: 'error', count: 1 },
    { column: 'items[].price', rule: 'min', severity: 'warn', count: 1 },
    { column: null, rule: 'row_rule', name: 'some', severity: 'error', count: 2 },
  ])
  expect((await tableNow(project, 'bronze.orders'))!.rows.map(({ id }) => id)).toEqual([1, 5])
})

test('checks and watermarks are of single values', async () => {
  const project = projectWith(`
  - name: events
    source: { connection: landing, path: "*.parquet", format: parquet, watermark_columns: [c] }
    sink: { table: bronze.events, load_type: append }
  - name: checked
    source: { connection: landing, path: "*.parquet", format: parquet }
    contract: { checks: [{ name: n, unique: [c] }] }
    sink: { table: bronze.checked, load_type: append }
`)
  await deliverParquet(project, 'a', 'SELECT 1 AS id, [1] AS c')
  const { result } = await runProject(project, { run_id: 'r1' })
  expect(result.dataflows.map(({ error }) => error?.code).sort()).toEqual([
    'CHECK_TYPE_REFUSED',
    'WATERMARK_NESTED',
  ])
})
