import { beforeEach, describe, expect, it } from 'vitest'
import { RetryableError } from '../core/errors.ts'
import { below, flights, type MemoryLake, memoryLake } from '../core/mirror/mirror.suite.ts'
import { openLake } from '../core/tables/lake.suite.ts'
import { handler, mirror, type StreamRecord } from './mirror.ts'
import { buildMirrorPorts } from './mirror-environment.ts'

const { store } = openLake()
let folder = 0
let lake: MemoryLake
beforeEach(() => {
  lake = memoryLake(below(store, `m${folder++}`))
})

const carriers = { namespace: 'bronze', name: 'carriers' }

function record(SequenceNumber: string, identifier: string, namespace = 'bronze'): StreamRecord {
  return {
    dynamodb: { SequenceNumber, Keys: { identifier: { S: identifier }, namespace: { S: namespace } } },
  }
}

const busy = () => {
  throw new RetryableError({ code: 'MIRROR_BUSY', fact: 'Glue is busy' })
}

describe('records of the stream', () => {
  it('have the tables that they name mirrored, each once, and no namespaces', async () => {
    await lake.commit(flights)
    await lake.commit(carriers)
    const Records = [
      record('1', 'NAMESPACE'),
      record('2', 'bronze.flights'),
      record('3', 'bronze.flights'),
      record('4', 'bronze.carriers'),
      record('5', 'a.b.nested', 'a.b'),
    ]
    expect(await mirror({ Records }, lake.ports)).toEqual({ batchItemFailures: [] })
    expect([...lake.mirror.entries.keys()].sort()).toEqual(['bronze.carriers', 'bronze.flights'])
    expect(lake.lines.map(({ event, table, action }) => [event, table, action]).sort()).toEqual([
      ['mirrored', 'bronze.carriers', 'created'],
      ['mirrored', 'bronze.flights', 'created'],
    ])
  })

  it('come again from the first one whose table could not be mirrored now', async () => {
    await lake.commit(flights)
    await lake.commit(carriers)
    const ports = {
      ...lake.ports,
      mirror: {
        ...lake.mirror,
        load: async (table: typeof flights) => (table.name === 'flights' ? busy() : lake.mirror.load(table)),
      },
    }
    const Records = [
      record('7', 'bronze.carriers'),
      record('8', 'bronze.flights'),
      record('9', 'bronze.flights'),
    ]
    expect(await mirror({ Records }, ports)).toEqual({ batchItemFailures: [{ itemIdentifier: '8' }] })
    expect([...lake.mirror.entries.keys()]).toEqual(['bronze.carriers'])
    expect(lake.lines).toContainEqual(
      expect.objectContaining({
        event: 'mirror_delayed',
        error: expect.objectContaining({ code: 'MIRROR_BUSY' }),
      }),
    )
  })

  it('are not held up by a table that can never be mirrored', async () => {
    await lake.commit(flights)
    lake.mirror.entries.set('bronze.flights', { version: '1', location: '', columns: [], parameters: {} })
    const answer = await mirror({ Records: [record('1', 'bronze.flights')] }, lake.ports)
    expect(answer).toEqual({ batchItemFailures: [] })
    expect(lake.lines).toMatchObject([
      { event: 'mirror_failed', table: 'bronze.flights', error: { code: 'MIRROR_ENTRY_FOREIGN' } },
    ])
  })
})

describe('reconciling', () => {
  it('reports each drift and the counts of which metrics are made', async () => {
    await lake.commit(flights)
    expect(await mirror({ mode: 'reconcile' }, lake.ports)).toEqual({
      tables: 1,
      drift: 1,
      on_the_way: 0,
      failed: 0,
    })
    expect(lake.lines).toEqual([
      { event: 'mirror_drift', table: 'bronze.flights', kind: 'missing' },
      { event: 'mirror_reconciled', tables: 1, drift: 1, on_the_way: 0, failed: 0 },
    ])
  })
})

it('refuses an event that is neither', async () => {
  await expect(mirror({} as never, lake.ports)).rejects.toMatchObject({ code: 'MIRROR_EVENT_INVALID' })
})

it('as a handler takes the ports that it is given', async () => {
  await lake.commit(flights)
  await handler({ Records: [record('1', 'bronze.flights')] }, { ports: lake.ports as never })
  expect(lake.mirror.entries.size).toBe(1)
})

it('marks what it makes with the name of the catalog table', () => {
  const env = { SLUICE_LAKE: 's3://lake-bucket', SLUICE_CATALOG_TABLE: 'catalog', SLUICE_GLUE_PREFIX: '' }
  expect(buildMirrorPorts(env)).toMatchObject({ owner: 'catalog', lake: { uri: 's3://lake-bucket' } })
  expect(() => buildMirrorPorts({ SLUICE_LAKE: 's3://lake-bucket' })).toThrow(/SLUICE_CATALOG_TABLE/)
})
