import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findCycles } from './cycles.ts'

test('names one shortest cycle for each part, starting at its smallest node', () => {
  expect(findCycles([[1], [2], [0], [3], [5], [4, 0]])).toEqual([[0, 1, 2], [3], [4, 5]])
  expect(findCycles([[1], [2, 3], [3], [0]])).toEqual([[0, 1, 3]])
  expect(findCycles([[1, 2], [2], []])).toEqual([])
})

test('a chain of 200,000 nodes needs no stack', () => {
  const chain = Array.from({ length: 200_000 }, (_, i) => (i < 199_999 ? [i + 1] : []))
  expect(findCycles(chain)).toEqual([])
  chain[199_999] = [0]
  expect(findCycles(chain)[0]).toHaveLength(200_000)
})

test('finds a cycle exactly where removing nodes without predecessors ends early', () => {
  const graph = fc
    .integer({ min: 1, max: 9 })
    .chain((n) => fc.array(fc.uniqueArray(fc.nat(n - 1)), { minLength: n, maxLength: n }))
  fc.assert(
    fc.property(graph, (successors) => {
      const cycles = findCycles(successors)
      for (const cycle of cycles) {
        expect(new Set(cycle).size).toBe(cycle.length)
        for (const [i, node] of cycle.entries()) {
          expect(successors[node]).toContain(cycle[(i + 1) % cycle.length])
        }
      }
      expect(cycles.length > 0).toBe(!isAcyclic(successors))
    }),
  )
})

function isAcyclic(successors: readonly (readonly number[])[]): boolean {
  const left = new Set(successors.keys())
  for (;;) {
    const free = [...left].filter((node) => ![...left].some((from) => successors[from]!.includes(node)))
    if (free.length === 0) return left.size === 0
    for (const node of free) left.delete(node)
  }
}
