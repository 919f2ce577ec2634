import { expect, test } from 'vitest'
import type { ObjectStore } from '../stores/object-store.ts'
import { openLake, requestFor, someFile } from './lake.suite.ts'
import { prepareSnapshot } from './snapshot.ts'

test('a small append to a new table costs little CPU', async () => {
  const { store } = openLake()
  const nowhere: ObjectStore = {
    ...store,
    put: async (key, body) => ({ key, size: body.length, etag: '', last_modified: '' }),
  }
  const prepare = async (run: string) => {
    const table = { namespace: 'bronze', name: run }
    const file = someFile(store, 'a')
    const added = [{ ...file, filePath: file.filePath.replace('flights', run) }]
    await prepareSnapshot(requestFor(nowhere, run, { table, added }))
  }
  const rounds: number[] = []
  for (let round = 0; round < 5; round++) {
    const before = process.cpuUsage()
    for (let i = 0; i < 100; i++) await prepare(`t${round}_${i}`)
    const { user, system } = process.cpuUsage(before)
    rounds.push((user + system) / 100)
  }
  // Microseconds; measured 700 once warm. The best round, for the machine has other work and the first ones compile.
  expect(Math.min(...rounds)).toBeLessThan(1500)
})
