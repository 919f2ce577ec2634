import { beforeEach, expect, it } from 'vitest'
import { openLake } from '../tables/lake.suite.ts'
import { below, flights, type MemoryLake, memoryLake, now } from './mirror.suite.ts'
import { mirrorTable } from './mirror-table.ts'
import { graceMilliseconds, reconcile } from './reconcile.ts'

const { store } = openLake()
let folder = 0
let lake: MemoryLake
beforeEach(() => {
  lake = memoryLake(below(store, `r${folder++}`))
})

const names = ['airports', 'carriers', 'delays', 'flights']
const tableOf = (name: string) => ({ namespace: 'bronze', name })

/** Commits to all tables and mirrors them. */
async function mirrored(): Promise<void> {
  for (const name of names) {
    await lake.commit(tableOf(name))
    await mirrorTable(lake.ports, tableOf(name))
  }
}

const entryOf = (name: string) => {
  const entry = lake.mirror.entries.get(`bronze.${name}`)
  if (entry === undefined) throw new Error(`${name} is not shown`)
  return entry
}

function alter(name: string, parameters: Readonly<Record<string, string>>): void {
  const entry = entryOf(name)
  lake.mirror.entries.set(`bronze.${name}`, {
    ...entry,
    version: `${entry.version}9`,
    parameters: { ...entry.parameters, ...parameters },
  })
}

it('finds nothing where nothing is wrong, and writes nothing', async () => {
  await mirrored()
  const before = new Map(lake.mirror.entries)
  expect(await reconcile(lake.ports)).toEqual({ tables: 4, drift: [], on_the_way: 0, failed: [] })
  expect(lake.mirror.entries).toEqual(before)
})

it('tells apart what is missing, behind, altered and orphaned, and repairs all of it', async () => {
  await mirrored()
  lake.mirror.entries.delete('bronze.airports')
  const old = lake.pointer(tableOf('carriers'))
  await lake.commit(tableOf('carriers'))
  alter('delays', { metadata_location: 's3://elsewhere/m.json' })
  const last = lake.pointer(flights)
  lake.drop(flights)
  expect(await reconcile(lake.ports)).toEqual({
    tables: 4,
    drift: [
      { table: 'bronze.airports', kind: 'missing' },
      { table: 'bronze.carriers', kind: 'behind', pointer: old },
      { table: 'bronze.delays', kind: 'altered', pointer: 's3://elsewhere/m.json' },
      { table: 'bronze.flights', kind: 'orphaned', pointer: last },
    ],
    on_the_way: 0,
    failed: [],
  })
  for (const name of ['airports', 'carriers', 'delays'])
    expect(entryOf(name).parameters.metadata_location).toBe(lake.pointer(tableOf(name)))
  expect(lake.mirror.entries.has('bronze.flights')).toBe(false)
  expect(await reconcile(lake.ports)).toMatchObject({ tables: 3, drift: [] })
})

it('knows an entry that is no Iceberg table any more as altered', async () => {
  await mirrored()
  alter('delays', { table_type: 'HIVE' })
  expect((await reconcile(lake.ports)).drift).toMatchObject([{ table: 'bronze.delays', kind: 'altered' }])
  expect(entryOf('delays').parameters.table_type).toBe('ICEBERG')
})

it('does not take a commit of just now for drift, and mirrors it all the same', async () => {
  await mirrored()
  await lake.commit(flights, { 'last-updated-ms': now - graceMilliseconds + 1 })
  await lake.commit(tableOf('new'), { 'last-updated-ms': now })
  expect(await reconcile(lake.ports)).toMatchObject({ tables: 5, drift: [], on_the_way: 2, failed: [] })
  expect(entryOf('new').parameters.metadata_location).toBe(lake.pointer(tableOf('new')))
})

it('finds the orphans of a namespace that the catalog has forgotten', async () => {
  await mirrored()
  for (const name of names) lake.drop(tableOf(name))
  const { drift } = await reconcile(lake.ports)
  expect(drift.map(({ kind }) => kind)).toEqual(['orphaned', 'orphaned', 'orphaned', 'orphaned'])
  expect(lake.mirror.entries.size).toBe(0)
})

it('neither changes nor deletes what it did not make, and says where that is in the way', async () => {
  await mirrored()
  const theirs = { version: '1', location: 's3://x', columns: [], parameters: { table_type: 'ICEBERG' } }
  lake.mirror.entries.set('bronze.theirs', theirs)
  lake.mirror.entries.set('bronze.flights', theirs)
  const { tables, drift, failed } = await reconcile(lake.ports)
  expect([tables, drift]).toEqual([4, []])
  expect(failed).toMatchObject([{ table: 'bronze.flights', error: { code: 'MIRROR_ENTRY_FOREIGN' } }])
  expect(lake.mirror.entries.get('bronze.theirs')).toBe(theirs)
  expect(lake.mirror.entries.get('bronze.flights')).toBe(theirs)
})
