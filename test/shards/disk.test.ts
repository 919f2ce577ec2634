import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Ports } from '../../core/ports.ts'
import type { ObjectPin } from '../../core/stores/object-store.ts'
import { openAsk } from '../support/duckdb.ts'
import { readStored } from '../support/invariants.ts'
import { runProject } from '../support/project.ts'
import { deliverFile, makeShardProject, shardsOf, stateOf, tableRows } from '../support/shard-project.ts'

/** Bytes of source objects by the engine directory that they were brought into. */
function metered(bytes: Map<string, number>) {
  return (ports: Ports): Ports => ({
    ...ports,
    openSource: (path) => {
      const real = ports.openSource(path)
      const download = async (pin: ObjectPin, directory: string) => {
        bytes.set(directory, (bytes.get(directory) ?? 0) + pin.size)
        return await real.download(pin, directory)
      }
      return { ...real, download }
    },
  })
}

const budget = 4_000
const body = (format: string, i: number) =>
  Array.from({ length: 100 }, (_, row) =>
    format === 'csv' ? `${i},${row}` : JSON.stringify({ i: String(i), n: String(row) }),
  )

it.each([
  ['csv', 1],
  // Once for its keys, once for its rows.
  ['ndjson', 2],
])(
  'no call has more of a %s source on its disk than the limit, and all read it %i times',
  async (format, times) => {
    const directory = makeShardProject({ format, max_shard_bytes: budget })
    let total = 0
    for (let i = 0; i < 12; i++) {
      const text = `${[...(format === 'csv' ? ['i,n'] : []), ...body(format, i)].join('\n')}\n`
      total += text.length
      deliverFile(directory, `${String(i).padStart(2, '0')}.${format}`, text)
    }
    const bytes = new Map<string, number>()
    const { result } = await runProject(directory, { run_id: 'only', decorate: metered(bytes) })
    expect(result).toMatchObject({ status: 'succeeded', rows: { read: 1200, accepted: 1200 } })
    expect(total).toBeGreaterThan(1.5 * budget)
    expect(Math.max(...bytes.values())).toBeLessThanOrEqual(budget)
    expect([...bytes.values()].reduce((a, b) => a + b, 0)).toBe(times * total)
    expect(new Set(await tableRows(directory)).size).toBe(1200)
    rmSync(directory, { recursive: true })
  },
)

it('refuses an object that no call can hold, before it reads anything', async () => {
  const directory = makeShardProject({ max_shard_bytes: 20 })
  deliverFile(directory, 'a.csv', 'n\n1\n')
  deliverFile(directory, 'b.csv', `n\n${'1\n'.repeat(20)}`)
  const bytes = new Map<string, number>()
  const { result } = await runProject(directory, { run_id: 'only', decorate: metered(bytes) })
  expect(result.dataflows[0]).toMatchObject({
    status: 'failed',
    gate: 'extract',
    error: { code: 'SOURCE_OBJECT_TOO_LARGE', details: { key: 'b.csv', size: 42, most: 20 } },
  })
  expect(bytes.size).toBe(0)
  rmSync(directory, { recursive: true })
})

it('an environment that has little disk divides what its manifest says nothing about', async () => {
  const directory = makeShardProject({})
  for (let i = 0; i < 4; i++) deliverFile(directory, `${i}.csv`, `n\n${i}\n`)
  const decorate = (ports: Ports): Ports => ({ ...ports, shardBytes: 8 })
  await runProject(directory, { run_id: 'only', decorate })
  const stored = readStored(directory)
  expect(shardsOf(stored, 'only')).toBe(2)
  expect(stateOf(stored)?.state).toMatchObject({
    loaded: { objects: Object.fromEntries([0, 1, 2, 3].map((i) => [`${i}.csv`, expect.any(String)])) },
  })
  rmSync(directory, { recursive: true })
})

it.each([false, true])(
  'large Parquet: footers for the schema, one column for unique (a key that comes twice: %s)',
  async (twice) => {
    const contract = '{ columns: { id: { type: bigint, unique: true } } }'
    const rows = 60_000
    const directory = makeShardProject({ format: 'parquet', contract, max_shard_bytes: 3_000_000 })
    const ask = await openAsk()
    for (let i = 0; i < 3; i++) {
      const id = i === 2 && twice ? 'range' : `range + ${i * rows}`
      await ask(
        `COPY (SELECT ${id} AS id, md5(CAST(range AS VARCHAR)) AS text FROM range(${rows}))
       TO '${join(directory, 'landing', `${i}.parquet`)}' (FORMAT parquet)`,
      )
    }
    ask.close()
    const bytes = new Map<string, number>()
    const { result } = await runProject(directory, { run_id: 'only', decorate: metered(bytes) })
    expect(shardsOf(readStored(directory), 'only')).toBe(3)
    // Lineage brings no object whole; each shard one.
    expect(bytes.size).toBe(3)
    expect(Math.min(...bytes.values())).toBeGreaterThan(2 << 20)
    expect(Math.max(...bytes.values())).toBeLessThanOrEqual(3_000_000)
    expect(result.rows).toMatchObject({ read: 3 * rows, accepted: 3 * rows })
    const [flow] = result.dataflows
    if (twice)
      expect(flow?.error).toMatchObject({
        code: 'UNIQUE_VIOLATED',
        details: { columns: ['id'], measured: rows },
      })
    else expect(flow?.status).toBe('succeeded')
    rmSync(directory, { recursive: true })
  },
)
