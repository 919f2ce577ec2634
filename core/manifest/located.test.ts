import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type LocatedMap, mergeLocated, toPlain } from './located.ts'
import { parseTree } from './yaml-tree.ts'

type Plain = Record<string, unknown>

function tree(value: Plain): LocatedMap {
  const outcome = parseTree('m.yaml', JSON.stringify(value))
  expect(outcome.problems).toEqual([])
  return outcome.tree!
}

const value = fc.letrec((tie) => ({
  node: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(1, 2, 'a', true, null),
    fc.array(fc.nat(3), { maxLength: 2 }),
    tie('map'),
  ),
  map: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'constructor', 'toString'), tie('node'), { maxKeys: 4 }),
}))
const map = value.map as fc.Arbitrary<Plain>

describe('mergeLocated', () => {
  test('is the deep merge of the plain values', () => {
    fc.assert(
      fc.property(map, map, (under, over) => {
        expect(toPlain(mergeLocated(tree(under), tree(over)))).toEqual(merge(under, over))
      }),
    )
  })

  test('nothing under or over changes nothing, the same twice is the same, and grouping does not matter', () => {
    fc.assert(
      fc.property(map, map, map, (a, b, c) => {
        expect(toPlain(mergeLocated(tree({}), tree(a)))).toEqual(a)
        expect(toPlain(mergeLocated(tree(a), tree({})))).toEqual(a)
        expect(toPlain(mergeLocated(tree(a), tree(a)))).toEqual(a)
        const left = mergeLocated(mergeLocated(tree(a), tree(b)), tree(c))
        const right = mergeLocated(tree(a), mergeLocated(tree(b), tree(c)))
        if (mergesAlike(a, b, c)) expect(toPlain(left)).toEqual(toPlain(right))
      }),
    )
  })

  test('lists are replaced whole, and what was replaced is kept for the explanation', () => {
    const merged = mergeLocated(
      tree({ tags: ['a', 'b'], x: { y: 1, z: 2 } }),
      tree({ tags: [], x: { y: 3 } }),
    )
    expect(toPlain(merged)).toEqual({ tags: [], x: { y: 3, z: 2 } })
    expect(toPlain(merged.entries.get('tags')!.replaced!)).toEqual(['a', 'b'])
  })
})

/** The same rule, written for plain values. */
function merge(under: Plain, over: Plain): Plain {
  const result = new Map(Object.entries(under))
  for (const [key, each] of Object.entries(over)) {
    const before = result.get(key)
    result.set(key, isMap(before) && isMap(each) ? merge(before, each) : each)
  }
  return Object.fromEntries(result)
}

/** Grouping matters only where a value that is no map stands between two maps. */
function mergesAlike(a: unknown, b: unknown, c: unknown): boolean {
  if (!isMap(a) || !isMap(c)) return true
  if (!isMap(b)) return b === undefined
  return Object.keys(b).every((key) => mergesAlike(own(a, key), own(b, key), own(c, key)))
}

function own(value: Plain, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined
}

function isMap(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
