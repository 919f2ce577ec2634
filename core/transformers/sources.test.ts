import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeParquet, describeSql } from '../contract/describe.ts'
import { csvInput, openTestPool, scanAll } from '../contract/scan.suite.ts'
import type { ScanInput } from '../contract/scan.ts'
import type { ColumnContract } from '../contract/types.ts'
import type { Engine } from '../engine/engine.ts'
import { quoteIdentifier, quoteLiteral } from '../engine/sql.ts'
import { planTransformers } from './plan.ts'
import type { Transformers } from './types.ts'

const pool = openTestPool()

const columns = ['id', 'name', 'amount', 'at']
const rows = [
  ['7', ' Ann ', '12.75', '2024-02-29 10:30:00'],
  ['8', null, '-0.25', '2024-03-01 00:00:00'],
  ['9', '', '3.00', '0999-12-31 23:59:59'],
]
const contracts: Record<string, ColumnContract> = {
  id: { type: 'bigint' },
  amount: { type: 'decimal', precision: 9, scale: 2 },
  at: { type: 'timestamp' },
}
const transformers: Transformers = {
  values: [
    { operation: 'trim', columns: ['name'] },
    { operation: 'fill_null', columns: ['name'], value: 'nobody' },
    { operation: 'fill_null', columns: ['amount'], value: 0 },
  ],
  hash_columns: [{ name: 'key', columns: ['id', 'name'] }],
  masking: [
    { method: 'numeric_bucket', columns: ['amount'], bucket_size: 5 },
    { method: 'date_truncate', columns: ['at'], unit: 'month' },
    { method: 'redact', columns: ['id'], value: 1 },
  ],
  select: ['key', 'amount', 'at', 'name', 'id'],
}

const types = { id: 'BIGINT', name: 'VARCHAR', amount: 'DECIMAL(9,2)', at: 'TIMESTAMP' } as const

async function parquet(engine: Engine, name: string, some = rows): Promise<string> {
  const path = join(engine.directory, name)
  const literal = (cell: string | null) => (cell === null ? 'NULL' : quoteLiteral(cell))
  const values = some.map((row) => `(${row.map(literal).join(', ')})`).join(', ')
  const typed = Object.entries(types).map(([column, type]) => `CAST("${column}" AS ${type}) AS "${column}"`)
  await engine.run(
    `COPY (SELECT ${typed.join(', ')} FROM (VALUES ${values}) t(${columns.map(quoteIdentifier).join(', ')})) TO ${quoteLiteral(path)} (FORMAT parquet)`,
  )
  return path
}

const kinds: Record<string, (engine: Engine) => Promise<{ inputs: ScanInput[]; types: readonly string[] }>> =
  {
    csv: async (engine) => {
      const text = (some: typeof rows) =>
        [columns, ...some]
          .map((row) => row.map((cell) => (cell === null ? '' : `"${cell}"`)).join(','))
          .join('\n')
      return {
        inputs: [
          csvInput(engine, text(rows.slice(0, 2)), columns),
          csvInput(engine, text(rows.slice(2)), columns, { name: 'b.csv' }),
        ],
        types: columns.map(() => 'text'),
      }
    },
    ndjson: async (engine) => {
      const path = join(engine.directory, 'a.ndjson')
      const objects = rows.map((row) => Object.fromEntries(row.map((cell, i) => [columns[i], cell])))
      writeFileSync(path, objects.map((object) => JSON.stringify(object)).join('\n'))
      const input = {
        kind: 'json',
        source: 'a',
        path,
        columns,
        format: 'ndjson',
        compression: 'none',
      } as const
      return { inputs: [input], types: columns.map(() => 'text') }
    },
    parquet: async (engine) => {
      const paths = [
        await parquet(engine, 'a.parquet', rows.slice(0, 1)),
        await parquet(engine, 'b.parquet', rows.slice(1)),
      ]
      const files = paths.map((path) => ({ source: path, path }))
      const described = await describeParquet(engine, files)
      return {
        inputs: files.map((file) => ({ kind: 'parquet', ...file })),
        types: described.map(({ input }) => input),
      }
    },
    sql: async (engine) => {
      const path = await parquet(engine, 'table.parquet')
      const relation = {
        paths: [path],
        columns: columns.map((name) => ({
          source: name,
          name,
          type: name === 'name' ? ({ type: 'string' } as const) : (contracts[name] as never),
        })),
      }
      const input = {
        kind: 'sql',
        source: 'flow',
        sql: 'SELECT * FROM r',
        relations: { r: relation },
      } as const
      return { inputs: [input], types: (await describeSql(engine, input)).map(({ input: type }) => type) }
    },
  }

test.each(Object.keys(kinds))('the same rows, transformed and judged, from %s', async (kind) => {
  await pool.use(async (engine) => {
    const { inputs, types: described } = await kinds[kind]!(engine)
    const { plan, columns: made } = await planTransformers({
      transformers,
      columns: columns.map((name, i) => ({ name, input: described[i] as string })),
      column_names: 'lower',
      contracts: new Map(Object.entries(contracts)),
      after: {},
    })
    const { result, accepted } = await scanAll(engine, {
      inputs,
      columns: made.map((column, i) => ({ ...column, field_id: i + 1 })),
      transformers: plan,
    })
    expect(made.map(({ name, type }) => [name, type.type])).toEqual([
      ['key', 'string'],
      ['amount', 'decimal'],
      ['at', 'timestamp'],
      ['name', 'string'],
      ['id', 'bigint'],
    ])
    expect(result).toMatchObject({ rows_read: 3, rows_accepted: 3, rows_rejected: 0, rows_filtered: 0 })
    expect(accepted.map(({ key: _, ...row }) => row)).toEqual(
      expect.arrayContaining([
        { amount: '10.00', at: '2024-02-01 00:00:00', name: 'Ann', id: 1n },
        { amount: '-5.00', at: '2024-03-01 00:00:00', name: 'nobody', id: 1n },
        { amount: '0.00', at: '0999-12-01 00:00:00', name: '', id: 1n },
      ]),
    )
    const payloads = ['DCH1;I1:7;S3:Ann;', 'DCH1;I1:8;S6:nobody;', 'DCH1;I1:9;S0:;']
    const digests = payloads.map((payload) => createHash('sha256').update(payload).digest('hex'))
    expect(accepted.map(({ key }) => key).sort()).toEqual(digests.sort())
  })
})

test('a type that no contract gives is the source’s, whatever a mask makes of it', async () => {
  const { columns: made } = await planTransformers({
    transformers: { masking: [{ method: 'numeric_bucket', columns: ['id'], bucket_size: 5 }] },
    columns: [{ name: 'id', input: 'SMALLINT' }],
    column_names: 'lower',
    contracts: new Map(),
    after: {},
  })
  expect(made).toMatchObject([{ type: { type: 'integer' }, input: 'HUGEINT' }])
})
