import type { Dataflow } from '../manifest/types.ts'
import { findCycles } from './cycles.ts'
import type { Edge, GraphProblem } from './graph.ts'

export type OrderedNode = Pick<Dataflow, 'name' | 'group_number' | 'execution_order'>

export interface WaveOrder {
  /** Names, sorted within each wave; empty where there are problems. */
  readonly waves: readonly (readonly string[])[]
  /** By dataflow: the largest `execution_order` of its group before its own, where there is one. */
  readonly orderBefore: ReadonlyMap<string, number>
  readonly problems: readonly GraphProblem[]
}

interface Barrier {
  readonly group: number
  readonly before: number
  readonly after: number
}

/**
 * Puts every dataflow into the earliest wave that its edges and barriers allow.
 *
 * Edges are data: the later one reads what the earlier one wrote. Barriers are time, as in DataCoolie: the
 * dataflows of one `group_number` form buckets by `execution_order` (0 where it is absent), every bucket
 * waits until the bucket before it has ended, and one bucket's dataflows run at the same time. Groups do not
 * wait for each other, nor for dataflows without a group. A barrier is no dependency: when a dataflow fails,
 * the next bucket still runs, unless the run stops on errors. `execution_order` without a `group_number`
 * would order nothing (DataCoolie ignores it silently), so the manifest's rules refuse it.
 *
 * Data may hold a dataflow back further than its bucket, and then it holds back the buckets behind it.
 * Where data demand the opposite of a barrier there is no order: that is a problem which names both.
 *
 * The result depends on the set of nodes and edges only, not on their order. O(n log n + edges): the bucket
 * boundary is a node of its own, so that two buckets of 5,000 dataflows are 10,000 arcs and not 25,000,000.
 */
export function planWaves(nodes: readonly OrderedNode[], given: readonly Edge[]): WaveOrder {
  const sorted = [...nodes].sort((a, b) => (a.name < b.name ? -1 : 1))
  // Which of several cycles is named depends on the order in which arcs are followed.
  const edges = [...given].sort(compareEdges)
  const index = new Map(sorted.map((node, i) => [node.name, i]))
  const successors: number[][] = sorted.map(() => [])
  for (const edge of edges) successors[index.get(edge.from)!]!.push(index.get(edge.to)!)
  const barriers: Barrier[] = []
  const orderBefore = new Map<string, number>()
  for (const [group, buckets] of groupsOf(sorted)) {
    for (const [position, bucket] of buckets.entries()) {
      const previous = buckets[position - 1]
      if (previous === undefined) continue
      const barrier = sorted.length + barriers.length
      barriers.push({ group, before: previous.order, after: bucket.order })
      for (const member of previous.members) successors[member]!.push(barrier)
      successors.push(bucket.members)
      for (const member of bucket.members) orderBefore.set(sorted[member]!.name, previous.order)
    }
  }
  const levels = levelsOf(successors, sorted.length)
  if (levels === undefined) {
    const problems = findCycles(successors).map((cycle) => contradiction(cycle, sorted, barriers, edges))
    return { waves: [], orderBefore, problems }
  }
  const waves: string[][] = []
  for (const [i, node] of sorted.entries()) {
    const level = levels[i]!
    waves[level] ??= []
    waves[level].push(node.name)
  }
  return { waves, orderBefore, problems: [] }
}

function compareEdges(a: Edge, b: Edge): number {
  return compare(a.from, b.from) || compare(a.to, b.to) || compare(a.reason, b.reason)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

interface Bucket {
  readonly order: number
  readonly members: number[]
}

function groupsOf(sorted: readonly OrderedNode[]): [group: number, buckets: Bucket[]][] {
  const groups = new Map<number, Map<number, Bucket>>()
  for (const [i, { group_number, execution_order = 0 }] of sorted.entries()) {
    if (group_number === undefined) continue
    const buckets = groups.get(group_number) ?? new Map<number, Bucket>()
    groups.set(group_number, buckets)
    const bucket = buckets.get(execution_order) ?? { order: execution_order, members: [] }
    buckets.set(execution_order, bucket)
    bucket.members.push(i)
  }
  return [...groups]
    .sort(([a], [b]) => a - b)
    .map(([group, buckets]) => [group, [...buckets.values()].sort((a, b) => a.order - b.order)])
}

/** Longest way to each node, where an arc that leaves a dataflow counts one; `undefined` where there is a cycle. */
function levelsOf(successors: readonly (readonly number[])[], dataflows: number): number[] | undefined {
  const level = new Array<number>(successors.length).fill(0)
  const waiting = new Array<number>(successors.length).fill(0)
  for (const targets of successors) for (const target of targets) waiting[target]!++
  const ready = [...waiting.keys()].filter((node) => waiting[node] === 0)
  for (let i = 0; i < ready.length; i++) {
    const node = ready[i]!
    const next = level[node]! + (node < dataflows ? 1 : 0)
    for (const target of successors[node]!) {
      level[target] = Math.max(level[target]!, next)
      waiting[target]!--
      if (waiting[target] === 0) ready.push(target)
    }
  }
  return ready.length === successors.length ? level : undefined
}

function contradiction(
  cycle: readonly number[],
  sorted: readonly OrderedNode[],
  barriers: readonly Barrier[],
  edges: readonly Edge[],
): GraphProblem {
  const steps: string[] = []
  for (let i = 0; i < cycle.length; i++) {
    const from = sorted[cycle[i]!]
    if (from === undefined) continue
    const next = cycle[(i + 1) % cycle.length]!
    const barrier = barriers[next - sorted.length]
    const to = sorted[barrier === undefined ? next : cycle[(i + 2) % cycle.length]!]!
    const edge = edges.find((candidate) => candidate.from === from.name && candidate.to === to.name)
    steps.push(
      barrier === undefined
        ? `${from.name} before ${to.name} (${edge!.reason === 'depends_on' ? `${to.name} depends_on it` : `which ${edge!.reason}`})`
        : `${from.name} before ${to.name} (group_number ${barrier.group}: execution_order ${barrier.before} before ${barrier.after})`,
    )
  }
  const first = sorted[cycle.find((node) => node < sorted.length)!]!
  return {
    dataflow: first.name,
    path: [first.execution_order === undefined ? 'group_number' : 'execution_order'],
    message: `execution_order contradicts the data: ${steps.join(', but ')}`,
    hint: 'Change one of these numbers, or remove the reference',
  }
}
