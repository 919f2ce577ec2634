import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Dataflow } from '../manifest/types.ts'
import type { ContractRecord } from '../runs/contract-record.ts'
import type { ExtractRecord } from '../runs/extract-record.ts'
import type { SourceState, SourceStateItem } from '../runs/items.ts'
import { openDirectoryStore } from '../stores/directory-object-store.ts'
import type { ObjectStore } from '../stores/object-store.ts'
import { checkSourceState, nextSourceState, notLoaded, readLoaded, sourceStateKind } from './source-state.ts'

function dataflow(
  load_type: 'append' | 'overwrite',
  watermark_columns: string[] = [],
  changed_objects = 'fail',
): Dataflow {
  return {
    name: 'orders',
    source: { watermark_columns, changed_objects },
    sink: { load_type, table: 'a.orders' },
  } as unknown as Dataflow
}

function stored(state: SourceState): SourceStateItem {
  return { pk: 'p', sk: 'STATE', version: 3, run_id: 'r', table: 'a.orders', state, updated_at: '' }
}

function extracted(keys: readonly string[], after: Record<string, string | null> = {}): ExtractRecord {
  const pins = keys.map((key) => ({ key, size: 1, etag: `v-${key}` }))
  const source = { kind: 'files', path: '.', pins, already_loaded: 0 } as const
  return { verdict: 'passed', source, inputs: 'digest', state_version: 3, after, shards: [] }
}

function judged(watermark: Record<string, string | null>): ContractRecord {
  const rows = { read: 0, accepted: 0, quarantined: 0, filtered: 0, deduplicated: 0 }
  return { verdict: 'passed', rows, files: [], by_reason: [], rules: [], watermark }
}

let directory: string
let evidence: ObjectStore
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'state-'))
  evidence = openDirectoryStore(directory)
})
afterAll(() => rm(directory, { recursive: true }))

describe('sourceStateKind', () => {
  it('follows the way of loading', () => {
    expect(sourceStateKind(dataflow('overwrite'))).toBe('full')
    expect(sourceStateKind(dataflow('append', ['day']))).toBe('watermark')
    expect(sourceStateKind(dataflow('append'))).toBe('objects')
  })
})

describe('notLoaded', () => {
  const pins = ['a', 'b', 'c'].map((key) => ({ key, size: 1, etag: `v-${key}` }))

  it('leaves out what was loaded in this very version', () => {
    expect(notLoaded(dataflow('append'), pins, { b: 'v-b' }).map((pin) => pin.key)).toEqual(['a', 'c'])
  })

  it('refuses an object that was loaded in another version, and names it', () => {
    const call = () => notLoaded(dataflow('append'), pins, { b: 'older' })
    expect(call).toThrow(
      expect.objectContaining({ code: 'SOURCE_OBJECT_CHANGED', details: { objects: ['b'], count: 1 } }),
    )
  })

  it('reads it again where the source says so', () => {
    const again = notLoaded(dataflow('append', [], 'append'), pins, { a: 'v-a', b: 'older' })
    expect(again.map((pin) => pin.key)).toEqual(['b', 'c'])
  })

  it('is not misled by names that every object has', () => {
    const odd = [{ key: 'constructor', size: 1, etag: 'x' }]
    expect(notLoaded(dataflow('append'), odd, {})).toEqual(odd)
  })
})

describe('nextSourceState', () => {
  const key = 'state/p/orders/r-0001-0.json'

  it('adds the objects of this load to those of all before', async () => {
    const before = stored({ kind: 'objects', loaded: { objects: { a: 'v-a' } }, inputs: '' })
    const change = await nextSourceState(
      { evidence },
      dataflow('append'),
      before,
      extracted(['b']),
      judged({}),
      key,
    )
    expect(change.previous_version).toBe(3)
    expect(await readLoaded({ evidence }, change.state)).toEqual({ a: 'v-a', b: 'v-b' })
  })

  it('puts a long list into a file of its own, and reads it back', async () => {
    const many = Array.from({ length: 1000 }, (_, i) => `folder/object-${i}.csv`)
    const change = await nextSourceState(
      { evidence },
      dataflow('append'),
      undefined,
      extracted(many),
      judged({}),
      key,
    )
    expect(change.state).toMatchObject({ kind: 'objects', loaded: { key } })
    expect(Object.keys(await readLoaded({ evidence }, change.state))).toHaveLength(1000)
  })

  it('keeps the old value of a watermark column in which nothing was read', async () => {
    const flow = dataflow('append', ['day', 'id'])
    const extract = extracted(['a'], { day: '2024-01-02', id: null })
    const { state } = await nextSourceState(
      { evidence },
      flow,
      undefined,
      extract,
      judged({ day: null, id: '7' }),
      key,
    )
    expect(state).toEqual({ kind: 'watermark', values: { day: '2024-01-02', id: '7' }, inputs: 'digest' })
  })
})

describe('checkSourceState', () => {
  const objects = stored({ kind: 'objects', loaded: { objects: {} }, inputs: '' })

  it('refuses to go on by watermark after loading by object', () => {
    const call = () => checkSourceState(dataflow('append', ['day']), objects)
    expect(call).toThrow(expect.objectContaining({ code: 'SOURCE_STATE_KIND' }))
  })

  it('refuses other watermark columns: those without a value would let every row in again', () => {
    const byDay = stored({ kind: 'watermark', values: { day: '2024-01-05' }, inputs: '' })
    for (const columns of [['id'], ['day', 'id']]) {
      const call = () => checkSourceState(dataflow('append', columns), byDay)
      expect(call, columns.join()).toThrow(expect.objectContaining({ code: 'SOURCE_STATE_KIND' }))
    }
    checkSourceState(dataflow('append', ['Day']), byDay)
  })

  it('refuses another table: it would have the new rows alone', () => {
    const elsewhere = { ...objects, table: 'b.orders' }
    const call = () => checkSourceState(dataflow('append'), elsewhere)
    expect(call).toThrow(expect.objectContaining({ code: 'SOURCE_STATE_TABLE' }))
    checkSourceState(dataflow('overwrite'), elsewhere)
  })

  it('takes the same way, the first load, and overwrite', () => {
    checkSourceState(dataflow('append'), objects)
    checkSourceState(dataflow('append', ['day']), undefined)
    checkSourceState(dataflow('overwrite'), objects)
  })
})
