import { describe, expect, test } from 'vitest'
import type { ObjectStore } from '../stores/object-store.ts'
import { keyToUri, tableRoot, uriToKey } from './locations.ts'

const at = (uri: string) => ({ uri }) as ObjectStore

describe('locations', () => {
  test('go to keys and back', () => {
    const store = at('s3://lake/prod')
    const key = `${tableRoot({ namespace: 'bronze', name: 'flights' })}/data/a b%20é.parquet`
    expect(keyToUri(store, key)).toBe('s3://lake/prod/bronze/flights/data/a b%20é.parquet')
    expect(uriToKey(store, keyToUri(store, key))).toBe(key)
  })

  test.each([
    ['s3://lake/prod', 's3a://lake/prod/t/x', 't/x'],
    ['s3://lake', 's3n://lake/t/x', 't/x'],
    ['file:///lake', 'file:/lake/t/x', 't/x'],
    ['file:///lake', 'file:///lake/t/x', 't/x'],
  ])('in %s: %s', (uri, location, key) => {
    expect(uriToKey(at(uri), location)).toBe(key)
  })

  test.each([
    ['s3://lake/prod', 's3://lake/production/x'],
    ['s3://lake/prod', 's3://lake/x'],
    ['s3://lake/prod', 's3://other/prod/x'],
    ['s3://lake/prod', 'file:///lake/prod/x'],
    ['s3://lake/prod', 's3://lake/prod/../x'],
    ['s3://lake/prod', 's3://lake/prod/a/./x'],
    ['s3://lake/prod', 's3://lake/prod//x'],
    ['s3://lake/prod', 's3://lake/prod'],
    ['s3://lake/prod', 's3://lake/prod/'],
    ['file:///lake', '/lake/x'],
  ])('outside %s: %s', (uri, location) => {
    expect(() => uriToKey(at(uri), location)).toThrowError(
      expect.objectContaining({ name: 'PolicyError', code: 'TABLE_FILE_OUTSIDE_STORE' }),
    )
  })
})
