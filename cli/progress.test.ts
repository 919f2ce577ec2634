import pc from 'picocolors'
import { describe, expect, test } from 'vitest'
import { gateEntryWrite } from '../core/runs/gate-log.ts'
import type { GateName } from '../core/runs/gates.ts'
import type { FlowItem } from '../core/runs/items.ts'
import { flowKey, runKey } from '../core/runs/keys.ts'
import type { GateEntry } from '../core/runs/records.ts'
import { readFlow } from '../core/runs/runs.ts'
import { admit } from '../lambdas/admit.ts'
import { seal } from '../lambdas/seal.ts'
import { settle } from '../lambdas/settle.ts'
import { openBare, planned } from '../test/support/bare-ports.ts'
import { findPosition, type GatePosition } from './gate-position.ts'
import { type Change, createProgress, foldSnapshot, type Progress, setPosition } from './progress.ts'
import { changeLine, endLine, totalsText } from './progress-lines.ts'
import { liveText } from './progress-live.ts'
import { openSnapshots, waitingText } from './run-snapshot.ts'

/** A run of the project `crash` that is looked at from outside, while its real handlers record what becomes of it. */
async function watch(input: Readonly<Record<string, unknown>> = {}, doneBefore: readonly string[] = []) {
  const bare = openBare()
  const { ports } = bare
  const progress = createProgress()
  const positions = new Map<string, GatePosition>()
  const snapshots = openSnapshots({
    stores: ports,
    run_id: 'r1',
    isOurs: (run) => run.worker === ports.worker.id,
    doneBefore: new Set(doneBefore),
  })
  const plan = await planned(ports, 'r1', input)
  const begin = async (dataflow: string) =>
    (await admit({ run_id: 'r1', manifest: plan.manifest, dataflow, upstream: [] }, ports)).task
  return {
    ...bare,
    plan,
    progress,
    begin,
    end: async (ref: Awaited<ReturnType<typeof begin>>, failed?: { error: string; gate?: string }) =>
      await settle(
        {
          task: ref,
          retry_count: 1,
          retry_delay_seconds: 7,
          ...(failed && { failure: { gate: failed.gate ?? 'extract', error: failed.error, cause: 'torn' } }),
        },
        ports,
      ),
    /** What one look prints. */
    look: async (): Promise<string[]> => {
      const snapshot = await snapshots()
      if (snapshot === undefined) return ['not begun']
      const changes: Change[] = foldSnapshot(progress, snapshot, new Set(doneBefore))
      for (const flow of progress.active.values()) {
        const found = await findPosition(ports, 'r1', flow, positions.get(flow.dataflow))
        positions.set(flow.dataflow, found)
        setPosition(progress, flow.dataflow, found)
      }
      return changes.map((change) => changeLine('r1', change))
    },
    waits: async () => await waitingText(ports, (await snapshots()) as never),
    pass: async (dataflow: string, gate: GateName, more: Partial<GateEntry> = {}) => {
      const { attempt } = await readFlow(ports, 'r1', dataflow)
      const started_at = ports.clock().toISOString()
      const base = { gate, round: 0, outcome: 'passed', started_at, duration_ms: 1, record: {} } as const
      const before = ((await ports.state.get('RUN#r1', `GATE#${dataflow}#000${attempt}#${gate}`))?.writes ??
        0) as number
      const entry = { ...base, ...more } as GateEntry
      await ports.state.transact([await gateEntryWrite(ports, 'r1', dataflow, attempt, entry, before)])
    },
  }
}

const activity = (progress: Progress) =>
  [...progress.active.values()].map(
    ({ dataflow, gate, status, attempt }) => `${dataflow} ${attempt} ${status} ${gate}`,
  )

describe('a run that is looked at through its state store', () => {
  test('tells each beginning and each end once, however often it is looked at', async () => {
    const { look, begin, end, advance, progress } = await watch()
    expect(await look()).toEqual(['run r1 started: 4 dataflows'])
    const orders = await begin('orders')
    expect(await look()).toEqual(['orders started'])
    expect(await look()).toEqual([])
    expect(activity(progress)).toEqual(['orders 1 running extract'])
    advance(2000)
    await end(orders)
    expect(await look()).toEqual(['orders skipped after 2.00 s: nothing new'])
    expect(await look()).toEqual([])
    expect(totalsText(progress)).toBe('1 of 4 done')
  })

  test('tells what came and went between two looks, in the order in which it happened', async () => {
    const { look, begin, end, advance } = await watch()
    const items = await begin('items')
    advance(1000)
    const orders = await begin('orders')
    advance(1000)
    await end(orders)
    advance(1000)
    await end(items)
    expect(await look()).toEqual([
      'run r1 started: 4 dataflows',
      'items started',
      'orders started',
      'orders skipped after 1.00 s: nothing new',
      'items skipped after 3.00 s: nothing new',
    ])
  })

  test('shows in which gate each dataflow is, also when another writer moves the table', async () => {
    const { look, begin, pass, progress } = await watch()
    await begin('orders')
    await look()
    await pass('orders', 'extract')
    await pass('orders', 'lineage')
    await look()
    expect(activity(progress)).toEqual(['orders 1 running contract'])
    const rows = { read: 3, accepted: 2, quarantined: 1, filtered: 0, deduplicated: 0 }
    await pass('orders', 'contract', { record: { rows } as never })
    for (const gate of [
      'evolution',
      'compatibility',
      'physical_ddl',
      'stage',
      'finalize',
      'evidence',
    ] as const)
      await pass('orders', gate)
    await look()
    expect(activity(progress)).toEqual(['orders 1 running audit_commit'])
    expect(progress.active.get('orders')?.rows).toEqual(rows)
    const error = { name: 'CommitConflictError', code: 'COMMIT_CONFLICT', message: '' }
    await pass('orders', 'audit_commit', { outcome: 'stopped', error })
    await look()
    expect(activity(progress)).toEqual(['orders 1 running stage'])
    await pass('orders', 'stage', { round: 1 })
    await look()
    expect(activity(progress)).toEqual(['orders 1 running finalize'])
    for (const gate of ['finalize', 'evidence', 'audit_commit', 'source_state'] as const)
      await pass('orders', gate, { round: 1 })
    await look()
    expect(activity(progress)).toEqual(['orders 1 running settle'])
  })

  test('tells an attempt that is followed by another one from an end', async () => {
    const { look, begin, end, advance, progress } = await watch({ retry_count: 1, retry_delay_seconds: 7 })
    const first = await begin('orders')
    await look()
    advance(1000)
    expect(await end(first, { error: 'RetryableError' })).toMatchObject({ again: true })
    expect(await look()).toEqual(['orders failed at extract [RETRYABLE], and tries again in 7 s'])
    expect(await look()).toEqual([])
    expect(activity(progress)).toEqual(['orders 1 waiting extract'])
    expect(totalsText(progress)).toBe('0 of 4 done, 1 at work')
    advance(7000)
    const second = await begin('orders')
    advance(500)
    expect(await look()).toEqual(['orders started, attempt 2'])
    expect(progress.active.get('orders')?.started_at).toBe(Date.parse('2024-05-01T00:00:08Z'))
    expect(await end(second, { error: 'RetryableError' })).toMatchObject({ again: false })
    expect(await look()).toEqual(['orders failed after 0.50 s: at extract, [RETRYABLE] torn'])
    expect(totalsText(progress)).toBe('1 of 4 done, 1 failed')
  })

  test('calls an end what no attempt can follow: an error that will come again, a run that is sealed', async () => {
    const { look, begin, end, ports } = await watch({ retry_count: 1 })
    const [orders, items] = [await begin('orders'), await begin('items')]
    await look()
    await end(orders, { error: 'ContractError' })
    await end(items, { error: 'RetryableError' })
    expect(await look()).toEqual([
      expect.stringContaining('items failed at extract [RETRYABLE], and tries again'),
      expect.stringContaining('orders failed after'),
    ])
    await seal({ run_id: 'r1' }, ports)
    expect(await look()).toEqual([expect.stringContaining('items failed after')])
  })

  test('of a resumed run tells nothing that was done before, and counts from the present attempt', async () => {
    const { look, begin, end, ports, advance, progress } = await watch({}, ['items'])
    await end(await begin('items'))
    await end(await begin('orders'), { error: 'SourceError' })
    await seal({ run_id: 'r1' }, ports)
    advance(86_400_000)
    await planned(ports, 'r1', { resume: true })
    expect(await look()).toEqual(['run r1 started: 4 dataflows, 1 of them done before'])
    const again = await begin('orders')
    expect(await look()).toEqual(['orders started, attempt 2'])
    expect(progress.active.get('orders')?.started_at).toBe(Date.parse('2024-05-02T00:00:00Z'))
    advance(3000)
    await end(again)
    expect(await look()).toEqual(['orders skipped after 3.00 s: nothing new'])
    expect(await readFlow(ports, 'r1', 'dirty')).not.toHaveProperty('started_at')
  })

  test('says what became of dataflows that were not let in, and not that they had begun', async () => {
    const { look, begin, end, ports, plan } = await watch({}, ['items'])
    await end(await begin('items'))
    await end(await begin('orders'), { error: 'SourceError' })
    await seal({ run_id: 'r1' }, ports)
    await planned(ports, 'r1', { resume: true })
    const upstream = ['totals']
    await admit({ run_id: 'r1', manifest: plan.manifest, dataflow: 'orders', upstream }, ports)
    expect((await look()).slice(1)).toEqual(['orders skipped after 0.00 s: upstream failed'])
  })

  test('names the run that holds what this one waits for', async () => {
    const { another, plan, waits } = await watch()
    const other = another('elsewhere/1/b')
    await planned(other, 'r0')
    expect(await waits()).toBeUndefined()
    await admit({ run_id: 'r0', manifest: plan.manifest, dataflow: 'items', upstream: [] }, other)
    // The lease of these stores lies in the past of the clock on the wall.
    const head = await other.state.get('DATAFLOW#crash/items', 'HEAD')
    const lease = { ...(head?.lease as object), expires_at: Date.now() + 60_000 }
    await other.state.transact([{ kind: 'put', item: { ...head, lease } as never }])
    expect(await waits()).toBe('items waits for run r0, which is at work on it')
  })

  test('takes no items for its own that are of before', async () => {
    const bare = openBare()
    await planned(bare.another('elsewhere/1/b'), 'r1')
    const isOurs = (run: { worker: string }) => run.worker === bare.ports.worker.id
    const look = openSnapshots({ stores: bare.ports, run_id: 'r1', isOurs, doneBefore: new Set() })
    expect(await look()).toBeUndefined()
    await planned(bare.ports, 'r1', { resume: true })
    expect((await look())?.flows).toHaveLength(4)
  })

  test('a thousand dataflows end each once', async () => {
    const { look, ports, progress } = await watch()
    await look()
    const names = Array.from({ length: 1000 }, (_, i) => `flow_${i}`)
    const item = (dataflow: string): FlowItem => {
      const keys = { pk: runKey('r1'), sk: flowKey(dataflow), dataflow, attempt: 1, tries: 1 }
      const at = ports.clock().toISOString()
      return { ...keys, status: 'succeeded', started_at: at, finished_at: at }
    }
    for (let i = 0; i < 1000; i += 100)
      await ports.state.transact(names.slice(i, i + 100).map((name) => ({ kind: 'put', item: item(name) })))
    const ended = (await look()).filter((line) => line.includes('succeeded'))
    expect(new Set(ended).size).toBe(1000)
    expect(await look()).toEqual([])
    expect(progress.active.size).toBe(0)
  })
})

describe('what people see of it', () => {
  const plain = pc.createColors(false)
  const many = (count: number): Progress => {
    const progress = createProgress()
    progress.run_id = 'r1'
    progress.phase = 'running'
    progress.total = 2000
    for (let i = 0; i < count; i++) {
      const dataflow = `flow_${i}`
      const flow = { dataflow, attempt: 1, gate: 'contract', status: 'running', started_at: 0 } as const
      progress.active.set(dataflow, flow)
    }
    return progress
  }
  const view = { failures: [], notice: undefined, waits: undefined }

  test('a thousand dataflows at work fit into the terminal', () => {
    const failures = Array.from({ length: 50 }, (_, i) => `flow_x${i} failed`)
    const progress = many(1000)
    for (let i = 0; i < 60; i++) progress.ended.set(`flow_x${i}`, i < 50 ? 'failed' : 'succeeded')
    const lines = liveText({ ...view, progress, failures, notice: 'Stopping' }, plain, 30, 1000).split('\n')
    expect(lines.length).toBeLessThanOrEqual(28)
    expect(lines[0]).toBe('r1: 60 of 2,000 done, 50 failed, 1,000 at work')
    expect(lines[1]).toBe('Stopping')
    expect(lines.at(-1)).toMatch(/^and 9\d\d more at work$/)
  })

  test('rows are shown as soon as they are known', () => {
    const progress = many(1)
    const rows = { read: 1200, accepted: 1199, quarantined: 1, filtered: 0, deduplicated: 0 }
    setPosition(progress, 'flow_0', { attempt: 1, gate: 'evolution', rows })
    setPosition(progress, 'gone', { attempt: 1, gate: 'evolution', rows })
    setPosition(progress, 'flow_0', { attempt: 2, gate: 'extract' })
    expect([...progress.active.keys()]).toEqual(['flow_0'])
    expect(liveText({ ...view, progress }, plain, 30, 1500)).toMatch(
      /evolution +1.50 s {2}1,200 read, 1,199 accepted, 1 quarantined/,
    )
  })

  test('lines for logs', () => {
    const item = { pk: '', sk: '', dataflow: 'orders', attempt: 1, tries: 1 }
    const rows = { read: 6, accepted: 5, quarantined: 1, filtered: 0, deduplicated: 0 }
    expect(endLine({ ...item, status: 'succeeded', rows }, 2)).toBe(
      'orders succeeded after 2.00 s: 6 read, 5 accepted, 1 quarantined',
    )
    const error = { name: 'ContractError', code: 'CONTRACT_REJECTED', message: 'bad\u001b rows.' }
    expect(endLine({ ...item, status: 'failed', gate: 'contract', error, rows }, 2)).toBe(
      'orders failed after 2.00 s: at contract, [CONTRACT_REJECTED] bad\\u001b rows.',
    )
    expect(totalsText(createProgress())).toBe('planning')
  })
})
