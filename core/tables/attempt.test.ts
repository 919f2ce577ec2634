import { expect, test } from 'vitest'
import { newSnapshotId, uuidFrom } from './attempt.ts'

test('ids repeat with their seed, differ without it, and fit', () => {
  const ids = Array.from({ length: 2_000 }, (_, i) => newSnapshotId(`run/${i}`))
  expect(new Set(ids).size).toBe(ids.length)
  expect(newSnapshotId('run/7')).toBe(ids[7])
  expect(ids.every((id) => id > 0n && id < 2n ** 53n)).toBe(true)
  expect(ids.some((id) => id > 2n ** 51n)).toBe(true)
})

test('a uuid of version 8', () => {
  expect(uuidFrom('a')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(uuidFrom('a')).toBe(uuidFrom('a'))
  expect(uuidFrom('a')).not.toBe(uuidFrom('b'))
})
