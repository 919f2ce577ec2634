/**
 * One cycle for every strongly connected part of a graph over the nodes `0 … successors.length - 1`: the
 * shortest one through the part's smallest node, as `[a, b, c]` for a → b → c → a. A self-loop is `[a]`.
 * Deterministic for given successors; no recursion, so a chain of any length is fine. O(nodes + edges).
 */
export function findCycles(successors: readonly (readonly number[])[]): number[][] {
  const component = components(successors)
  const smallest = new Map<number, number>()
  for (let node = 0; node < successors.length; node++) {
    if (!smallest.has(component[node]!)) smallest.set(component[node]!, node)
  }
  const cycles: number[][] = []
  for (const start of smallest.values()) {
    const cycle = shortestCycle(start, successors, component)
    if (cycle !== undefined) cycles.push(cycle)
  }
  return cycles
}

function shortestCycle(
  start: number,
  successors: readonly (readonly number[])[],
  component: readonly number[],
): number[] | undefined {
  const cameFrom = new Map<number, number>()
  const queue = [start]
  for (let i = 0; i < queue.length; i++) {
    const node = queue[i]!
    for (const next of successors[node]!) {
      if (next === start) return trace(start, node, cameFrom)
      if (component[next] !== component[start] || cameFrom.has(next)) continue
      cameFrom.set(next, node)
      queue.push(next)
    }
  }
  return undefined
}

function trace(start: number, last: number, cameFrom: ReadonlyMap<number, number>): number[] {
  const path = [last]
  while (path.at(-1) !== start) path.push(cameFrom.get(path.at(-1)!)!)
  return path.reverse()
}

/** Tarjan's algorithm with its own stack: the number of the strongly connected part of each node. */
function components(successors: readonly (readonly number[])[]): number[] {
  const count = successors.length
  const order = new Array<number>(count).fill(-1)
  const low = new Array<number>(count).fill(0)
  const component = new Array<number>(count).fill(-1)
  const cursor = new Array<number>(count).fill(0)
  const open: number[] = []
  let clock = 0
  let parts = 0
  for (let root = 0; root < count; root++) {
    if (order[root] !== -1) continue
    const path = [root]
    while (path.length > 0) {
      const node = path.at(-1)!
      if (order[node] === -1) {
        order[node] = low[node] = clock++
        open.push(node)
      }
      const next = successors[node]![cursor[node]!++]
      if (next !== undefined) {
        if (order[next] === -1) path.push(next)
        else if (component[next] === -1) low[node] = Math.min(low[node]!, order[next]!)
        continue
      }
      path.pop()
      const parent = path.at(-1)
      if (parent !== undefined) low[parent] = Math.min(low[parent]!, low[node]!)
      if (low[node] === order[node]) {
        let member: number
        do {
          member = open.pop()!
          component[member] = parts
        } while (member !== node)
        parts++
      }
    }
  }
  return component
}
