import { spawnSync } from 'node:child_process'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { FlowItem, Lease, RunItem } from '../core/runs/items.ts'
import { dataflowKey, headKey } from '../core/runs/keys.ts'
import { openSqliteStore } from '../core/stores/sqlite-state-store.ts'
import { temporaryProject } from './command-line.suite.ts'
import { holderOf, runStateOf } from './run-state.ts'

const now = Date.parse('2026-03-01T12:00:00Z')
const minute = 60_000
const ref = { key: 'k', size: 1, sha256: 's' }
const run: RunItem = {
  pk: 'RUN#r1',
  sk: 'META',
  run_id: 'r1',
  project: 'shop',
  status: 'running',
  started_at: new Date(now - 60 * minute).toISOString(),
  manifest: ref,
  plan: ref,
  worker: 'elsewhere/1/x',
  execution: 'r1',
  stopping: false,
}

const flow = (dataflow: string, status: FlowItem['status'], startedAgo: number): FlowItem => ({
  pk: 'RUN#r1',
  sk: `FLOW#${dataflow}`,
  dataflow,
  status,
  attempt: 1,
  tries: 1,
  started_at: new Date(now - startedAgo).toISOString(),
})

const dead = spawnSync(process.execPath, ['-e', '']).pid
const here = (pid: number) => `${hostname()}/${pid}/x`
const lease = (worker: string, run_id = 'r1', expires_at = now + minute): Lease => ({
  run_id,
  attempt: 1,
  worker,
  expires_at,
})

async function stateWith(held: Lease | null, flows: readonly FlowItem[], item = run) {
  const { state } = openSqliteStore(join(temporaryProject(), 'state.db'))
  await state.transact(
    flows.map(({ dataflow }) => ({
      kind: 'put',
      item: { pk: dataflowKey('shop', dataflow), sk: headKey, fence: 1, lease: held, last_commit: null },
    })),
  )
  const result = await runStateOf(state, item, flows, now)
  state.close()
  return result
}

test('whether the holder of a lease may still be at work', () => {
  expect(holderOf(lease(here(process.ppid)), now)).toBe('alive')
  expect(holderOf(lease(here(process.ppid), 'r1', now), now)).toBe('expired')
  expect(holderOf(lease(here(dead)), now)).toBe('dead')
  // This very process holds no lease here: whoever wrote its number had it before.
  expect(holderOf(lease(here(process.pid)), now)).toBe('dead')
  expect(holderOf(lease(`elsewhere/${dead}/x`), now)).toBe('alive')
})

test('a run that has ended is what it ended as, whatever its leases', async () => {
  const ended = { ...run, status: 'failed' } as const
  expect(await stateWith(lease(here(process.ppid)), [flow('a', 'running', 0)], ended)).toBe('failed')
})

test('on this machine the process itself tells, however long it has been silent or busy', async () => {
  const silent = [flow('a', 'running', 50 * minute)]
  expect(await stateWith(null, silent, { ...run, worker: here(process.ppid) })).toBe('running')
  const busy = [flow('b', 'running', 0)]
  expect(await stateWith(lease(here(dead)), busy, { ...run, worker: here(dead) })).toBe('interrupted')
})

test('elsewhere a lease tells, until it expires', async () => {
  const flows = [flow('a', 'succeeded', minute), flow('b', 'running', 50 * minute)]
  expect(await stateWith(lease('elsewhere/1/x'), flows)).toBe('running')
  const silent = [flow('b', 'running', 50 * minute)]
  expect(await stateWith(lease('elsewhere/1/x', 'r1', now), silent)).toBe('interrupted')
  expect(await stateWith(lease('elsewhere/1/x', 'r2'), silent)).toBe('interrupted')
})

test('elsewhere and without a lease the last sign of life tells', async () => {
  expect(await stateWith(null, [flow('a', 'succeeded', minute)])).toBe('running')
  expect(await stateWith(null, [flow('a', 'succeeded', 3 * minute)])).toBe('interrupted')
})
