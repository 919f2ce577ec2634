import { ManifestError } from '../errors.ts'
import { digestOf } from '../json.ts'
import { manifestError } from '../manifest/problems.ts'
import type { Dataflow, RenderedManifest } from '../manifest/types.ts'
import { checkTables } from './check-refs.ts'
import { type Edge, type Graph, type GraphProblem, graphNode, graphOf } from './graph.ts'
import { refTables } from './refs.ts'
import { type Selected, selectDataflows } from './select.ts'
import type { Plan, PlannedDataflow, PlannedRead, Selection } from './types.ts'
import { planWaves, type WaveOrder } from './waves.ts'

/**
 * Bytes of JSON. Step Functions ends an execution at 262,144; a dataflow's input holds its upstreams besides the run,
 * the manifest's place and the options, and what a gate's failure adds.
 */
const maxUpstreamBytes = 240_000

/** `$range` makes at most this many items, and so does one Map state's history. */
const maxWaves = 1000

interface Context {
  readonly selected: Selected
  readonly excluded: ReadonlyMap<string, string>
  readonly edgesTo: ReadonlyMap<string, readonly Edge[]>
  readonly writers: ReadonlyMap<string, readonly string[]>
  readonly order: WaveOrder
}

/**
 * What a run of this manifest will do: which dataflows, in which order, and why. Pure: equal arguments give
 * equal plans, byte for byte. Dataflows outside of the selection do not run; what they wrote in earlier runs
 * is read as it is, and the plan says so. Throws `ManifestError` with the codes of `selectDataflows`,
 * `TOO_MANY_WAVES` and `TOO_MANY_UPSTREAMS`.
 */
export function buildPlan(manifest: RenderedManifest, selection: Selection): Plan {
  const graph = graphOf(manifest.dataflows.map(graphNode))
  refuse(graph.problems)
  const selected = selectDataflows(manifest.dataflows, selection)
  const order = planWaves(selected.dataflows, edgesAmong(graph, selected))
  refuse(order.problems)
  if (order.waves.length > maxWaves) throw tooManyWaves(order.waves.length)
  const context: Context = {
    selected,
    excluded: new Map(selected.excluded.map(({ name, reason }) => [name, reason])),
    edgesTo: Map.groupBy(graph.edges, (edge) => edge.to),
    writers: writersOf(manifest.dataflows),
    order,
  }
  const byName = new Map(selected.dataflows.map((dataflow) => [dataflow.name, dataflow]))
  const plan = {
    project: manifest.project,
    manifest_sha256: digestOf(manifest),
    waves: order.waves.map((names, index) => ({
      index,
      dataflows: names.map((name) => planDataflow(byName.get(name)!, context)),
    })),
    excluded: selected.excluded,
  }
  return { ...plan, plan_sha256: digestOf(plan) }
}

/** As the manifest has them. */
export function plannedDataflows(manifest: RenderedManifest, { waves }: Plan): readonly Dataflow[] {
  const names = new Set(waves.flatMap(({ dataflows }) => dataflows.map(({ name }) => name)))
  return manifest.dataflows.filter(({ name }) => names.has(name))
}

function planDataflow(dataflow: Dataflow, context: Context): PlannedDataflow {
  const edges = context.edgesTo.get(dataflow.name) ?? []
  const upstreams = edges.filter((edge) => context.selected.reasons.has(edge.from)).map((edge) => edge.from)
  if (JSON.stringify(upstreams).length > maxUpstreamBytes)
    throw tooManyUpstreams(dataflow.name, upstreams.length)
  return {
    name: dataflow.name,
    stage: dataflow.stage ?? null,
    reason: reasonOf(dataflow, edges, upstreams, context),
    upstreams,
    reads: readsOf(dataflow, context),
    writes: { table: dataflow.sink.table, load_type: dataflow.sink.load_type },
  }
}

function reasonOf(
  dataflow: Dataflow,
  edges: readonly Edge[],
  upstreams: readonly string[],
  context: Context,
): string {
  const parts = [context.selected.reasons.get(dataflow.name)!]
  if (upstreams.length > 0) parts.push(`after ${someOf(upstreams)}`)
  const before = context.order.orderBefore.get(dataflow.name)
  if (before !== undefined) parts.push(`after execution_order ${before} of group ${dataflow.group_number}`)
  for (const { from, reason } of edges) {
    const why = context.excluded.get(from)
    if (reason === 'depends_on' && why !== undefined) parts.push(`does not wait for ${from} (${why})`)
  }
  return parts.join('; ')
}

function readsOf(dataflow: Dataflow, context: Context): PlannedRead[] {
  const { source, transform, contract } = dataflow
  const files = source && { connection: source.connection, path: source.path, format: source.format }
  const names = new Set([...refTables(transform?.sql ?? ''), ...checkTables(contract.checks)])
  const tables = [...names].map((table): PlannedRead => {
    const writers = context.writers.get(table) ?? []
    const running = writers.filter((name) => context.selected.reasons.has(name))
    const reasons = writers.map((name) => `${name}: ${context.excluded.get(name)}`)
    return { kind: 'table', table, written_by: running, as_is: running.length > 0 ? null : someOf(reasons) }
  })
  return files === undefined ? tables : [{ kind: 'files', ...files }, ...tables]
}

function writersOf(dataflows: readonly Dataflow[]): Map<string, string[]> {
  const writers = new Map<string, string[]>()
  for (const { name, sink } of dataflows)
    writers.set(sink.table, [...(writers.get(sink.table) ?? []), name].sort())
  return writers
}

function edgesAmong(graph: Graph, selected: Selected): Edge[] {
  return graph.edges.filter(({ from, to }) => selected.reasons.has(from) && selected.reasons.has(to))
}

function someOf(words: readonly string[]): string {
  return words.length <= 3 ? words.join(', ') : `${words.slice(0, 3).join(', ')} and ${words.length - 3} more`
}

function tooManyWaves(waves: number): ManifestError {
  return new ManifestError({
    code: 'TOO_MANY_WAVES',
    fact: `the plan has ${waves} waves, one after the other; at most ${maxWaves} fit into one run`,
    consequence: 'Nothing was started',
    next: 'Run it stage by stage',
  })
}

function tooManyUpstreams(name: string, upstreams: number): ManifestError {
  return new ManifestError({
    code: 'TOO_MANY_UPSTREAMS',
    fact: `${name} comes after ${upstreams} dataflows, whose names are more than an execution can carry (${maxUpstreamBytes} bytes)`,
    consequence: 'Nothing was started',
    next: 'Run it in a stage of its own, after theirs, or let it depend on fewer of them',
  })
}

/** A rendered manifest was checked when it was loaded; only one that was made by other means comes to this. */
function refuse(problems: readonly GraphProblem[]): void {
  if (problems.length === 0) return
  throw manifestError(
    problems.map(({ dataflow, path, message, hint }) => ({
      file: 'rendered manifest',
      path: ['dataflows', dataflow, ...path].join('.'),
      message: `${dataflow}: ${message}`,
      hint,
    })),
  )
}
