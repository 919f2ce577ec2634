import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ExtractRecord } from '../../core/runs/extract-record.ts'
import { openAsk } from '../support/duckdb.ts'
import { makeProject } from '../support/project.ts'
import { deliverFile } from '../support/shard-project.ts'
import { deliverParts, load, ways } from './checked-load.ts'

interface Options {
  readonly spec: string
  readonly severity?: string
  readonly path?: string
  readonly format?: string
  readonly load_type?: string
  readonly max_shard_bytes: number | undefined
}

function project(options: Options): string {
  const { spec, severity = 'error', path = 'f-*.csv', format = 'csv', load_type = 'append' } = options
  const { max_shard_bytes } = options
  const limit = max_shard_bytes === undefined ? '' : `, max_shard_bytes: ${max_shard_bytes}`
  const directory = makeProject(`version: 1
project: crash
connections:
  landing: { type: files, path: ./landing }
  warehouse: { type: lake }
dataflows:
  - name: flow
    source: { connection: landing, path: "${path}", format: ${format}${limit} }
    contract:
      enforcement: quarantine
      columns: { n: { type: integer } }
      checks: [{ name: whole, severity: ${severity}, row_count_reconciliation: ${spec} }]
    sink: { connection: warehouse, table: bronze.flow, load_type: ${load_type} }
`)
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const header = 'k,n,rest_of_the_row_is_here'
/** Five rows, of which one is rejected. */
const parts = [`${header}\na,1,x\nb,bad,x\nc,3,x\n`, `${header}\nd,4,y\ne,5,y\n`]

function deliverCounts(directory: string, ...counts: readonly (string | number)[]): void {
  for (const [i, count] of counts.entries()) deliverFile(directory, `f-${i}.csv.count`, String(count))
}

describe.each(ways)('counts beside the objects, $way', ({ max_shard_bytes }) => {
  it.each([
    ['{ against: { sidecar: .count } }', [3, 2], { outcome: 'passed', measured: 5, expected: 5, limit: 0 }],
    [
      '{ against: { sidecar: .count } }',
      [3, '3\n'],
      { outcome: 'failed', measured: 5, expected: 6, limit: 0 },
    ],
    [
      '{ against: { sidecar: .count }, rows: accepted }',
      [3, 2],
      { outcome: 'failed', measured: 4, expected: 5, limit: 0 },
    ],
    [
      '{ against: { sidecar: .count }, rows: accepted, tolerance: { mode: absolute, value: 1 } }',
      [3, 2],
      { outcome: 'passed', measured: 4, expected: 5, limit: 1 },
    ],
    [
      '{ against: { sidecar: .count }, rows: judged, tolerance: { mode: pct, value: 20 } }',
      [2, 2],
      { outcome: 'failed', measured: 5, expected: 4, limit: 0.8 },
    ],
    [
      '{ against: { sidecar: .count }, tolerance: { mode: pct, value: 25 } }',
      [2, 2],
      { outcome: 'passed', measured: 5, expected: 4, limit: 1 },
    ],
  ])('%s with %j', async (spec, counts, found) => {
    const directory = project({ spec, max_shard_bytes })
    deliverParts(directory, 'f', parts)
    deliverCounts(directory, ...counts)
    const { flow, evidence, results, rows, shards } = await load(directory, 'one')
    expect(shards).toBe(max_shard_bytes === undefined ? 0 : 2)
    expect(results).toEqual([
      { name: 'whole', check: 'row_count_reconciliation', severity: 'error', ...found },
    ])
    const extract = evidence.gates.find(({ gate }) => gate === 'extract')?.record as ExtractRecord
    expect(extract.control_counts).toEqual([{ check: 'whole', rows: found.expected, objects: 2 }])
    if (found.outcome === 'passed')
      expect({ rows, status: flow.status }).toEqual({ rows: 4, status: 'succeeded' })
    else {
      const { outcome: _failed, ...details } = found
      expect(flow).toMatchObject({ gate: 'contract', error: { code: 'CHECK_FAILED', details } })
      expect(rows).toBe(0)
    }
  })

  it('as a warning it is told, and the rows are loaded', async () => {
    const directory = project({ spec: '{ against: { sidecar: .count } }', severity: 'warn', max_shard_bytes })
    deliverParts(directory, 'f', parts)
    deliverCounts(directory, 3, 3)
    const { flow, rows } = await load(directory, 'one')
    expect(flow.warnings).toEqual({
      count: 1,
      checks: [{ name: 'whole', check: 'row_count_reconciliation', measured: 5, expected: 6, limit: 0 }],
    })
    expect(rows).toBe(4)
  })

  it('an append is compared with the counts of the new objects alone', async () => {
    const directory = project({ spec: '{ against: { sidecar: .count } }', max_shard_bytes })
    deliverParts(directory, 'f', parts)
    deliverCounts(directory, 3, 2)
    await load(directory, 'one')
    deliverFile(directory, 'f-7.csv', `${header}\nz,9,z\n`)
    deliverFile(directory, 'f-7.csv.count', '1')
    const { flow, results } = await load(directory, 'two')
    expect(results).toMatchObject([{ measured: 1, expected: 1 }])
    expect(flow.status).toBe('succeeded')
  })

  it('a control file counts all objects together', async () => {
    const spec = '{ against: { control_file: control/f.json } }'
    const directory = project({ spec, path: 'f-*', load_type: 'overwrite', max_shard_bytes })
    deliverParts(directory, 'f', parts)
    mkdirSync(join(directory, 'landing', 'control'))
    deliverFile(directory, 'control/f.json', '{ "file": "f", "row_count": 5 }')
    const first = await load(directory, 'one')
    expect(first.results).toMatchObject([{ outcome: 'passed', measured: 5, expected: 5 }])
    deliverFile(directory, 'control/f.json', '{ "row_count": 50 }')
    const second = await load(directory, 'two')
    expect(second.results).toMatchObject([{ outcome: 'failed', measured: 5, expected: 50 }])
    expect(second.rows).toBe(4)
  })
})

it.each([
  ['is missing', undefined, 'CONTROL_COUNT_MISSING'],
  ['is empty', '', 'CONTROL_COUNT_INVALID'],
  ['is negative', '-1', 'CONTROL_COUNT_INVALID'],
  ['is no whole number', '2.0', 'CONTROL_COUNT_INVALID'],
  ['is too large', '9'.repeat(16), 'CONTROL_COUNT_INVALID'],
  ['is a file of another kind', ' '.repeat(70_000), 'CONTROL_COUNT_INVALID'],
])('a count that %s stops before a row is read', async (_, count, code) => {
  const directory = project({
    spec: '{ against: { sidecar: .count } }',
    severity: 'warn',
    max_shard_bytes: undefined,
  })
  deliverParts(directory, 'f', parts)
  deliverCounts(directory, 3)
  if (count !== undefined) deliverFile(directory, 'f-1.csv.count', count)
  const { flow, rows } = await load(directory, 'one')
  expect(flow).toMatchObject({ gate: 'extract', error: { name: 'SourceError', code } })
  expect(rows).toBe(0)
})

it('a count that would be loaded as rows is refused', async () => {
  const directory = project({
    spec: '{ against: { sidecar: .count } }',
    path: 'f-*',
    max_shard_bytes: undefined,
  })
  deliverParts(directory, 'f', parts)
  deliverCounts(directory, 3, 2)
  const { flow } = await load(directory, 'one')
  expect(flow).toMatchObject({ gate: 'extract', error: { code: 'CONTROL_COUNT_IN_SOURCE' } })
})

describe.each([undefined, 16_000])('the footers of Parquet files, shards of %s bytes', (max_shard_bytes) => {
  it.each([
    ['judged', { outcome: 'passed', measured: 500, expected: 500 }],
    ['accepted', { outcome: 'failed', measured: 498, expected: 500 }],
  ])('rows: %s', async (compared, found) => {
    const spec = `{ against: { parquet_footers: true }, rows: ${compared} }`
    const directory = project({ spec, path: '*.parquet', format: 'parquet', max_shard_bytes })
    const ask = await openAsk()
    for (const [i, rows] of [200, 300].entries()) {
      const path = join(directory, 'landing', `${i}.parquet`)
      // One number in each file is none of the contract's integers.
      const n = 'CASE WHEN range = 7 THEN 3000000000 ELSE range END'
      await ask(
        `COPY (SELECT ${n} AS n, md5(CAST(range AS VARCHAR)) AS k FROM range(${rows})) TO '${path}' (FORMAT parquet, COMPRESSION uncompressed)`,
      )
    }
    ask.close()
    const { flow, results, rows, shards } = await load(directory, 'one')
    expect(shards).toBe(max_shard_bytes === undefined ? 0 : 2)
    expect(results).toMatchObject([found])
    expect({ status: flow.status, rows }).toEqual(
      found.outcome === 'passed' ? { status: 'succeeded', rows: 498 } : { status: 'failed', rows: 0 },
    )
  })
})

describe('a transform against a table that it reads', () => {
  const transform = (sql: string) => {
    const directory = makeProject(`version: 1
project: crash
connections:
  landing: { type: files, path: ./landing }
  warehouse: { type: lake }
defaults: { sink: { connection: warehouse } }
dataflows:
  - name: raw
    source: { connection: landing, path: "f-*.csv", format: csv }
    sink: { table: bronze.raw, load_type: append }
  - name: flow
    transform: { sql: "${sql}" }
    contract: { checks: [{ name: whole, row_count_reconciliation: { against: { table: bronze.raw } } }] }
    sink: { table: bronze.flow, load_type: overwrite }
`)
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    deliverParts(directory, 'f', parts)
    return directory
  }

  it('as many rows pass', async () => {
    const directory = transform("SELECT k, n FROM {{ ref('bronze.raw') }}")
    const { results, rows, evidence } = await load(directory, 'one')
    expect(results).toMatchObject([{ outcome: 'passed', measured: 5, expected: 5, limit: 0 }])
    expect(rows).toBe(5)
    const extract = evidence.gates[0]?.record as ExtractRecord | undefined
    expect(extract?.check_tables).toEqual(extract?.source.pins)
  })

  it('a join that doubles rows stops', async () => {
    const directory = transform(
      "SELECT a.k FROM {{ ref('bronze.raw') }} a JOIN {{ ref('bronze.raw') }} b ON a.k = b.k OR b.k = 'a'",
    )
    const { flow, results, rows } = await load(directory, 'one')
    expect(results).toMatchObject([{ outcome: 'failed', measured: 9, expected: 5 }])
    expect(flow.error?.message).toContain('9 rows, and the independent count says 5; they may differ by 0')
    expect(rows).toBe(0)
  })
})
