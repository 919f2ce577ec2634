import { writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Ports } from '../../core/ports.ts'
import { checkedProject, deliverParts, load, started, ways } from './checked-load.ts'

const columns = 'k: { type: string }, n: { type: integer }, at: { type: timestamp_tz }'
const header = 'k,n,at'
/** Four rows in two files: `a 1` comes in both, and so does `b` with other numbers. */
const parts = [
  `${header}\na,1,2024-03-05T10:00:00Z\nb,2,\n`,
  `${header}\na,1,2024-03-05T11:30:00+00:00\nb,,2024-03-01T00:00:00Z\n`,
]

interface Case {
  readonly kind: string
  readonly passing: string
  readonly failing: string
  /** What both find. */
  readonly found: Readonly<Record<string, unknown>>
  readonly limits: readonly [passing: unknown, failing: unknown]
  readonly code?: string
}

const cases: readonly Case[] = [
  {
    kind: 'row_count',
    passing: 'row_count: { min: 4, max: 4 }',
    failing: 'row_count: { max: 3 }',
    found: { check: 'row_count', measured: 4 },
    limits: [{ min: 4, max: 4 }, { max: 3 }],
  },
  {
    kind: 'max_null_ratio',
    passing: 'max_null_ratio: { column: N, ratio: 0.25 }',
    failing: 'max_null_ratio: { column: N, ratio: 0.2499 }',
    found: { check: 'max_null_ratio', columns: ['n'], measured: 0.25 },
    limits: [0.25, 0.2499],
  },
  {
    kind: 'freshness',
    passing: 'freshness: { column: at, max_age: 30 minutes }',
    failing: 'freshness: { column: at, max_age: 29 minutes }',
    found: { check: 'freshness', columns: ['at'], measured: 1800 },
    limits: [1800, 1740],
  },
]

describe.each(ways)('$way', ({ max_shard_bytes }) => {
  describe.each(cases)('$kind', ({ passing, failing, found, limits, code = 'CHECK_FAILED' }) => {
    const project = (check: string, enforcement?: string) =>
      checkedProject({
        checks: `[{ name: it, ${check} }]`,
        columns,
        max_shard_bytes,
        ...(enforcement === undefined ? {} : { enforcement }),
      })

    it('passes, and is recorded', async () => {
      const directory = project(passing)
      deliverParts(directory, 'a', parts)
      const { flow, results, rows, shards } = await load(directory, 'one')
      expect(shards).toBe(max_shard_bytes === undefined ? 0 : 2)
      expect(results).toEqual([
        { name: 'it', severity: 'error', outcome: 'passed', limit: limits[0], ...found },
      ])
      expect({ rows, status: flow.status, warnings: flow.warnings }).toEqual({
        rows: 4,
        status: 'succeeded',
        warnings: undefined,
      })
    })

    it.each(['strict', 'quarantine'])('fails, and stops the load (%s)', async (enforcement) => {
      const directory = project(failing, enforcement)
      deliverParts(directory, 'a', parts)
      const { flow, evidence, results, rows } = await load(directory, 'one')
      const result = { name: 'it', severity: 'error', outcome: 'failed', limit: limits[1], ...found }
      expect(results).toEqual([result])
      expect(flow).toMatchObject({
        status: 'failed',
        gate: 'contract',
        error: { name: 'ContractError', code, details: { check: 'it', measured: found.measured } },
      })
      expect(evidence).toMatchObject({ outcome: 'failed', commit: null, rows: { accepted: 4 } })
      expect(rows).toBe(0)
    })

    it('fails and warns: the rows are loaded, and the result says so', async () => {
      const directory = project(`${failing}, severity: warn`)
      deliverParts(directory, 'a', parts)
      const { flow, results, rows } = await load(directory, 'one')
      expect(results).toEqual([
        { name: 'it', severity: 'warn', outcome: 'failed', limit: limits[1], ...found },
      ])
      const { columns: _notInTheResult, ...told } = found
      expect(flow).toMatchObject({ status: 'succeeded', warnings: { count: 1 } })
      expect(flow.warnings?.checks).toEqual([{ name: 'it', limit: limits[1], ...told }])
      expect(rows).toBe(4)
    })
  })

  it('all checks are asked, and all that fail are named', async () => {
    const checks =
      '[{ name: low, row_count: { min: 9 } }, { name: fine, row_count: { min: 1 } }, { name: late, freshness: { column: at, max_age: 1 minute } }, { name: noted, severity: warn, row_count: { max: 1 } }]'
    const directory = checkedProject({ checks, columns, max_shard_bytes })
    deliverParts(directory, 'a', parts)
    const { flow, results, rows } = await load(directory, 'one')
    expect(results.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      'low failed',
      'fine passed',
      'late failed',
      'noted failed',
    ])
    expect(flow.error?.message).toContain('the check low (row_count) of its contract: 4 rows, at least 9')
    expect(flow.error?.message).toContain('(so do late)')
    expect(flow.warnings?.checks.map(({ name }) => name)).toEqual(['noted'])
    expect(rows).toBe(0)
  })

  it('rejected rows are not among the rows that checks see', async () => {
    const checks =
      '[{ name: count, row_count: { max: 3 } }, { name: nulls, max_null_ratio: { column: n, ratio: 0 } }]'
    const directory = checkedProject({
      checks,
      columns: 'n: { type: integer, nullable: false }',
      max_shard_bytes,
    })
    deliverParts(directory, 'a', parts)
    const { flow, results, rows } = await load(directory, 'one')
    expect(results.map(({ measured }) => measured)).toEqual([3, 0])
    expect(flow).toMatchObject({ status: 'succeeded', rows: { accepted: 3, quarantined: 1 } })
    expect(rows).toBe(3)
  })

  it('where there is nothing new there is nothing to check', async () => {
    const checks = '[{ name: count, row_count: { min: 4 } }]'
    const directory = checkedProject({ checks, columns, max_shard_bytes })
    deliverParts(directory, 'a', parts)
    await load(directory, 'one')
    const { flow, results } = await load(directory, 'two')
    expect({ reason: flow.reason, results }).toEqual({ reason: 'nothing_new', results: [] })
  })

  it('the checks that counts can tell read no file and lease no engine of their own', async () => {
    const run = async (checks: string) => {
      const directory = checkedProject({ checks, columns, max_shard_bytes })
      deliverParts(directory, 'a', parts)
      let leases = 0
      let reads = 0
      const decorate = (ports: Ports): Ports => ({
        ...ports,
        engines: {
          ...ports.engines,
          use: (work, options) => {
            leases += 1
            return ports.engines.use(work, options)
          },
        },
        lake: {
          ...ports.lake,
          download: (pin, to) => {
            reads += 1
            return ports.lake.download(pin, to)
          },
        },
      })
      await load(directory, 'one', { decorate })
      return { leases, reads }
    }
    expect(await run(`[${cases.map(({ passing }, i) => `{ name: c${i}, ${passing} }`).join(', ')}]`)).toEqual(
      await run('[]'),
    )
  })
})

describe('freshness', () => {
  it.each([
    // A date stands for its first instant: at noon today's is twelve hours old.
    ['date', '2024-03-05', 43_200],
    ['timestamp', '2024-03-05T11:59:59.999999', 0.000_001 + 0],
    ['timestamp_tz', '2024-03-05T13:00:00+02:00', 3600],
    // What lies ahead of the run is fresh.
    ['timestamp_tz', '2024-03-05T12:30:00Z', -1800],
    ['date', '0001-01-01', 63_845_236_800],
  ])('a %s of %s is %d seconds old', async (type, value, age) => {
    const checks = '[{ name: it, severity: warn, freshness: { column: at, max_age: 12 hours } }]'
    const directory = checkedProject({ checks, columns: `at: { type: ${type} }`, max_shard_bytes: undefined })
    deliverParts(directory, 'a', [`at,x\n${value},1\n,2\n`])
    const { results } = await load(directory, 'one')
    expect(results).toMatchObject([{ outcome: age <= 43_200 ? 'passed' : 'failed' }])
    expect(results[0]?.measured).toBeCloseTo(age, 6)
  })

  it('without a value it fails', async () => {
    const checks = '[{ name: it, freshness: { column: at, max_age: 999999 days } }]'
    const directory = checkedProject({ checks, columns: 'at: { type: date }', max_shard_bytes: undefined })
    deliverParts(directory, 'a', ['at,x\n,1\n,2\n'])
    const { flow, results } = await load(directory, 'one')
    expect(results).toMatchObject([{ outcome: 'failed', measured: null }])
    expect(flow.error?.message).toContain('there is no value to tell an age by')
  })

  it('is counted from the start of the run, also when the run is resumed later', async () => {
    const checks = '[{ name: it, freshness: { column: at, max_age: 12 hours } }]'
    const directory = checkedProject({ checks, columns: 'at: { type: date }', max_shard_bytes: undefined })
    deliverParts(directory, 'a', ['at,x\n2024-03-05,1\n'])
    const broken = (ports: Ports): Ports => ({
      ...ports,
      lake: { ...ports.lake, upload: () => Promise.reject(new Error('the disk is gone')) },
    })
    const first = await load(directory, 'one', { decorate: broken })
    expect(first.flow.status).toBe('failed')
    const later = new Date(started.getTime() + 86_400_000)
    const { flow, results } = await load(directory, 'one', { resume: true, clock: () => later })
    expect(flow.status).toBe('succeeded')
    expect(results).toMatchObject([{ outcome: 'passed', measured: 43_200 }])
  })
})

describe('what the load does not bear', () => {
  const run = async (checks: string) => {
    const directory = checkedProject({ checks, columns, max_shard_bytes: undefined })
    deliverParts(directory, 'a', parts)
    return (await load(directory, 'one')).flow
  }

  it('a column that is not there', async () => {
    expect(await run('[{ name: it, unique: [k, z] }]')).toMatchObject({
      gate: 'lineage',
      error: { code: 'CHECK_COLUMN_MISSING', details: { check: 'it', column: 'z' } },
    })
  })

  it('the age of a transform’s number', async () => {
    const directory = checkedProject({ checks: '[]', columns, max_shard_bytes: undefined })
    deliverParts(directory, 'a', parts)
    writeFileSync(
      `${directory}/sluice.yaml`,
      `version: 1
project: crash
connections: { warehouse: { type: lake } }
dataflows:
  - name: flow
    transform: { sql: SELECT 1 AS n }
    contract: { checks: [{ name: it, freshness: { column: n, max_age: 1 day } }] }
    sink: { connection: warehouse, table: bronze.flow, load_type: overwrite }
`,
    )
    expect((await load(directory, 'one')).flow).toMatchObject({
      gate: 'lineage',
      error: { code: 'CHECK_TYPE_REFUSED', details: { check: 'it', column: 'n' } },
    })
  })
})
