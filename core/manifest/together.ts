import { type GraphNode, type GraphProblem, graphOf } from '../planning/graph.ts'
import { type OrderedNode, planWaves } from '../planning/waves.ts'
import { checkChecks } from './check-rules.ts'
import { checkColumnNames, checkColumns } from './contract-rules.ts'
import { pathText } from './explain.ts'
import { keyPlaceOf, locate, placeOf as nodePlace, type Path, type Place, textPlaceOf } from './located.ts'
import { type FoundConnection, type FoundDataflow, placeText } from './parts.ts'
import type { Problem } from './problems.ts'
import { checkDataflow, checkWriters, type Writer } from './rules.ts'
import { checkTransformers } from './transformer-rules.ts'
import { checkTriggers } from './trigger-rules.ts'

/**
 * The rules across keys, dataflows and files. Dataflows that do not fit their schema take part with what of
 * them fits, so that all problems come at once and none comes twice, as a reference to nothing.
 */
export function checkTogether(
  found: readonly FoundDataflow[],
  connections: ReadonlyMap<string, FoundConnection>,
  problems: Problem[],
): void {
  const known = { connections: new Map([...connections].map(([name, { connection }]) => [name, connection])) }
  const reportAt = (target: FoundDataflow) => (path: Path, message: string, hint: string) => {
    problems.push({ ...valuePlace(target, path), path: pathText(target.label, path), message, hint })
  }
  for (const target of found) {
    checkDataflow(target.draft, new Set(target.tree.entries.keys()), known, reportAt(target))
    checkColumns(target.draft.contract, reportAt(target))
    checkColumnNames(target.draft, reportAt(target))
    checkChecks(target.draft, reportAt(target))
    checkTransformers(target.draft, reportAt(target))
    checkTriggers(target.draft, target.tree, reportAt(target))
  }
  const writers = found.map(({ label, draft, tree }) => ({
    name: draft.name ?? label,
    table: draft.sink?.table ?? `(${label})`,
    load_type: draft.sink?.load_type,
    place: placeText(tree.at),
  }))
  checkWriters(writers, (index, ...rest) => reportAt(found[index]!)(...rest))
  checkGraph(found, writers, problems)
}

function checkGraph(found: readonly FoundDataflow[], writers: readonly Writer[], problems: Problem[]): void {
  const byName = new Map<string, FoundDataflow>()
  const nodes: (GraphNode & OrderedNode)[] = []
  for (const [index, target] of found.entries()) {
    const { name, table } = writers[index]!
    if (byName.has(name)) continue
    byName.set(name, target)
    const { depends_on = [], transform, contract, group_number, execution_order } = target.draft
    const reads = { sql: transform?.sql, checks: contract?.checks }
    nodes.push({ name, table, depends_on, ...reads, group_number, execution_order })
  }
  const report = ({ dataflow, path, line, column, message, hint }: GraphProblem): void => {
    const target = byName.get(dataflow)!
    const node = locate(target.tree, path)
    const at =
      node?.kind === 'scalar' && line !== undefined && column !== undefined
        ? textPlaceOf(node, line, column)
        : valuePlace(target, path)
    problems.push({ ...at, path: pathText(target.label, path), message, hint })
  }
  const placeOf = (name: string): string => placeText(byName.get(name)!.tree.at)
  const { edges, problems: graphProblems } = graphOf(nodes, placeOf)
  graphProblems.forEach(report)
  if (graphProblems.length === 0) planWaves(nodes, edges).problems.forEach(report)
}

/** Of a scalar or a list its own place, of a mapping that of its key: there is nothing to see at a first key. */
export function valuePlace({ tree }: FoundDataflow, path: Path): Place {
  const key = path.at(-1)
  const node = locate(tree, path)
  if (node?.kind === 'map' && typeof key === 'string') return keyPlaceOf(tree, path.slice(0, -1), key)
  return nodePlace(tree, path)
}
