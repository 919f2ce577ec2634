import { describe, expect, test } from 'vitest'
import { type GraphNode, graphOf } from './graph.ts'

function node(name: string, reads: readonly string[] = [], depends_on: readonly string[] = []): GraphNode {
  const sql = reads.map((table) => `{{ ref('${table}') }}`).join(' ')
  return { name, table: `t.${name}`, depends_on, sql }
}

describe('graphOf', () => {
  test('draws each edge once, data before depends_on, in one order for any input order', () => {
    const nodes = [node('c', ['t.a', 't.b', 't.a'], ['a', 'a']), node('b', ['t.a']), node('a')]
    const edges = [
      { from: 'a', to: 'b', reason: 'reads t.a' },
      { from: 'a', to: 'c', reason: 'reads t.a' },
      { from: 'b', to: 'c', reason: 'reads t.b' },
    ]
    expect(graphOf(nodes)).toEqual({ edges, problems: [] })
    expect(graphOf(nodes.toReversed())).toEqual({ edges, problems: [] })
  })

  test('a table with several writers waits for all of them', () => {
    const writer = { ...node('a2'), table: 't.a' }
    expect(graphOf([node('a'), writer, node('b', ['t.a'])]).edges.map(({ from }) => from)).toEqual([
      'a',
      'a2',
    ])
  })

  test('a table that a check looks into is waited for, and must be there', () => {
    const against = (table: string) =>
      [{ name: 'c', severity: 'warn', references: { columns: ['k'], table, to: ['k'] } }] as const
    const { edges } = graphOf([node('a'), { ...node('b'), checks: against('t.a') }])
    expect(edges).toEqual([{ from: 'a', to: 'b', reason: 'checks against t.a' }])
    const path = ['contract', 'checks', 0, 'references', 'table']
    expect(graphOf([node('a'), { ...node('b'), checks: against('t.aa') }]).problems).toMatchObject([
      { dataflow: 'b', path, message: expect.stringContaining('`table: t.aa` is a reference to nothing') },
    ])
    const circle = graphOf([node('a', ['t.b']), { ...node('b'), checks: against('t.a') }])
    expect(circle.problems).toMatchObject([{ message: expect.stringContaining('wait for each other') }])
    const itself = graphOf([{ ...node('b'), checks: against('t.b') }])
    expect(itself.problems).toMatchObject([{ path, message: expect.stringContaining('waits for itself') }])
  })

  test('references to nothing are problems at their place', () => {
    const { edges, problems } = graphOf([node('orders'), node('b', ['t.order', 'x.y'], ['order', 'zzz'])])
    expect(edges).toEqual([])
    expect(problems).toEqual([
      {
        dataflow: 'b',
        path: ['transform', 'sql'],
        line: 1,
        column: 1,
        message: "`ref('t.order')` is a reference to nothing: no dataflow writes this table",
        hint: 'Did you mean `t.orders`?',
      },
      expect.objectContaining({ column: 22, hint: 'Tables written: t.b, t.orders' }),
      {
        dataflow: 'b',
        path: ['depends_on', 0],
        message: 'depends_on names `order`, and there is no such dataflow',
        hint: 'Did you mean `orders`?',
      },
      expect.objectContaining({ path: ['depends_on', 1], hint: 'Dataflows: b, orders' }),
    ])
  })

  test('a cycle is named in full, with places, along the data', () => {
    const nodes = [node('a', ['t.c']), node('b', ['t.a']), node('c', [], ['b']), node('d', ['t.a'])]
    const { problems } = graphOf(nodes, (name) => `m.yaml:${name.charCodeAt(0)}`)
    expect(problems).toEqual([
      {
        dataflow: 'a',
        path: ['transform', 'sql'],
        message:
          'these dataflows wait for each other: a -> b -> c -> a (a at m.yaml:97, b at m.yaml:98, c at m.yaml:99)',
        hint: 'Each one needs what the one before it writes: remove one of these references',
      },
    ])
  })

  test('a self-reference is a cycle, and so is depends_on of itself', () => {
    const { problems } = graphOf([node('a', ['t.a']), node('b', [], ['a', 'b'])])
    expect(problems.map(({ path, message }) => ({ path, message }))).toEqual([
      { path: ['transform', 'sql'], message: '`a` waits for itself: a -> a (reads t.a)' },
      { path: ['depends_on', 1], message: '`b` waits for itself: b -> b (depends_on)' },
    ])
  })
})
