import { rmSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Ports } from '../../core/ports.ts'
import type { ExtractRecord } from '../../core/runs/extract-record.ts'
import { counted } from '../../core/words.ts'
import { makeProject } from '../support/project.ts'
import { deliverParts, load, ways } from './checked-load.ts'

interface Options {
  readonly sql: string
  readonly severity?: string
  readonly max_shard_bytes: number | undefined
}

/** `airports`, which appends, and `flow`, whose contract has one check; `flow` in files of 33 to 64 bytes. */
function project({ sql, severity = 'error', max_shard_bytes }: Options): string {
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
    contract:
      enforcement: quarantine
      columns: { n: { type: integer } }
      checks:
        - name: asked
          severity: ${severity}
          sql: ${JSON.stringify(sql)}
    sink: { table: bronze.flow }
  - name: airports
    source: { connection: landing, path: "airports-*.csv", format: csv }
    sink: { table: bronze.airports }
`)
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const header = 'origin,n,rest_of_the_row_is_here'
const parts = [`${header}\nSFO,1,x\nJFK,bad,x\nSFO,-5,x\n`, `${header}\nLAX,2,y\n,-1,y\n`]

function deliver(directory: string): void {
  // The second file has a column that the first one lacks.
  deliverParts(directory, 'airports', ['iata\nSFO\n', 'iata,closed\nJFK,\nLAX,2020\n'])
  deliverParts(directory, 'f', parts)
}

describe.each(ways)('sql $way', ({ max_shard_bytes }) => {
  it.each([
    ['SELECT * FROM {{ load }} WHERE n < 0', 2],
    ['SELECT origin FROM {{ load }} GROUP BY origin HAVING count(*) > 1', 1],
    ['SELECT DISTINCT * EXCLUDE (n) FROM {{load}} AS l', 3],
    ["SELECT l.origin FROM {{ load }} l ANTI JOIN {{ ref('bronze.airports') }} a ON a.iata = l.origin", 1],
    ["SELECT 1 FROM {{ load }} JOIN {{ ref('bronze.airports') }} ON iata = origin WHERE closed IS NULL", 2],
    ['SELECT 1 WHERE (SELECT count(*) FROM {{ load }}) <> 4', 0],
    ["SELECT rest_of_the_row_is_here FROM {{ load }} WHERE n > 0 AND origin = 'ORD'", 0],
  ])('%s has %d rows', async (sql, measured) => {
    const directory = project({ sql, max_shard_bytes })
    deliver(directory)
    const { flow, evidence, results, rows, shards } = await load(directory, 'one')
    expect(shards).toBe(max_shard_bytes === undefined ? 0 : 2)
    const outcome = measured === 0 ? 'passed' : 'failed'
    expect(results).toEqual([{ name: 'asked', check: 'sql', severity: 'error', outcome, measured, limit: 0 }])
    const extract = evidence.gates.find(({ gate }) => gate === 'extract')?.record as ExtractRecord
    expect(extract.check_tables?.map(({ table }) => table)).toEqual(
      sql.includes('ref(') ? ['bronze.airports'] : undefined,
    )
    if (measured === 0) expect({ rows, status: flow.status }).toEqual({ rows: 4, status: 'succeeded' })
    else {
      expect(flow).toMatchObject({ gate: 'contract', error: { code: 'CHECK_FAILED' } })
      expect(flow.error?.message).toContain(`its SQL has ${counted(measured, 'row')},`)
      expect(rows).toBe(0)
    }
    expect(JSON.stringify([results, flow.error ?? null])).not.toContain('LAX')
  })

  it('as a warning it is told, and the rows are loaded', async () => {
    const directory = project({ sql: 'FROM {{ load }} WHERE n < 0', severity: 'warn', max_shard_bytes })
    deliver(directory)
    const { flow, rows } = await load(directory, 'one')
    expect(flow).toMatchObject({
      status: 'succeeded',
      warnings: { count: 1, checks: [{ name: 'asked', check: 'sql', measured: 2, limit: 0 }] },
    })
    expect(rows).toBe(4)
  })

  it('an SQL that cannot be run stops the load, also as a warning, and quotes no value', async () => {
    const sql = 'FROM {{ load }} WHERE CAST(origin AS INTEGER) > 1'
    const directory = project({ sql, severity: 'warn', max_shard_bytes })
    deliver(directory)
    const { flow, rows } = await load(directory, 'one')
    expect(flow).toMatchObject({ gate: 'contract', error: { code: 'CHECK_SQL_FAILED' } })
    expect(flow.error?.message).toContain('the check asked of flow: the SQL cannot be run on these rows')
    expect(flow.error?.message).not.toContain('SFO')
    expect(rows).toBe(0)
  })
})

it.each([
  ['FROM {{ load }} WHERE n > random()', 'it calls random()'],
  ['FROM {{ load }} WHERE nn > 1', 'nn'],
  ['FROM bronze.airports, {{ load }}', 'it reads bronze.airports'],
])('%s is refused before a row is read', async (sql, why) => {
  const directory = project({ sql, max_shard_bytes: undefined })
  deliver(directory)
  const { flow } = await load(directory, 'one')
  expect(flow).toMatchObject({ gate: 'lineage', error: { code: 'CHECK_SQL_REFUSED' } })
  expect(flow.error?.message).toContain(`the check asked of flow: The SQL is refused: `)
  expect(flow.error?.message).toContain(why)
})

it('in shards it may read what one disk holds', async () => {
  const run = async (sql: string) => {
    const directory = project({ sql, max_shard_bytes: 64 })
    deliver(directory)
    const decorate = (ports: Ports): Ports => ({ ...ports, shardBytes: 300 })
    return (await load(directory, 'one', { decorate })).flow
  }
  expect(await run('SELECT DISTINCT * FROM {{ load }} WHERE n IS NULL AND n > 3')).toMatchObject({
    error: { code: 'CHECK_TOO_LARGE', details: { check: 'asked', most: 150 } },
  })
  expect(await run('SELECT 1 FROM {{ load }} WHERE n IS NULL')).toMatchObject({ status: 'succeeded' })
})
