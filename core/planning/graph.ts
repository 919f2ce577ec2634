import type { CheckSpec } from '../contract/checks.ts'
import { suggest } from '../manifest/near.ts'
import type { Dataflow } from '../manifest/types.ts'
import { checkReads } from './check-refs.ts'
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
  /** Of its contract; the tables that they look into are read as those of the transform. */
  readonly checks?: readonly CheckSpec[] | undefined
}

/** `to` must wait for `from`, and is skipped when `from` fails. */
export interface Edge {
  readonly from: string
  readonly to: string
  /** `reads bronze.flights`, `checks against bronze.airports`, or `depends_on`. */
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

export function graphNode({ name, sink, depends_on, transform, contract }: Dataflow): GraphNode {
  return { name, table: sink.table, depends_on, sql: transform?.sql, checks: contract.checks }
}

/**
 * Draws the edges that `{{ ref() }}`, the checks of contracts and `depends_on` name. A table that several dataflows write gives an
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
  const places = new Map<Edge, GraphProblem['path']>()
  const problems: GraphProblem[] = []
  const draw = (from: string, to: string, reason: string, path: GraphProblem['path']): void => {
    const key = `${to} ${from}`
    if (edges.has(key)) return
    const edge = { from, to, reason }
    edges.set(key, edge)
    places.set(edge, path)
  }
  for (const node of nodes) {
    const { refs, mistakes } = parseRefs(node.sql ?? '')
    for (const mistake of mistakes) problems.push({ dataflow: node.name, path: sqlPath, ...mistake })
    const checked = checkReads(node.checks)
    for (const mistake of checked.mistakes) problems.push({ dataflow: node.name, ...mistake })
    const reads = [
      ...refs.map(({ table, line, column }) => ({
        table,
        at: { line, column },
        path: sqlPath,
        text: `ref('${table}')`,
        verb: 'reads',
      })),
      ...checked.reads.map((read) => ({ ...read, verb: 'checks against' })),
    ]
    for (const { table, path, at, text, verb } of reads) {
      for (const writer of writers.get(table) ?? []) draw(writer.name, node.name, `${verb} ${table}`, path)
      if (writers.has(table)) continue
      const hint = suggest(table, writers.keys(), 'Tables written', 'Write the dataflow whose sink it is')
      const message = `\`${text}\` is a reference to nothing: no dataflow writes this table`
      problems.push({ dataflow: node.name, path, ...at, message, hint })
    }
    for (const [index, name] of node.depends_on.entries()) {
      if (known.has(name)) {
        draw(name, node.name, 'depends_on', ['depends_on', index])
        continue
      }
      const message = `depends_on names \`${name}\`, and there is no such dataflow`
      const hint = suggest(name, known, 'Dataflows', 'Remove it')
      problems.push({ dataflow: node.name, path: ['depends_on', index], message, hint })
    }
  }
  const sorted = [...edges].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, edge]) => edge)
  return { edges: sorted, problems: [...problems, ...cycleProblems(names, sorted, places, placeOf)] }
}

const sqlPath = ['transform', 'sql']

function cycleProblems(
  names: readonly string[],
  edges: readonly Edge[],
  places: ReadonlyMap<Edge, GraphProblem['path']>,
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
    const circle = [...members, first].join(' -> ')
    const stands = members.map((name) => [name, placeOf(name)] as const)
    const where = stands.flatMap(([name, place]) => (place === undefined ? [] : [`${name} at ${place}`]))
    const message =
      members.length === 1
        ? `\`${first}\` waits for itself: ${circle} (${edge.reason})`
        : `these dataflows wait for each other: ${circle}${where.length > 0 ? ` (${where.join(', ')})` : ''}`
    const path = places.get(edge)!
    const hint = 'Each one needs what the one before it writes: remove one of these references'
    return { dataflow: first, path, message, hint: members.length === 1 ? 'Remove the reference' : hint }
  })
}
