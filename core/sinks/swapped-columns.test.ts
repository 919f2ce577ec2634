import { describe, expect, test } from 'vitest'
import type { Schema } from '../tables/types.ts'
import { readSwapped, ringState, ringsOf, swappedAfter, swappedProperty } from './swapped-columns.ts'

const columns = (renames: Readonly<Record<string, string | undefined>>) =>
  Object.entries(renames).map(([name, from]) => ({
    name,
    ...(from === undefined ? {} : { rename_from: from }),
  }))
const table = (...names: string[]): Schema => ({
  schemaId: 0,
  fields: names.map((name, i) => ({ id: i + 1, name, required: false, type: { kind: 'string' } })),
})
const swap = columns({ a: 'b', b: 'a' })

test('rings are closed, and no chain or column that is called as before is one', () => {
  expect(ringsOf(columns({ a: 'b', b: 'a', c: 'd', d: 'e', e: 'c' }))).toEqual([
    ['a', 'b'],
    ['c', 'd', 'e'],
  ])
  // `x` leads into a ring that it is none of, as a manifest that is refused might say.
  expect(ringsOf(columns({ x: 'a', a: 'b', b: 'a' }))).toEqual([['a', 'b']])
  for (const none of [{ a: 'a' }, { a: 'b', b: 'c' }, { a: 'b', b: undefined }])
    expect(ringsOf(columns(none))).toEqual([])
})

describe('what a table remembers', () => {
  const swapped = table('b', 'a')
  const property = swappedAfter('f', swap, swapped, undefined)
  const remembered = readSwapped(property)
  const state = (schema: Schema, known = remembered, given = swap) =>
    ringState(['a', 'b'], given, schema, known)

  test('a ring is made where the names are still those fields’', () => {
    expect(state(table('a', 'b'), {})).toBe('open')
    expect(state(swapped)).toBe('made')
    expect(state(table('a', 'b'))).toEqual({ problem: expect.stringContaining('another writer') })
    expect(state(table('b', 'a', 'a__variant'), {})).toEqual({
      problem: expect.stringContaining('a__variant'),
    })
    expect(state(table('b', 'a', 'a__variant'))).toBe('made')
  })

  test('only the dataflow that has swapped ends it, by saying so no more', () => {
    expect(swappedAfter('other', [], swapped, property)).toEqual(property)
    expect(swappedAfter('other', swap, swapped, property)).toEqual(property)
    expect(swappedAfter('f', [], swapped, property)).toEqual({ [swappedProperty]: '{}' })
    expect(swappedAfter('f', [], swapped, {})).toEqual({})
  })

  test.each(['', '[1]', '{"a":{}}', 'null'])('%s is none of it', (text) => {
    expect(() => readSwapped({ [swappedProperty]: text })).toThrow(/not as Sluice writes it/)
  })
})
