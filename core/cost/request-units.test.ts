import { describe, expect, it } from 'vitest'
import type { ObjectInfo, ObjectStore } from '../stores/object-store.ts'
import type { Item, StateStore } from '../stores/state-store.ts'
import { countedObjects, countedState, newCounts } from './counted-stores.ts'
import {
  downloadRequests,
  itemBytes,
  listRequests,
  readUnits,
  transactionUnits,
  uploadRequests,
} from './request-units.ts'

const MiB = 1024 * 1024
const put = (bytes: number) =>
  ({ kind: 'put', item: { pk: 'p', sk: 's', text: 'x'.repeat(bytes - 10) } }) as const

describe('request units', () => {
  it('an item is its names and values', () => {
    expect(itemBytes(put(1024).item)).toBe(1024)
    expect(itemBytes({ pk: 'ä', sk: 's', n: 12345, yes: true, none: null } as Item)).toBe(4 + 3 + 5 + 4 + 5)
  })

  it('a transaction takes two units for each KiB begun', () => {
    expect(transactionUnits([put(1024)])).toEqual({ reads: 0, writes: 2 })
    expect(transactionUnits([put(1025)])).toEqual({ reads: 0, writes: 4 })
    expect(transactionUnits([{ kind: 'check', pk: 'p', sk: 's', expect: 'absent' }, put(20)]).writes).toBe(4)
  })

  it('a pointer is read before it is moved, and a new table enters the index', () => {
    const table = { namespace: 'n', name: 't' }
    expect(transactionUnits([{ kind: 'pointer', table, base: 'a', next: 'b' }])).toEqual({
      reads: 1,
      writes: 2,
    })
    expect(transactionUnits([{ kind: 'pointer', table, base: undefined, next: 'b' }]).writes).toBe(3)
  })

  it('reads come in 4 KiB, objects in the parts of the adapter', () => {
    expect([0, 1, 4096, 4097].map(readUnits)).toEqual([1, 1, 1, 2])
    expect([0, 32 * MiB, 32 * MiB + 1, 160 * MiB].map(uploadRequests)).toEqual([1, 1, 3 + 2, 10 + 2])
    expect(uploadRequests(1024 * 1024 * MiB)).toBe(10_000 + 2)
    expect([1, 32 * MiB, 32 * MiB + 1, 96 * MiB].map(downloadRequests)).toEqual([1, 1, 2, 3])
    expect([0, 1000, 1001].map(listRequests)).toEqual([1, 1, 2])
  })
})

describe('counted stores', () => {
  it('count what is asked of them and give back what they were given', async () => {
    const counts = newCounts()
    const info: ObjectInfo = { key: 'k', size: 160 * MiB, etag: 'e', last_modified: '' }
    const inner = {
      uri: 'file:///x',
      get: async () => ({ info, body: new Uint8Array(3) }),
      put: async () => info,
      upload: async () => info,
      async *list() {
        for (let i = 0; i < 1001; i++) yield info
      },
    } as unknown as ObjectStore
    const store = countedObjects(inner, counts)
    expect(store.uri).toBe('file:///x')
    expect((await store.get('k')).body).toHaveLength(3)
    expect(await store.put('k', 'text')).toBe(info)
    expect(await store.upload('k', '/tmp/f')).toBe(info)
    const keys = []
    for await (const each of store.list('')) keys.push(each)
    expect(keys).toHaveLength(1001)
    expect(counts).toMatchObject({ s3_gets: 3, s3_puts: 1 + 12, s3_lists: 2 })
  })

  it('a query that is left early has still been asked', async () => {
    const counts = newCounts()
    const item = put(5000).item as Item
    const inner = {
      get: async () => item,
      async *query() {
        yield item
        yield item
      },
      transact: async () => {
        throw new Error('refused')
      },
    } as unknown as StateStore
    const store = countedState(inner, counts)
    for await (const _ of store.query('p')) break
    expect(await store.get('p', 's')).toBe(item)
    await expect(store.transact([put(10)])).rejects.toThrow('refused')
    expect(counts).toMatchObject({ dynamodb_read_units: 2 + 2, dynamodb_write_units: 2 })
  })
})
