import { readFileSync } from 'node:fs'
import pc from 'picocolors'
import { describe, expect, test } from 'vitest'
import { type HistoryEvent, loadStateMachine, startExecution } from '../local/asl/index.ts'
import { type Change, createProgress, foldEvent, type Progress, setRows } from './progress.ts'
import { endLine, totalsText } from './progress-lines.ts'
import { liveText } from './progress-live.ts'

type Steps = Readonly<Record<string, (input: never, call: number) => unknown>>

interface Watched {
  readonly progress: Progress
  readonly changes: readonly Change[]
  /** What was active when each change came. */
  readonly snapshots: readonly string[]
}

/** Runs the product's own state machine over stand-ins for its handlers, and folds the events that it makes. */
async function watch(
  waves: readonly (readonly string[])[],
  steps: Steps,
  abortAt?: string,
): Promise<Watched> {
  const definition = readFileSync(new URL('../state-machines/run.asl.json', import.meta.url), 'utf8')
  const names = [...definition.matchAll(/"Resource": "\$\{(\w+)\}"/g)].map((match) => match[1] as string)
  const machine = loadStateMachine(definition, {
    substitutions: {
      ...Object.fromEntries(names.map((name) => [name, name])),
      EvidenceBucket: 'evidence',
      ChildType: 'STANDARD',
      GateTimeoutSeconds: '60',
    },
  })
  const all: Steps = {
    Plan: () => ({
      run_id: 'r1',
      manifest: { key: 'm' },
      waves: waves.length,
      items_prefix: 'wave-',
      results_prefix: 'map',
      max_workers: 8,
      retry_count: 1,
      retry_delay_seconds: 0,
    }),
    Admit: ({ dataflow }: { dataflow: string }, call) => ({ go: 'gates', task: { dataflow, attempt: call } }),
    Settle: (input: { failure?: unknown }) => ({
      status: input.failure === undefined ? 'succeeded' : 'failed',
      again: false,
      delay_seconds: 0,
    }),
    Seal: () => ({ run_id: 'r1', status: 'succeeded' }),
    ...steps,
  }
  const calls = new Map<string, number>()
  const progress = createProgress()
  const changes: Change[] = []
  const snapshots: string[] = []
  const controller = new AbortController()
  const onEvent = (event: HistoryEvent): void => {
    const change = foldEvent(progress, event)
    if (change === undefined) return
    changes.push(change)
    snapshots.push([...progress.active.values()].map((f) => `${f.dataflow}:${f.gate}:${f.attempt}`).join(' '))
    if (change.kind === 'gate' && change.gate === abortAt) controller.abort(new Error('enough'))
  }
  const execution = startExecution(machine, {
    name: 'r1',
    input: {},
    onEvent,
    signal: controller.signal,
    tasks: (resource) => async (input) => {
      const name = `${resource} ${(input as { dataflow?: string }).dataflow ?? ''}`
      calls.set(name, (calls.get(name) ?? 0) + 1)
      const step =
        all[resource] ??
        (() => ({ gate: resource, verdict: 'passed', ...(resource === 'Extract' ? { shards: 0 } : {}) }))
      return await step(input as never, calls.get(name) as number)
    },
    objects: {
      getObject: async (_bucket, key) => {
        const wave = waves[Number(key.replace(/\D/g, ''))] as readonly string[]
        return wave.map((dataflow) => JSON.stringify({ dataflow, upstream: [] })).join('\n')
      },
      putObject: async () => {},
      listObjects: async () => [],
    },
  })
  await execution.result
  await execution.settled
  return { progress, changes, snapshots }
}

const gates = (changes: readonly Change[], dataflow: string) =>
  changes.flatMap((change) => (change.kind === 'gate' && change.dataflow === dataflow ? [change.gate] : []))

describe('folding the events of a run', () => {
  test('a dataflow walks through its eleven gates, and is gone when it has ended', async () => {
    const { progress, changes, snapshots } = await watch([['orders']], {})
    expect(changes[0]).toEqual({ kind: 'planned', run_id: 'r1' })
    expect(gates(changes, 'orders')).toEqual([
      ...['admit', 'extract', 'lineage', 'contract', 'evolution', 'compatibility', 'physical_ddl'],
      ...['stage', 'finalize', 'evidence', 'audit_commit', 'source_state', 'settle'],
    ])
    expect(changes).toContainEqual({ kind: 'began', dataflow: 'orders', attempt: 1 })
    expect(changes).toContainEqual({ kind: 'passed', dataflow: 'orders', attempt: 1, gate: 'contract' })
    expect(snapshots).toContain('orders:audit_commit:1')
    expect(changes.at(-2)).toEqual({ kind: 'ended', dataflow: 'orders' })
    expect(changes.at(-1)).toEqual({ kind: 'sealing' })
    expect(progress).toMatchObject({ run_id: 'r1', phase: 'ended' })
    expect(progress.active.size + progress.executions.size).toBe(0)
    expect(progress.ended).toEqual(new Map([['orders', 'succeeded']]))
  })

  test('a failed attempt is followed by another one', async () => {
    const { progress, changes } = await watch([['orders']], {
      Contract: (_input, call) => {
        if (call === 1) throw new Error('torn')
        return { gate: 'contract', verdict: 'passed' }
      },
      Settle: (input: { failure?: unknown }) =>
        input.failure === undefined
          ? { status: 'succeeded', again: false, delay_seconds: 0 }
          : { status: 'failed', again: true, delay_seconds: 0 },
    })
    expect(changes.filter((change) => change.kind === 'again')).toEqual([
      { kind: 'again', dataflow: 'orders', delay_seconds: 0 },
    ])
    expect(changes.filter((change) => change.kind === 'began').map((change) => change.attempt)).toEqual([
      1, 2,
    ])
    expect(changes.filter((change) => change.kind === 'ended')).toHaveLength(1)
    expect(progress.ended.get('orders')).toBe('succeeded')
  })

  test('one that is not let in ends without a word of its own', async () => {
    const { progress, changes } = await watch([['a'], ['b']], {
      Admit: ({ dataflow }: { dataflow: string }) => ({
        go: dataflow === 'b' ? 'done' : 'gates',
        task: { dataflow, attempt: 1 },
      }),
    })
    expect(gates(changes, 'b')).toEqual(['admit'])
    expect(progress.ended).toEqual(
      new Map([
        ['a', 'succeeded'],
        ['b', undefined],
      ]),
    )
  })

  test('hundreds side by side end each once, whatever the order of their events', async () => {
    const names = Array.from({ length: 300 }, (_, i) => `flow_${i}`)
    const { progress, changes } = await watch([names], {})
    const ended = changes.flatMap((change) => (change.kind === 'ended' ? [change.dataflow] : []))
    expect(ended.toSorted()).toEqual(names.toSorted())
    expect(progress.ended.size).toBe(300)
    expect(progress.active.size).toBe(0)
  })

  test('an aborted run leaves nothing active', async () => {
    const { progress, changes } = await watch([['a', 'b']], {}, 'stage')
    expect(progress.phase).toBe('ended')
    expect(progress.active.size).toBe(0)
    expect(changes.filter((change) => change.kind === 'ended')).toHaveLength(2)
  })

  test('a plan that fails starts nothing', async () => {
    const { progress } = await watch([['a']], {
      Plan: () => {
        throw Object.assign(new Error('no'), { name: 'ManifestError' })
      },
    })
    expect(progress.run_id).toBeUndefined()
    expect(progress.active.size).toBe(0)
  })
})

describe('what people see of it', () => {
  const plain = pc.createColors(false)
  const many = (count: number): Progress => {
    const progress = createProgress()
    progress.run_id = 'r1'
    progress.phase = 'running'
    for (let i = 0; i < count; i++) {
      const dataflow = `flow_${i}`
      progress.active.set(dataflow, {
        dataflow,
        attempt: 1,
        gate: 'contract',
        status: 'running',
        started_at: 0,
      })
    }
    return progress
  }

  test('a thousand dataflows at work fit into the terminal', () => {
    const failures = Array.from({ length: 50 }, (_, i) => `flow_x${i} failed`)
    const view = { progress: many(1000), total: 2000, done: 60, failed: 50, failures, notice: 'Stopping' }
    const lines = liveText(view, plain, 30, 1000).split('\n')
    expect(lines.length).toBeLessThanOrEqual(28)
    expect(lines[0]).toBe('r1: 60 of 2,000 done, 50 failed, 1,000 at work')
    expect(lines[1]).toBe('Stopping')
    expect(lines.at(-1)).toMatch(/^and 9\d\d more at work$/)
  })

  test('rows are shown as soon as they are known', () => {
    const progress = many(1)
    setRows(progress, 'flow_0', { read: 1200, accepted: 1199, quarantined: 1, filtered: 0 })
    setRows(progress, 'gone', { read: 1, accepted: 1, quarantined: 0, filtered: 0 })
    expect([...progress.active.keys()]).toEqual(['flow_0'])
    const view = { progress, total: 1, done: 0, failed: 0, failures: [], notice: undefined }
    expect(liveText(view, plain, 30, 1500)).toContain('1.50 s  1,200 read, 1,199 accepted, 1 quarantined')
  })

  test('lines for logs', () => {
    const item = { pk: '', sk: '', dataflow: 'orders', attempt: 1, tries: 1 }
    const rows = { read: 6, accepted: 5, quarantined: 1, filtered: 0 }
    expect(endLine({ ...item, status: 'succeeded', rows }, 2)).toBe(
      'orders succeeded after 2.00 s: 6 read, 5 accepted, 1 quarantined',
    )
    const error = { name: 'ContractError', code: 'CONTRACT_REJECTED', message: 'bad\u001b rows.' }
    expect(endLine({ ...item, status: 'failed', gate: 'contract', error, rows }, 2)).toBe(
      'orders failed after 2.00 s: at contract, [CONTRACT_REJECTED] bad\\u001b rows.',
    )
    expect(endLine({ ...item, status: 'skipped', reason: 'nothing_new' }, 0)).toContain(
      'skipped after 0.00 s: nothing new',
    )
    expect(endLine({ ...item, status: 'running' }, 1)).toBe('orders interrupted after 1.00 s')
    expect(totalsText(createProgress(), 0, 0, 0)).toBe('planning')
  })
})
