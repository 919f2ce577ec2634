import { readFileSync } from 'node:fs'
import { loadStateMachine, startExecution } from '../../local/asl/index.ts'
import { handlers } from '../../local/handlers.ts'

/** What the interpreter went through with the workflow's own definition and handlers that do nothing. */
export interface History {
  readonly seconds: number
  readonly status: string
  readonly parent_events: number
  /** Of the longest child. */
  readonly child_events: number
  readonly parent_transitions: number
  readonly child_transitions: number
  readonly children: number
  /** Largest payload in bytes, by boundary. */
  readonly payloads: Readonly<Record<string, number>>
  /** Of the longest wave: what the map reads, and what its result writer puts. */
  readonly item_file_bytes: number
  readonly result_file_bytes: number
}

const hex = 'a'.repeat(64)
const manifest = { key: `manifests/${hex}.json`, size: 4_000_000, sha256: hex }
const run_id = '01k5zq9v3t8m4n6p7r2s1w0xyz'

/**
 * Runs `run.asl.json` for waves of so many dataflows, each with so many upstreams in the wave before. The answers of
 * the handlers have the shape and the size of real ones.
 */
export async function playHistory(waves: readonly number[], upstreams: number): Promise<History> {
  const text = readFileSync(new URL('../../state-machines/run.asl.json', import.meta.url), 'utf8')
  const machine = loadStateMachine(text, {
    substitutions: {
      ...Object.fromEntries(Object.keys(handlers).map((name) => [name, name])),
      EvidenceBucket: 'evidence',
      ChildType: 'STANDARD',
      GateTimeoutSeconds: '960',
    },
  })
  const payloads: Record<string, number> = {}
  const see = (boundary: string, value: unknown): void => {
    if (value === undefined) return
    payloads[boundary] = Math.max(payloads[boundary] ?? 0, Buffer.byteLength(JSON.stringify(value)))
  }
  const events = new Map<string, number>()
  const entered = { parent: 0, child: 0 }
  let written = 0
  const started = performance.now()
  const execution = startExecution(machine, {
    name: run_id,
    input: { run_id, manifest },
    tasks: (resource) => async (input) => answer(resource, input, waves),
    objects: {
      getObject: async (_bucket, key) => Buffer.from(itemFile(key, waves, upstreams)),
      putObject: async (_bucket, _key, body) => {
        written = Math.max(written, Buffer.byteLength(body as string))
      },
      listObjects: () => {
        throw new Error('the workflow lists nothing')
      },
    },
    onEvent: (event) => {
      const isChild = event.parentExecutionId !== undefined
      events.set(event.executionId, event.id)
      if (event.type.endsWith('StateEntered')) entered[isChild ? 'child' : 'parent'] += 1
      const where = isChild ? 'child' : 'parent'
      if (event.type === 'ExecutionStarted') see(`${where} input`, event.details?.input)
      if (event.type === 'TaskScheduled') see(`${where} task input`, event.details?.parameters)
      if (event.type === 'TaskSucceeded') see(`${where} task result`, event.details?.output)
      if (event.type.endsWith('StateExited')) see(`${where} state output`, event.details?.output)
      if (event.type.endsWith('StateExited')) see(`${where} variables`, event.details?.assignedVariables)
      if (event.type === 'ExecutionSucceeded') see(`${where} output`, event.details?.output)
    },
  })
  const outcome = await execution.result
  const children = [...events].filter(([id]) => id !== execution.id)
  const longest = waves.indexOf(Math.max(...waves))
  return {
    seconds: (performance.now() - started) / 1000,
    status: outcome.status,
    parent_events: events.get(execution.id) ?? 0,
    child_events: children.reduce((most, [, count]) => Math.max(most, count), 0),
    parent_transitions: entered.parent,
    child_transitions: entered.child,
    children: children.length,
    payloads,
    item_file_bytes: Buffer.byteLength(itemFile(`wave-${longest}.jsonl`, waves, upstreams)),
    result_file_bytes: written,
  }
}

const nameOf = (wave: number, index: number) => `dataflow_${wave}_${String(index).padStart(5, '0')}`

function itemFile(key: string, waves: readonly number[], upstreams: number): string {
  const wave = Number(/wave-(\d+)\.jsonl$/.exec(key)?.[1])
  const before = wave === 0 ? 0 : Math.min(upstreams, waves[wave - 1] ?? 0)
  const upstream = Array.from({ length: before }, (_, i) => nameOf(wave - 1, i))
  const lines = Array.from({ length: waves[wave] ?? 0 }, (_, i) =>
    JSON.stringify({ dataflow: nameOf(wave, i), upstream }),
  )
  return `${lines.join('\n')}\n`
}

function answer(resource: string, input: unknown, waves: readonly number[]): unknown {
  const total = waves.reduce((sum, count) => sum + count, 0)
  if (resource === 'Plan') {
    return {
      run_id,
      manifest,
      waves: waves.length,
      items_prefix: `plans/${run_id}/wave-`,
      results_prefix: `plans/${run_id}/map`,
      max_workers: 1000,
      retry_count: 3,
      retry_delay_seconds: 5,
    }
  }
  if (resource === 'Admit') {
    const { dataflow } = input as { readonly dataflow: string }
    return { go: 'gates', task: { run_id, manifest, dataflow, attempt: 1, fence: 1 } }
  }
  if (resource === 'Settle') return { status: 'succeeded', again: false, delay_seconds: 0 }
  if (resource === 'Seal') {
    const counts = { total, succeeded: total, failed: 0, skipped: 0, running: 0, pending: 0 }
    const result = { key: `evidence/${run_id}/result-20261126T000000000Z.json`, size: 9_999_999, sha256: hex }
    return { run_id, status: 'succeeded', ...counts, result }
  }
  if (resource === 'Extract') return { gate: resource, verdict: 'passed', shards: 0 }
  return { gate: resource, verdict: 'passed' }
}
