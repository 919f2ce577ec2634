import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
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
const rows: (string | null)[][] = [
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

async function parquet(engine: Engine, name: string, some: Rows): Promise<string> {
  const path = join(engine.directory, name)
  const literal = (cell: string | null) => (cell === null ? 'NULL' : quoteLiteral(cell))
  const values = some.map((row) => `(${row.map(literal).join(', ')})`).join(', ')
  const typed = Object.entries(types).map(([column, type]) => `CAST("${column}" AS ${type}) AS "${column}"`)
  await engine.run(
    `COPY (SELECT ${typed.join(', ')} FROM (VALUES ${values}) t(${columns.map(quoteIdentifier).join(', ')})) TO ${quoteLiteral(path)} (FORMAT parquet)`,
  )
  return path
}

type Rows = (string | null)[][]
type Kind = (engine: Engine, rows: Rows) => Promise<{ inputs: ScanInput[]; types: readonly string[] }>

const kinds: Record<string, Kind> = {
  csv: async (engine, rows) => {
    const text = (some: Rows) =>
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
  ndjson: async (engine, rows) => {
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
  parquet: async (engine, rows) => {
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
  sql: async (engine, rows) => {
    const path = await parquet(engine, 'table.parquet', rows)
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
    const { inputs, types: described } = await kinds[kind]!(engine, rows)
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

const cell = {
  id: fc.constantFrom('1', '2', '3', null),
  name: fc.constantFrom('Ann', 'Bob', '', null),
  amount: fc.constantFrom('0.00', '1.50', '9.99', '50.00', null),
  at: fc.constantFrom('2024-01-01 00:00:00', '2024-01-02 00:00:00', '2024-01-03 12:00:00'),
}
const anyRow = fc.tuple(cell.id, cell.name, cell.amount, cell.at)
const anyAfter = fc.constantFrom(null, '2024-01-01 00:00:00')

test('whatever the source, the same rows are accepted, rejected, filtered and deduplicated', async () => {
  const judged = { ...contracts, amount: { ...contracts.amount!, max: 20 } }
  const removing: Transformers = {
    values: [{ operation: 'empty_to_null', columns: ['name'] }],
    deduplicate: { columns: ['id'], latest_by: ['at', 'amount'], keep_ties: false },
    computed: [{ name: 'double', expr: 'amount * 2' }],
    filter: 'name IS NOT NULL AND coalesce(double, 1) > 0',
  }
  const scanned = async (kind: string, given: Rows, after: string | null) =>
    await pool.use(async (engine) => {
      const { inputs, types: described } = await kinds[kind]!(engine, given)
      const { plan, columns: made } = await planTransformers({
        transformers: removing,
        columns: columns.map((name, i) => ({ name, input: described[i] as string })),
        column_names: 'lower',
        contracts: new Map(Object.entries(judged)),
        after: after === null ? {} : { at: after },
        engine,
      })
      const { result, accepted, rejected } = await scanAll(engine, {
        inputs,
        columns: made.map((column, i) => ({ ...column, field_id: i + 1 })),
        transformers: plan,
        ...(after === null ? {} : { watermark: { columns: [{ name: 'at', after }] } }),
      })
      const { rows_read, rows_accepted, rows_rejected, rows_filtered, rows_deduplicated } = result
      expect(rows_read).toBe(rows_accepted + rows_rejected + rows_filtered + rows_deduplicated)
      const reasons = rejected.map(({ reasons }) => reasons.map(({ column, rule }) => `${column} ${rule}`))
      const { rules: _, rejected: _file, accepted: _files, ...counts } = result
      return { counts, accepted, reasons: reasons.sort() }
    })
  const check = async (given: Rows, after: string | null) => {
    const csv = await scanned('csv', given, after)
    expect(csv.counts.rows_read).toBe(given.length)
    for (const kind of ['ndjson', 'parquet']) expect(await scanned(kind, given, after)).toEqual(csv)
    const sql = await scanned('sql', given, after)
    const old = after === null ? 0 : given.filter(([, , , at]) => (at as string) <= after).length
    expect({
      ...sql,
      counts: {
        ...sql.counts,
        rows_read: sql.counts.rows_read + old,
        rows_filtered: sql.counts.rows_filtered + old,
      },
    }).toEqual(csv)
  }
  const some = fc.array(anyRow, { minLength: 2, maxLength: 10 })
  await fc.assert(fc.asyncProperty(some, anyAfter, check), { numRuns: 15 })
}, 120_000)
