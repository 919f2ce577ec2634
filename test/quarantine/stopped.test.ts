import { describe, expect, it } from 'vitest'
import { SchemaMovedError, SourceError } from '../../core/errors.ts'
import type { Ports } from '../../core/ports.ts'
import type { ObjectStore } from '../../core/stores/object-store.ts'
import { checkedProject, deliverParts, type Loaded, load, ways } from '../checks/checked-load.ts'
import { rejectedRows } from '../support/shard-project.ts'

const header = 'k,n,rest_of_the_row'
/** Files of 41 to 64 bytes; five rows are good, and one of each file is bad. */
const parts = [
  `${header}\na,1,xxxxxxxx\nb,bad,x\nc,3,xxxx\n`,
  `${header}\nd,4,xxxxxxxx\ne,worse,x\n`,
  `${header}\na,6,xxxxxxxx\nf,7,x\ng,worst,x\n`,
]

interface Stop {
  readonly checks?: string
  readonly columns?: string
  readonly enforcement?: string
  readonly quarantine?: string
  readonly max_shard_bytes: number | undefined
}

function project({
  checks = '[]',
  columns = '',
  enforcement,
  quarantine = '',
  max_shard_bytes,
}: Stop): string {
  const directory = checkedProject({
    checks: `${checks}, quarantine: { ${quarantine} }`,
    columns: `n: { type: integer }${columns}`,
    ...(enforcement === undefined ? {} : { enforcement }),
    max_shard_bytes,
  })
  deliverParts(directory, 'f', parts)
  return directory
}

const lakeThat = (change: (lake: ObjectStore) => Partial<ObjectStore>) => (ports: Ports) => ({
  ...ports,
  lake: { ...ports.lake, ...change(ports.lake) },
})

/** What the outcome says, the evidence, and the rejected rows under the index that both name. */
async function left(directory: string, { flow, evidence, rows }: Loaded) {
  return {
    gate: flow.gate,
    code: flow.error?.code,
    table: rows,
    named: flow.quarantine !== undefined && evidence.quarantine?.key === flow.quarantine.key,
    quarantined: evidence.rows?.quarantined,
    rejected: (await rejectedRows(directory, 'one')).map((row) => JSON.parse(row).source_file).sort(),
  }
}

const files = ['f-0.csv', 'f-1.csv', 'f-2.csv']
const whole = { gate: 'contract', table: 0, named: true, quarantined: 3, rejected: files }

describe.each(ways)('rejected rows of a load that stops, $way', ({ max_shard_bytes }) => {
  it.each([
    ['CONTRACT_REJECTED', { enforcement: 'strict' }],
    ['QUARANTINE_LIMIT', { quarantine: 'max_rows: 2' }],
    ['UNIQUE_VIOLATED', { columns: ', k: { type: string, unique: true }' }],
    ['CHECK_FAILED', { checks: '[{ name: c, row_count: { min: 9 } }]' }],
    ['CHECK_SQL_FAILED', { checks: '[{ name: c, sql: "FROM {{ load }} WHERE CAST(k AS INTEGER) > 1" }]' }],
  ])('by %s are in quarantine', async (code, stop) => {
    const directory = project({ ...stop, max_shard_bytes })
    const loaded = await load(directory, 'one')
    expect(loaded.shards).toBe(max_shard_bytes === undefined ? 0 : 3)
    expect(await left(directory, loaded)).toEqual({ ...whole, code })
  })

  it('under strict the rows say more than a check that cannot be run on the others', async () => {
    const checks = '[{ name: c, sql: "FROM {{ load }} WHERE CAST(k AS INTEGER) > 1" }]'
    const directory = project({ checks, enforcement: 'strict', max_shard_bytes })
    const loaded = await load(directory, 'one')
    expect(await left(directory, loaded)).toEqual({ ...whole, code: 'CONTRACT_REJECTED' })
  })

  it.each([
    ['no other try helps', SourceError],
    ['nobody has classified it', undefined],
  ])('because the accepted ones cannot be stored are in quarantine: %s', async (_what, Kind) => {
    const directory = project({ max_shard_bytes })
    const upload = async () => {
      throw Kind === undefined ? new Error('no disk') : new Kind({ code: 'NO_DISK', fact: 'no disk' })
    }
    const loaded = await load(directory, 'one', { decorate: lakeThat(() => ({ upload })) })
    const code = Kind === undefined ? 'UNEXPECTED' : 'NO_DISK'
    // Of shards that stopped nobody knows whether they are all that there is.
    const { quarantined: _rows, ...wanted } = whole
    const { quarantined, ...found } = await left(directory, loaded)
    expect(found).toEqual({ ...wanted, code })
    expect(quarantined).toBe(max_shard_bytes === undefined ? 3 : undefined)
  })

  it('in a later round, before it has judged, are those of the round before', async () => {
    const directory = project({ max_shard_bytes })
    let moved = false
    const decorate = (ports: Ports): Ports => ({
      ...lakeThat((lake) => ({
        head: async (key) => {
          if (moved || !key.includes('/data/')) return await lake.head(key)
          moved = true
          throw new SchemaMovedError({ code: 'SCHEMA_MOVED', fact: 'moved' })
        },
      }))(ports),
      openSource: (path) => ({
        ...ports.openSource(path),
        download: async (pin, folder) => {
          if (moved) throw new SourceError({ code: 'SOURCE_UNREADABLE', fact: 'torn' })
          return await ports.openSource(path).download(pin, folder)
        },
      }),
    })
    const loaded = await load(directory, 'one', { decorate })
    expect(moved).toBe(true)
    expect(loaded.evidence.round).toBe(1)
    expect(await left(directory, loaded)).toEqual({ ...whole, code: 'SOURCE_UNREADABLE' })
  })
})

it('of the shards beside one that stopped are in quarantine', async () => {
  const directory = project({ max_shard_bytes: 64 })
  const decorate = (ports: Ports): Ports => ({
    ...ports,
    openSource: (path) => ({
      ...ports.openSource(path),
      download: async (pin, folder) => {
        if (pin.key === 'f-2.csv') throw new SourceError({ code: 'TORN', fact: 'torn' })
        return await ports.openSource(path).download(pin, folder)
      },
    }),
  })
  const loaded = await load(directory, 'one', { decorate })
  expect(loaded.flow.error?.details).toMatchObject({ shard: 2 })
  const { quarantined: _unknown, ...wanted } = whole
  expect(await left(directory, loaded)).toEqual({
    ...wanted,
    code: 'TORN',
    quarantined: undefined,
    rejected: files.slice(0, 2),
  })
})
