import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Edge } from './graph.ts'
import { type OrderedNode, planWaves } from './waves.ts'

function edge(from: string, to: string, reason = `reads t.${from}`): Edge {
  return { from, to, reason }
}

describe('planWaves', () => {
  test('the earliest wave that data allow, names sorted', () => {
    const nodes = ['d', 'c', 'b', 'a'].map((name) => ({ name }))
    const { waves } = planWaves(nodes, [edge('a', 'c'), edge('c', 'd')])
    expect(waves).toEqual([['a', 'b'], ['c'], ['d']])
  })

  test('buckets of a group are strictly sequential, ties run together, groups and the rest are independent', () => {
    const nodes: OrderedNode[] = [
      { name: 'g1_late', group_number: 1, execution_order: 20 },
      { name: 'g1_tie_a', group_number: 1, execution_order: 3 },
      { name: 'g1_tie_b', group_number: 1, execution_order: 3 },
      { name: 'g1_default', group_number: 1 },
      { name: 'g2_first', group_number: 2, execution_order: 9 },
      { name: 'g2_second', group_number: 2, execution_order: 10 },
      { name: 'negative', group_number: 1, execution_order: -1 },
      { name: 'free' },
    ]
    const { waves, orderBefore } = planWaves(nodes, [])
    expect(waves).toEqual([
      ['free', 'g2_first', 'negative'],
      ['g1_default', 'g2_second'],
      ['g1_tie_a', 'g1_tie_b'],
      ['g1_late'],
    ])
    expect(orderBefore.get('g1_late')).toBe(3)
    expect(orderBefore.get('g2_first')).toBeUndefined()
  })

  test('a bucket that data hold back holds back the next bucket, too', () => {
    const nodes: OrderedNode[] = [
      { name: 'source' },
      { name: 'held', group_number: 1, execution_order: 1 },
      { name: 'next', group_number: 1, execution_order: 2 },
    ]
    expect(planWaves(nodes, [edge('source', 'held')]).waves).toEqual([['source'], ['held'], ['next']])
  })

  test('a barrier against the data is a problem that names both', () => {
    const nodes: OrderedNode[] = [
      { name: 'report', group_number: 7, execution_order: 1 },
      { name: 'middle' },
      { name: 'load', group_number: 7, execution_order: 2 },
    ]
    const { waves, problems } = planWaves(nodes, [
      edge('load', 'middle'),
      edge('middle', 'report', 'depends_on'),
    ])
    expect(waves).toEqual([])
    expect(problems).toEqual([
      {
        dataflow: 'load',
        path: ['execution_order'],
        message:
          'execution_order contradicts the data: load before middle (which reads t.load), but ' +
          'middle before report (report depends_on it), but ' +
          'report before load (group_number 7: execution_order 1 before 2)',
        hint: 'Change one of these numbers, or remove the reference',
      },
    ])
  })

  test('two groups can contradict the data only together', () => {
    const nodes: OrderedNode[] = [
      { name: 'a', group_number: 1, execution_order: 1 },
      { name: 'b', group_number: 1, execution_order: 2 },
      { name: 'c', group_number: 2, execution_order: 1 },
      { name: 'd', group_number: 2, execution_order: 2 },
    ]
    const [problem] = planWaves(nodes, [edge('b', 'c'), edge('d', 'a')]).problems
    expect(problem?.message).toContain('a before b (group_number 1: execution_order 1 before 2)')
    expect(problem?.message).toContain('c before d (group_number 2: execution_order 1 before 2)')
  })

  const plans = fc
    .array(fc.record({ group: fc.option(fc.nat(2), { nil: undefined }), order: fc.nat(3) }), {
      maxLength: 14,
    })
    .chain((shapes) => {
      const nodes = shapes.map(({ group, order }, i): OrderedNode => {
        const name = `n${String(i).padStart(2, '0')}`
        return group === undefined ? { name } : { name, group_number: group, execution_order: order }
      })
      const index = fc.nat(Math.max(0, nodes.length - 1))
      const edges = fc
        .array(fc.tuple(index, index), { maxLength: 20 })
        .map((pairs) =>
          pairs
            .filter(([a, b]) => a < b && nodes.length > 0)
            .map(([a, b]) => edge(nodes[a]!.name, nodes[b]!.name)),
        )
      return fc.record({ nodes: fc.constant(nodes), edges, seed: fc.infiniteStream(fc.nat()) })
    })

  test('every dataflow in exactly one wave, every edge and barrier to a later one, none later than it must', () => {
    fc.assert(
      fc.property(plans, ({ nodes, edges }) => {
        const { waves, problems } = planWaves(nodes, edges)
        const waveOf = new Map(waves.flatMap((names, i) => names.map((name) => [name, i] as const)))
        if (problems.length > 0) {
          expect(isOrderable(nodes, edges)).toBe(false)
          return
        }
        expect(waves.flat().sort()).toEqual(nodes.map(({ name }) => name))
        const needs = constraints(nodes, edges)
        for (const [before, after] of needs) expect(waveOf.get(before)!).toBeLessThan(waveOf.get(after)!)
        for (const [name, wave] of waveOf) {
          if (wave === 0) continue
          expect(needs.some(([before, after]) => after === name && waveOf.get(before) === wave - 1)).toBe(
            true,
          )
        }
      }),
      { numRuns: 500 },
    )
  })

  test('the order of the input is of no consequence', () => {
    fc.assert(
      fc.property(plans, ({ nodes, edges, seed }) => {
        const shuffled = <T>(list: readonly T[]): T[] =>
          list
            .map((item) => ({ item, key: seed.next().value as number }))
            .sort((a, b) => a.key - b.key)
            .map(({ item }) => item)
        expect(planWaves(shuffled(nodes), shuffled(edges))).toEqual(planWaves(nodes, edges))
      }),
    )
  })

  test('10,000 dataflows in two buckets of 5,000, a chain and 20,000 edges: under 200 ms', () => {
    const name = (i: number): string => `n${String(i).padStart(5, '0')}`
    const nodes = Array.from({ length: 10_000 }, (_, i): OrderedNode => {
      return i < 9_000
        ? { name: name(i), group_number: 1, execution_order: i < 4_500 ? 1 : 2 }
        : { name: name(i) }
    })
    const chain = Array.from({ length: 999 }, (_, i) => edge(name(9_000 + i), name(9_001 + i)))
    const cross = Array.from({ length: 19_000 }, (_, i) =>
      edge(name(i % 4_500), name(4_500 + ((i * 7) % 4_500))),
    )
    // The best of some tries, in CPU time: what the code needs, whatever else the machine does.
    const tries = Array.from({ length: 5 }, () => {
      const started = process.cpuUsage()
      const { waves } = planWaves(nodes, [...chain, ...cross])
      const { user, system } = process.cpuUsage(started)
      return { waves: waves.length, milliseconds: (user + system) / 1000 }
    })
    expect(Math.min(...tries.map(({ milliseconds }) => milliseconds))).toBeLessThan(200)
    expect(tries[0]?.waves).toBe(1000)
  })
})

/** All pairs that must be in order, spelled out the slow way. */
function constraints(nodes: readonly OrderedNode[], edges: readonly Edge[]): [string, string][] {
  const barriers = nodes.flatMap((a) =>
    nodes
      .filter((b) => a.group_number !== undefined && a.group_number === b.group_number)
      .filter((b) => (a.execution_order ?? 0) < (b.execution_order ?? 0))
      .map((b): [string, string] => [a.name, b.name]),
  )
  return [...edges.map(({ from, to }): [string, string] => [from, to]), ...barriers]
}

function isOrderable(nodes: readonly OrderedNode[], edges: readonly Edge[]): boolean {
  const needs = constraints(nodes, edges)
  const left = new Set(nodes.map(({ name }) => name))
  for (;;) {
    const free = [...left].filter(
      (name) => !needs.some(([before, after]) => after === name && left.has(before)),
    )
    if (free.length === 0) return left.size === 0
    for (const name of free) left.delete(name)
  }
}
