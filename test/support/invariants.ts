import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { CommitItem, FlowItem, HeadItem, RunItem, SourceStateItem } from '../../core/runs/items.ts'
import type { ObjectRef } from '../../core/stores/object-ref.ts'
import { asText, type DataflowName, dataflows, expectedRows } from './project.ts'
import { filesBelow, viewTable } from './tables.ts'

const tables: Readonly<Record<DataflowName, string>> = {
  orders: 'bronze.orders',
  items: 'bronze.items',
  dirty: 'bronze.dirty',
  totals: 'gold.totals',
}

/** What the state file holds, read with plain SQL. */
export interface Stored {
  readonly items: ReadonlyMap<string, unknown>
  /** Metadata location by `namespace.name`. */
  readonly pointers: ReadonlyMap<string, string>
}

export function readStored(directory: string): Stored {
  const file = join(directory, '.sluice', 'state.db')
  if (!existsSync(file)) return { items: new Map(), pointers: new Map() }
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
  try {
    const isMade = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'state'").get() !== undefined
    if (!isMade) return { items: new Map(), pointers: new Map() }
    const items = database.prepare('SELECT pk, sk, item FROM state').all()
    const pointers = database
      .prepare("SELECT table_namespace || '.' || table_name AS name, metadata_location FROM iceberg_tables")
      .all()
    return {
      items: new Map(items.map((row) => [`${row.pk} ${row.sk}`, JSON.parse(String(row.item))])),
      pointers: new Map(pointers.map((row) => [String(row.name), String(row.metadata_location)])),
    }
  } finally {
    database.close()
  }
}

/** Leases that are still in a head, as text. */
export function leases(stored: Stored): string[] {
  return [...stored.items]
    .filter(([key, item]) => key.endsWith(' HEAD') && (item as HeadItem).lease !== null)
    .map(([key, item]) => `${key} ${JSON.stringify((item as HeadItem).lease)}`)
}

/** Files in the lake that no table refers to. */
export async function unreferenced(directory: string, stored: Stored): Promise<string[]> {
  const views = await Promise.all([...stored.pointers.values()].map((location) => viewTable(location)))
  const files = await filesBelow(join(directory, '.sluice', 'lake'))
  return files.filter((file) => !views.some((view) => view.referenced.has(file)))
}

/** The rows of a dataflow's table, as `expectedRows` has them. */
export async function rowsOf(directory: string, name: DataflowName): Promise<readonly string[]> {
  const pointer = readStored(directory).pointers.get(tables[name])
  return pointer === undefined ? [] : asText((await viewTable(pointer)).rows)
}

/**
 * Everything that must hold when these runs, in this order, have each loaded one more part: what is wrong, as
 * text; nothing where all is right.
 */
export async function violations(
  directory: string,
  runs: readonly string[],
  names: readonly DataflowName[] = dataflows,
): Promise<string[]> {
  const stored = readStored(directory)
  const problems: string[] = [...leases(stored).map((lease) => `lease left: ${lease}`)]
  for (const file of await unreferenced(directory, stored)) problems.push(`unreferenced file: ${file}`)
  for (const name of names) problems.push(...(await flowViolations(directory, stored, name, runs)))
  for (const run of runs) {
    const meta = stored.items.get(`RUN#${run} META`) as RunItem | undefined
    if (meta?.status !== 'succeeded') problems.push(`run ${run} is ${meta?.status}`)
    problems.push(...damaged(directory, `result of ${run}`, meta?.result))
  }
  return problems
}

async function flowViolations(
  directory: string,
  stored: Stored,
  name: DataflowName,
  runs: readonly string[],
): Promise<string[]> {
  const problems: string[] = []
  const wrong = (what: string, actual: unknown, wanted: unknown) => {
    const [a, w] = [JSON.stringify(actual), JSON.stringify(wanted)]
    if (a !== w) problems.push(`${name}: ${what} is ${a}, not ${w}`)
  }
  const pk = `DATAFLOW#crash/${name}`
  const pointer = stored.pointers.get(tables[name])
  if (pointer === undefined) return [`${name}: there is no table`]
  const view = await viewTable(pointer)
  wrong('rows', asText(view.rows), expectedRows(runs.length)[name])
  wrong(
    'snapshots',
    view.snapshots,
    runs.map((run) => `${run}/${name}`),
  )
  const commits = [...stored.items.keys()].filter((key) => key.startsWith(`${pk} COMMIT#`)).sort()
  wrong('commits', commits, runs.map((run) => `${pk} COMMIT#${run}`).sort())
  const head = stored.items.get(`${pk} HEAD`) as HeadItem
  wrong('last commit', head.last_commit, runs.at(-1))
  const state = stored.items.get(`${pk} STATE`) as SourceStateItem | undefined
  const commit = stored.items.get(`${pk} COMMIT#${runs.at(-1)}`) as CommitItem | undefined
  wrong('state version', state?.version, runs.length)
  wrong('state', state?.state, commit?.source_state.state)
  problems.push(...stateViolations(name, state, runs.length))
  for (const run of runs) {
    const flow = stored.items.get(`RUN#${run} FLOW#${name}`) as FlowItem
    wrong(`status in ${run}`, flow.status, 'succeeded')
    wrong(`error in ${run}`, flow.error, undefined)
    problems.push(...damaged(directory, `evidence of ${name} in ${run}`, flow.evidence))
    if (name === 'dirty')
      problems.push(...damaged(directory, `quarantine of ${name} in ${run}`, flow.quarantine))
    const { read, accepted, quarantined, filtered, deduplicated } = flow.rows ?? {
      read: -1,
      accepted: 0,
      quarantined: 0,
      filtered: 0,
      deduplicated: 0,
    }
    wrong(`rows accounted in ${run}`, accepted + quarantined + filtered + deduplicated, read)
  }
  return problems
}

/** What a source state must say after this many parts. */
function stateViolations(name: DataflowName, item: SourceStateItem | undefined, parts: number): string[] {
  const state = item?.state
  if (state === undefined) return [`${name}: there is no source state`]
  if (name === 'totals') return state.kind === 'full' ? [] : [`${name}: state is of kind ${state.kind}`]
  if (state.kind === 'watermark') {
    const wanted = parts === 1 ? '5' : '8'
    return name === 'orders' && state.values.id === wanted
      ? []
      : [`${name}: watermark ${JSON.stringify(state.values)}`]
  }
  if (state.kind !== 'objects') return [`${name}: state is of kind ${state.kind}`]
  const objects = 'objects' in state.loaded ? state.loaded.objects : {}
  const wanted = Array.from({ length: parts }, (_, i) => `${name}-${i + 1}.csv`)
  const loaded = Object.keys(objects).sort()
  return JSON.stringify(loaded) === JSON.stringify(wanted) ? [] : [`${name}: loaded ${loaded.join(' ')}`]
}

function damaged(directory: string, what: string, ref: ObjectRef | undefined): string[] {
  if (ref === undefined) return [`${what}: there is none`]
  const path = join(directory, '.sluice', 'evidence', ref.key)
  if (!existsSync(path)) return [`${what}: ${ref.key} is not there`]
  const digest = createHash('sha256').update(readFileSync(path)).digest('hex')
  return digest === ref.sha256 ? [] : [`${what}: ${ref.key} has other bytes`]
}
