import { describe, expect, it } from 'vitest'
import { checkedProject, deliverParts, load, ways } from './checked-load.ts'

const header = 'k,n,rest_of_the_row_is_here'

describe.each(ways)('unique over columns $way', ({ max_shard_bytes }) => {
  const project = (severity = 'error', load_type?: 'append' | 'overwrite') =>
    checkedProject({
      checks: `[{ name: key, severity: ${severity}, unique: [k, N] }]`,
      max_shard_bytes,
      ...(load_type === undefined ? {} : { load_type }),
    })

  it('passes where only parts of the key come twice, and NULL is like nothing', async () => {
    const directory = project()
    deliverParts(directory, 'a', [`${header}\na,1,x\n,1,x\na,,x\n`, `${header}\na,2,x\n,1,x\na,,x\n`])
    const { flow, results, rows, shards } = await load(directory, 'one')
    expect(shards).toBe(max_shard_bytes === undefined ? 0 : 2)
    const passed = { name: 'key', check: 'unique', severity: 'error', outcome: 'passed', columns: ['k', 'n'] }
    expect(results).toEqual([{ ...passed, measured: 0, limit: 0 }])
    expect({ rows, status: flow.status }).toEqual({ rows: 6, status: 'succeeded' })
  })

  it('a key that comes twice stops the load', async () => {
    const directory = project()
    deliverParts(directory, 'a', [`${header}\na,1,x\nb,1,x\n`, `${header}\na,1,y\nb,2,x\n`])
    const { flow, results, rows } = await load(directory, 'one')
    expect(results).toMatchObject([{ name: 'key', outcome: 'failed', measured: 1, limit: 0 }])
    expect(flow).toMatchObject({
      gate: 'contract',
      error: { code: 'UNIQUE_VIOLATED', details: { check: 'key', columns: ['k', 'n'], measured: 1 } },
    })
    expect(flow.error?.message).toContain('1 value of k, n occurs more than once')
    expect(rows).toBe(0)
  })

  it('an append looks into the table, too', async () => {
    const directory = project()
    deliverParts(directory, 'a', [`${header}\na,1,x\nb,1,x\n`, `${header}\nc,1,x\n`])
    await load(directory, 'one')
    deliverParts(directory, 'b', [`${header}\na,2,x\n`, `${header}\nb,2,x\n`])
    const second = await load(directory, 'two')
    expect(second.results.map(({ outcome, measured }) => [outcome, measured])).toEqual([
      ['passed', 0],
      ['passed', 0],
    ])
    deliverParts(directory, 'c', [`${header}\na,2,y\n`, `${header}\nc,1,y\nd,1,y\n`])
    const third = await load(directory, 'three')
    expect(third.flow).toMatchObject({
      gate: 'stage',
      error: { code: 'UNIQUE_VIOLATED', details: { check: 'key', columns: ['k', 'n'], measured: 2 } },
    })
    expect(third.results.map(({ outcome, measured }) => [outcome, measured])).toEqual([
      ['passed', 0],
      ['failed', 2],
    ])
    expect(third.rows).toBe(5)
  })

  it('as a warning it is told of the load and of the table', async () => {
    const directory = project('warn')
    deliverParts(directory, 'a', [`${header}\na,1,x\n`, `${header}\nb,1,x\n`])
    await load(directory, 'one')
    deliverParts(directory, 'b', [`${header}\na,1,y\na,1,z\n`, `${header}\nc,1,y\n`])
    const { flow, rows, results } = await load(directory, 'two')
    expect(results.map(({ outcome, measured }) => [outcome, measured])).toEqual([
      ['failed', 1],
      ['failed', 1],
    ])
    expect(flow).toMatchObject({ status: 'succeeded', warnings: { count: 2 } })
    expect(rows).toBe(5)
  })

  it('an overwrite replaces what it would have met', async () => {
    const directory = project('error', 'overwrite')
    deliverParts(directory, 'a', [`${header}\na,1,x\n`, `${header}\nb,1,x\n`])
    await load(directory, 'one')
    const { flow, rows, results } = await load(directory, 'two')
    expect({ status: flow.status, rows, asked: results.length }).toEqual({
      status: 'succeeded',
      rows: 2,
      asked: 1,
    })
  })
})

it('unique: true is a check of its column', async () => {
  const directory = checkedProject({
    checks: '[{ name: key, unique: [k] }]',
    columns: 'k: { type: string, unique: true }',
    max_shard_bytes: undefined,
  })
  deliverParts(directory, 'a', ['k,n\na,1\na,2\n'])
  const { flow, results } = await load(directory, 'one')
  expect(results.map(({ name, columns, measured }) => [name, columns, measured])).toEqual([
    ['unique(k)', ['k'], 1],
    ['key', ['k'], 1],
  ])
  expect(flow.error).toMatchObject({ code: 'UNIQUE_VIOLATED', details: { check: 'unique(k)' } })
})
