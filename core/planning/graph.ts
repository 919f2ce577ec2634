import { suggest } from '../manifest/near.ts'
import type { Dataflow } from '../manifest/types.ts'
import { findCycles } from './cycles.ts'
import { parseRefs } from './refs.ts'

/** What the graph needs to know of a dataflow. */
export interface GraphNode {
  readonly name: string
  /** The table that it writes. */
  readonly table: string
  readonly depends_on: readonly string[]
  /** Of its transform, if it has one. */
  readonly sql?: string | undefined
}

/** `to` must wait for `from`, and is skipped when `from` fails. */
export interface Edge {
  readonly from: string
  readonly to: string
  /** `reads bronze.flights`, or `depends_on`. */
  readonly reason: string
}

/** Something in a dataflow's references that cannot be; `path` is inside of the dataflow. */
export interface GraphProblem {
  readonly dataflow: string
  readonly path: readonly (string | number)[]
  /** In the text at `path`, from 1. */
  readonly line?: number
  readonly column?: number
  readonly message: string
  readonly hint: string
}

export interface Graph {
  /** By `to`, then `from`, in code-point order; at most one for each pair. */
  readonly edges: readonly Edge[]
  readonly problems: readonly GraphProblem[]
}

export function graphNode({ name, sink, depends_on, transform }: Dataflow): GraphNode {
  return { name, table: sink.table, depends_on, sql: transform?.sql }
}

/**
 * Draws the edges that `{{ ref() }}` and `depends_on` name. A table that several dataflows write gives an
 * edge from each of them. References to nothing, templates that are no `ref`, and cycles (self-references
 * too) are problems; where there are any, the edges are only those that could be drawn. `placeOf` says where
 * a dataflow stands (`sluice.yaml:12`), for the text of a cycle.
 */
export function graphOf(
  nodes: readonly GraphNode[],
  placeOf: (dataflow: string) => string | undefined = () => undefined,
): Graph {
  const names = nodes.map((node) => node.name).sort()
  const known = new Set(names)
  const writers = Map.groupBy(nodes, (node) => node.table)
  const edges = new Map<string, Edge>()
  const problems: GraphProblem[] = []
  const draw = (from: string, to: string, reason: string): void => {
    const key = `${to} ${from}`
    if (!edges.has(key)) edges.set(key, { from, to, reason })
  }
  for (const node of nodes) {
    const { refs, mistakes } = parseRefs(node.sql ?? '')
    for (const mistake of mistakes) problems.push({ dataflow: node.name, path: sqlPath, ...mistake })
    for (const { table, line, column } of refs) {
      for (const writer of writers.get(table) ?? []) draw(writer.name, node.name, `reads ${table}`)
      if (writers.has(table)) continue
      const hint = suggest(table, writers.keys(), 'Tables written', 'Write the dataflow whose sink it is')
      const message = `\`ref('${table}')\` is a reference to nothing: no dataflow writes this table`
      problems.push({ dataflow: node.name, path: sqlPath, line, column, message, hint })
    }
    for (const [index, name] of node.depends_on.entries()) {
      if (known.has(name)) {
        draw(name, node.name, 'depends_on')
        continue
      }
      const message = `depends_on names \`${name}\`, and there is no such dataflow`
      const hint = suggest(name, known, 'Dataflows', 'Remove it')
      problems.push({ dataflow: node.name, path: ['depends_on', index], message, hint })
    }
  }
  const sorted = [...edges].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, edge]) => edge)
  return { edges: sorted, problems: [...problems, ...cycleProblems(names, sorted, nodes, placeOf)] }
}

const sqlPath = ['transform', 'sql']

function cycleProblems(
  names: readonly string[],
  edges: readonly Edge[],
  nodes: readonly GraphNode[],
  placeOf: (dataflow: string) => string | undefined,
): GraphProblem[] {
  const index = new Map(names.map((name, i) => [name, i]))
  const successors: number[][] = names.map(() => [])
  for (const edge of edges) successors[index.get(edge.from)!]!.push(index.get(edge.to)!)
  return findCycles(successors).map((cycle) => {
    const members = cycle.map((i) => names[i]!)
    const first = members[0]!
    const before = members.at(-1)!
    const edge = edges.find(({ from, to }) => from === before && to === first)!
    const node = nodes.find(({ name }) => name === first)!
    const circle = [...members, first].join(' -> ')
    const places = members.map((name) => [name, placeOf(name)] as const)
    const where = places.flatMap(([name, place]) => (place === undefined ? [] : [`${name} at ${place}`]))
    const message =
      members.length === 1
        ? `\`${first}\` waits for itself: ${circle} (${edge.reason})`
        : `these dataflows wait for each other: ${circle}${where.length > 0 ? ` (${where.join(', ')})` : ''}`
    const path = edge.reason === 'depends_on' ? ['depends_on', node.depends_on.indexOf(before)] : sqlPath
    const hint = 'Each one needs what the one before it writes: remove one of these references'
    return { dataflow: first, path, message, hint: members.length === 1 ? 'Remove the reference' : hint }
  })
}
