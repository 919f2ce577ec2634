import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Ports } from '../../core/ports.ts'
import type { ExtractRecord } from '../../core/runs/extract-record.ts'
import { makeProject, runProject } from '../support/project.ts'
import { deliverParts, load, started, ways } from './checked-load.ts'

interface Options {
  readonly check: string
  readonly columns?: string
  readonly airport?: string
  readonly max_shard_bytes: number | undefined
}

/** `airports` and `flow`, whose contract has one check; both load CSV, `flow` in files of 33 to 64 bytes. */
function project({
  check,
  columns = '',
  airport = 'id: { type: integer }',
  max_shard_bytes,
}: Options): string {
  const limit = max_shard_bytes === undefined ? '' : `, max_shard_bytes: ${max_shard_bytes}`
  const directory = makeProject(`version: 1
project: crash
connections:
  landing: { type: files, path: ./landing }
  warehouse: { type: lake }
defaults: { sink: { connection: warehouse, load_type: append } }
dataflows:
  - name: flow
    source: { connection: landing, path: "f-*.csv", format: csv${limit} }
    contract: { enforcement: quarantine, columns: { n: { type: integer }, ${columns} }, checks: [{ name: known, ${check} }] }
    sink: { table: bronze.flow }
  - name: airports
    source: { connection: landing, path: "airports-*.csv", format: csv }
    contract: { columns: { ${airport} } }
    sink: { table: bronze.airports }
`)
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const header = 'origin,n,rest_of_the_row_is_here'
const reference = 'references: { columns: [Origin], table: bronze.airports, to: [iata] }'

function airportsOf(directory: string): number {
  const text = readFileSync(join(directory, 'landing', 'airports-0.csv'), 'utf8')
  return text.trim().split('\n').length - 1
}

describe.each(ways)('references $way', ({ max_shard_bytes }) => {
  it('pass where every value is there; NULL refers to nothing', async () => {
    const directory = project({ check: reference, max_shard_bytes })
    deliverParts(directory, 'airports', ['iata,id\nSFO,1\nJFK,2\nLAX,3\n'])
    deliverParts(directory, 'f', [`${header}\nSFO,1,x\n,1,x\n`, `${header}\nJFK,2,x\nSFO,2,x\n`])
    const { flow, results, evidence, rows, shards } = await load(directory, 'one')
    expect(shards).toBe(max_shard_bytes === undefined ? 0 : 2)
    const found = { columns: ['origin'], measured: 0, limit: 0 }
    expect(results).toEqual([
      { name: 'known', check: 'references', severity: 'error', outcome: 'passed', ...found },
    ])
    expect({ rows, status: flow.status, airports: airportsOf(directory) }).toEqual({
      rows: 4,
      status: 'succeeded',
      airports: 3,
    })
    const extract = evidence.gates.find(({ gate }) => gate === 'extract')?.record as ExtractRecord
    expect(extract.check_tables).toEqual([
      expect.objectContaining({ table: 'bronze.airports', snapshot_id: expect.stringMatching(/^\d+$/) }),
    ])
  })

  it('a value that is not there stops the load', async () => {
    const directory = project({ check: reference, max_shard_bytes })
    deliverParts(directory, 'airports', ['iata,id\nSFO,1\n'])
    deliverParts(directory, 'f', [`${header}\nSFO,1,x\nJFK,1,x\n`, `${header}\nJFK,2,x\nLAX,2,x\n`])
    const { flow, results, rows } = await load(directory, 'one')
    expect(results).toMatchObject([{ outcome: 'failed', measured: 2 }])
    expect(flow).toMatchObject({
      gate: 'contract',
      error: { code: 'CHECK_FAILED', details: { check: 'known', measured: 2, limit: 0 } },
    })
    expect(flow.error?.message).toContain('2 values are not in the table that they refer to')
    expect(rows).toBe(0)
  })

  it('as a warning it is told, and the rows are loaded', async () => {
    const directory = project({ check: `severity: warn, ${reference}`, max_shard_bytes })
    deliverParts(directory, 'airports', ['iata,id\nSFO,1\n'])
    deliverParts(directory, 'f', [`${header}\nSFO,1,x\nJFK,1,x\n`, `${header}\nJFK,2,x\nLAX,2,x\n`])
    const { flow, rows } = await load(directory, 'one')
    expect(flow).toMatchObject({
      status: 'succeeded',
      warnings: { count: 1, checks: [{ name: 'known', check: 'references', measured: 2, limit: 0 }] },
    })
    expect(rows).toBe(4)
  })

  it('several columns are one value together; types of one kind compare', async () => {
    const check = 'references: { columns: [n, origin], table: bronze.airports, to: [id, iata] }'
    const directory = project({ check, airport: 'id: { type: bigint }', max_shard_bytes })
    deliverParts(directory, 'airports', ['iata,id\nSFO,1\nJFK,2\n'])
    deliverParts(directory, 'f', [`${header}\nSFO,1,x\nJFK,,x\n`, `${header}\nJFK,1,x\nJFK,2,x\n`])
    const { results } = await load(directory, 'one')
    expect(results).toMatchObject([{ outcome: 'failed', measured: 1, columns: ['n', 'origin'] }])
  })

  it('rejected rows refer to nothing', async () => {
    const directory = project({ check: reference, max_shard_bytes })
    deliverParts(directory, 'airports', ['iata,id\nSFO,1\n'])
    deliverParts(directory, 'f', [`${header}\nSFO,1,x\nJFK,bad,x\n`, `${header}\nSFO,2,x\nSFO,3,x\n`])
    const { flow, results } = await load(directory, 'one')
    expect(results).toMatchObject([{ outcome: 'passed', measured: 0 }])
    expect(flow).toMatchObject({ status: 'succeeded', rows: { accepted: 3, quarantined: 1 } })
  })
})

it('the table is looked into as it was when it was pinned, also when the gate is repeated', async () => {
  const directory = project({ check: reference, max_shard_bytes: undefined })
  deliverParts(directory, 'airports', ['iata,id\nSFO,1\n'])
  deliverParts(directory, 'f', [`${header}\nSFO,1,x\nJFK,1,x\n`])
  let moved = false
  // Between gate 1 and gate 3 another run brings the airport that is missing.
  const decorate = (ports: Ports): Ports => ({
    ...ports,
    openSource: (path) => {
      const store = ports.openSource(path)
      return {
        ...store,
        download: async (pin, to) => {
          if (pin.key.startsWith('f-') && !moved) {
            moved = true
            deliverParts(directory, 'airports-more', ['iata,id\nJFK,2\n'])
            await runProject(directory, { run_id: 'other', options: { dataflows: ['airports'] } })
          }
          return await store.download(pin, to)
        },
      }
    },
  })
  const { results } = await load(directory, 'one', { decorate })
  expect(moved).toBe(true)
  expect(results).toMatchObject([{ outcome: 'failed', measured: 1 }])
  expect((await load(directory, 'two')).results).toMatchObject([{ outcome: 'passed', measured: 0 }])
})

it('a table that was never written is an error of its own', async () => {
  const directory = project({ check: reference, max_shard_bytes: undefined })
  deliverParts(directory, 'f', [`${header}\nSFO,1,x\n`])
  const { flow } = await load(directory, 'one', { options: { dataflows: ['flow'] } })
  expect(flow).toMatchObject({ gate: 'extract', error: { code: 'SOURCE_TABLE_MISSING' } })
})

it('the dataflow that writes the table comes first, and without it none follows', async () => {
  const directory = project({ check: reference, max_shard_bytes: undefined })
  deliverParts(directory, 'f', [`${header}\nSFO,1,x\n`])
  const { result } = await runProject(directory, { run_id: 'one' })
  expect(result.dataflows.map(({ dataflow, status, reason }) => [dataflow, status, reason])).toEqual([
    ['airports', 'failed', undefined],
    ['flow', 'skipped', 'upstream_failed'],
  ])
})

it.each([
  ['a column that the table does not have', 'to: [icao]', '', 'CHECK_COLUMN_MISSING'],
  ['a column of another kind', 'to: [id]', '', 'CHECK_TYPE_REFUSED'],
])('%s stops before a row is read', async (_, to, columns, code) => {
  const check = `references: { columns: [origin], table: bronze.airports, ${to} }`
  const directory = project({ check, columns, max_shard_bytes: undefined })
  deliverParts(directory, 'airports', ['iata,id\nSFO,1\n'])
  deliverParts(directory, 'f', [`${header}\nSFO,1,x\n`])
  const { flow, rows } = await load(directory, 'one')
  expect(flow).toMatchObject({ gate: 'lineage', error: { code, details: { check: 'known' } } })
  expect(rows).toBe(0)
})

it('a load that fails on the way ends as one that did not', async () => {
  for (const max_shard_bytes of [undefined, 64]) {
    const directory = project({ check: reference, max_shard_bytes })
    deliverParts(directory, 'airports', ['iata,id\nSFO,1\nJFK,2\n'])
    deliverParts(directory, 'f', [`${header}\nSFO,1,x\nJFK,1,x\n`, `${header}\nJFK,2,x\nSFO,2,x\n`])
    let broken = 0
    const later = new Date(started.getTime() + 60_000)
    const decorate = (ports: Ports): Ports => ({
      ...ports,
      lake: {
        ...ports.lake,
        // Of the table that is looked into, in the midst of gate 3.
        download: async (pin, to) => {
          if (pin.key.startsWith('bronze/airports/') && broken++ === 0) throw new Error('the network is gone')
          return await ports.lake.download(pin, to)
        },
      },
    })
    const first = await load(directory, 'one', { decorate })
    expect(first).toMatchObject({ rows: 0, flow: { status: 'failed', gate: 'contract' } })
    const { flow, results, rows } = await load(directory, 'one', { resume: true, clock: () => later })
    expect({ status: flow.status, rows, results: results.map(({ outcome }) => outcome) }).toEqual({
      status: 'succeeded',
      rows: 4,
      results: ['passed'],
    })
  }
})
