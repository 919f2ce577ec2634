import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { openLake } from '../tables/lake.suite.ts'
import { below, flights, type MemoryLake, memoryLake } from './mirror.suite.ts'
import { type MirrorPorts, mirrorTable } from './mirror-table.ts'

const { store } = openLake()
let folder = 0
let lake: MemoryLake
beforeEach(() => {
  lake = memoryLake(below(store, `t${folder++}`))
})

const shown = () => lake.mirror.entries.get('bronze.flights')

describe('a table', () => {
  it('that was committed to is shown as Iceberg readers of Glue look for it', async () => {
    const first = await lake.commit(flights)
    expect(await mirrorTable(lake.ports, flights)).toMatchObject({ action: 'created', found: {} })
    expect(shown()).toEqual({
      version: '0',
      location: `${lake.ports.lake.uri}/bronze/flights`,
      columns: [
        {
          name: 'id',
          type: 'bigint',
          parameters: {
            'iceberg.field.id': '1',
            'iceberg.field.optional': 'false',
            'iceberg.field.current': 'true',
          },
        },
      ],
      parameters: { table_type: 'ICEBERG', metadata_location: first, 'sluice.mirror': 'catalog-table' },
    })
    const second = await lake.commit(flights, { properties: { comment: 'All flights' } })
    expect((await mirrorTable(lake.ports, flights)).action).toBe('updated')
    expect(shown()).toMatchObject({
      version: '1',
      description: 'All flights',
      parameters: { metadata_location: second, previous_metadata_location: first },
    })
  })

  it('that is shown as it is, is not written again', async () => {
    await lake.commit(flights)
    await mirrorTable(lake.ports, flights)
    expect(await mirrorTable(lake.ports, flights)).toEqual({ action: 'equal' })
    expect(shown()?.version).toBe('0')
  })

  it('keeps parameters that somebody has set beside ours, but no earlier version that is none', async () => {
    await lake.commit(flights)
    await mirrorTable(lake.ports, flights)
    const entry = shown() as NonNullable<ReturnType<typeof shown>>
    const parameters = {
      ...entry.parameters,
      classification: 'public',
      metadata_location: 's3://elsewhere/x',
      previous_metadata_location: 's3://elsewhere/w',
    }
    lake.mirror.entries.set('bronze.flights', { ...entry, parameters })
    expect(await mirrorTable(lake.ports, flights)).toMatchObject({ found: { pointer: 's3://elsewhere/x' } })
    expect(shown()?.parameters).toEqual({ ...entry.parameters, classification: 'public' })
  })

  it('that was dropped is shown no more', async () => {
    await lake.commit(flights)
    await mirrorTable(lake.ports, flights)
    lake.drop(flights)
    expect((await mirrorTable(lake.ports, flights)).action).toBe('deleted')
    expect(shown()).toBeUndefined()
    expect(await mirrorTable(lake.ports, flights)).toEqual({ action: 'absent' })
  })

  it.each<Record<string, string>>([{}, { 'sluice.mirror': 'of another stack' }])(
    'of the same name that is not ours (%j) is neither changed nor deleted',
    async (parameters) => {
      const theirs = { version: '7', location: 's3://theirs', columns: [], parameters }
      lake.mirror.entries.set('bronze.flights', theirs)
      expect(await mirrorTable(lake.ports, flights)).toEqual({ action: 'absent' })
      await lake.commit(flights)
      await expect(mirrorTable(lake.ports, flights)).rejects.toMatchObject({
        name: 'PolicyError',
        code: 'MIRROR_ENTRY_FOREIGN',
      })
      expect(shown()).toBe(theirs)
    },
  )

  it('is refused when Glue would fold its name into that of another', async () => {
    const capital = { namespace: 'bronze', name: 'Flights' }
    await lake.commit(capital)
    await expect(mirrorTable(lake.ports, capital)).rejects.toMatchObject({ code: 'MIRROR_NAME_UNSUPPORTED' })
    expect(lake.mirror.entries.size).toBe(0)
  })

  it('whose metadata lies outside of the lake is not shown', async () => {
    await lake.commit(flights)
    const ports = { ...lake.ports, catalog: { ...lake.ports.catalog, load: async () => 's3://other/m.json' } }
    await expect(mirrorTable(ports, flights)).rejects.toMatchObject({ code: 'TABLE_FILE_OUTSIDE_STORE' })
  })
})

describe('several callers at once', () => {
  it('settle to the newest pointer when another one has written the entry in between', async () => {
    await lake.commit(flights)
    await mirrorTable(lake.ports, flights)
    await lake.commit(flights)
    let newest = ''
    let calls = 0
    const slow: MirrorPorts = {
      ...lake.ports,
      catalog: {
        ...lake.ports.catalog,
        load: async (table) => {
          const pointer = await lake.ports.catalog.load(table)
          if (++calls === 1) {
            newest = await lake.commit(flights)
            await mirrorTable(lake.ports, flights)
          }
          return pointer
        },
      },
    }
    expect(await mirrorTable(slow, flights)).toEqual({ action: 'equal' })
    expect(shown()?.parameters.metadata_location).toBe(newest)
    expect(shown()?.version).toBe('1')
  })

  it('follow a table whose metadata was removed while they were about to read it', async () => {
    const old = await lake.commit(flights)
    const ports: MirrorPorts = {
      ...lake.ports,
      lake: {
        ...lake.ports.lake,
        get: async (key) => {
          if (old.endsWith(key)) {
            await store.delete([old.slice(store.uri.length + 1)])
            await lake.commit(flights)
          }
          return await lake.ports.lake.get(key)
        },
      },
    }
    await mirrorTable(ports, flights)
    expect(shown()?.parameters.metadata_location).toBe(lake.pointer(flights))
  })

  it('give up for now where somebody writes the entry all the time', async () => {
    await lake.commit(flights)
    const { mirror } = lake
    await mirrorTable(lake.ports, flights)
    await lake.commit(flights)
    const busy: MirrorPorts = {
      ...lake.ports,
      mirror: { ...mirror, replace: async (table, _version, entry) => mirror.replace(table, 'old', entry) },
    }
    await expect(mirrorTable(busy, flights)).rejects.toMatchObject({
      name: 'RetryableError',
      code: 'MIRROR_CONTENDED',
    })
  })

  it('end with the entry equal to the catalog, in any order of their steps', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom('commit', 'drop'), { minLength: 1, maxLength: 5 }),
        async (s, steps) => {
          const world = memoryLake(below(store, `t${folder++}`))
          const { catalog, mirror } = world.ports
          const step = s.scheduleFunction(async () => undefined)
          // A request is under way for a while, and so is its answer.
          const slow =
            <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
            async (...args: A): Promise<R> => {
              await step()
              const answer = await Promise.allSettled([call(...args)])
              await step()
              if (answer[0].status === 'rejected') throw answer[0].reason
              return answer[0].value
            }
          const ports: MirrorPorts = {
            ...world.ports,
            catalog: { ...catalog, load: slow(catalog.load) },
            mirror: {
              ...mirror,
              load: slow(mirror.load),
              create: slow(mirror.create),
              replace: slow(mirror.replace),
              delete: slow(mirror.delete),
            },
          }
          const calls: Promise<unknown>[] = []
          const sequence = s.scheduleSequence(
            steps.map((step) => async () => {
              if (step === 'commit') await world.commit(flights)
              else world.drop(flights)
              calls.push(mirrorTable(ports, flights))
            }),
          )
          await s.waitIdle()
          expect((await sequence.task).done).toBe(true)
          await s.waitFor(Promise.all(calls))
          const entry = world.mirror.entries.get('bronze.flights')
          expect(entry?.parameters.metadata_location).toBe(world.pointer(flights))
        },
      ),
      { numRuns: 300 },
    )
  })
})
