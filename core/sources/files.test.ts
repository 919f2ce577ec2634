import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDirectoryStore } from '../stores/directory-object-store.ts'
import type { ObjectStore } from '../stores/object-store.ts'
import { literalPrefix, pinFiles } from './files.ts'

describe('pinFiles', () => {
  let directory: string
  let store: ObjectStore
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pins-'))
    store = openDirectoryStore(directory)
    for (const key of [
      'a-1.csv',
      'a-2.csv',
      'a-2.csv.gz',
      'b.csv',
      'in/a-3.csv',
      'in/deep/a-4.csv',
      '.hidden.csv',
    ]) {
      await store.put(key, key)
    }
  })
  afterAll(() => rm(directory, { recursive: true }))

  it.each([
    ['a-*.csv', ['a-1.csv', 'a-2.csv']],
    ['b.csv', ['b.csv']],
    ['*.csv', ['a-1.csv', 'a-2.csv', 'b.csv']],
    ['**/*.csv', ['a-1.csv', 'a-2.csv', 'b.csv', 'in/a-3.csv', 'in/deep/a-4.csv']],
    ['in/**', ['in/a-3.csv', 'in/deep/a-4.csv']],
    ['{a-1,b}.csv', ['a-1.csv', 'b.csv']],
    ['a-[2-9].csv{,.gz}', ['a-2.csv', 'a-2.csv.gz']],
    ['c*.csv', []],
  ])('%s', async (glob, keys) => {
    expect((await pinFiles(store, glob)).map((pin) => pin.key)).toEqual(keys)
  })

  it('pins the version: rewriting a file changes its etag', async () => {
    const [before] = await pinFiles(store, 'b.csv')
    await store.put('b.csv', 'other bytes')
    const [after] = await pinFiles(store, 'b.csv')
    expect(after?.etag).not.toBe(before?.etag)
  })
})

describe('literalPrefix', () => {
  it.each([
    ['flights/2024-*.csv', 'flights/2024-'],
    ['plain.csv', 'plain.csv'],
    ['**', ''],
    ['a{b,c}', 'a'],
  ])('%s', (glob, prefix) => expect(literalPrefix(glob)).toBe(prefix))
})
