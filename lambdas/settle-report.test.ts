import { beforeEach, expect, it } from 'vitest'
import type { Ports, ReportLine } from '../core/ports.ts'
import { commitKey, dataflowKey } from '../core/runs/keys.ts'
import { readHead } from '../core/runs/lease.ts'
import { writeJson } from '../core/stores/object-ref.ts'
import { openBare, planned } from '../test/support/bare-ports.ts'
import { admit } from './admit.ts'
import type { TaskRef } from './gate-handler.ts'
import { type SettleEvent, settle } from './settle.ts'

const failure = { gate: 'extract', error: 'Error', cause: 'it failed' }
const noRetry = { retry_count: 0, retry_delay_seconds: 0 }

let lines: ReportLine[]
let ports: Ports
beforeEach(() => {
  lines = []
  ports = { ...openBare().ports, report: (line) => void lines.push(line) }
})

async function admitted(): Promise<TaskRef> {
  const { manifest } = await planned(ports, 'r1')
  return (await admit({ run_id: 'r1', manifest, dataflow: 'orders', upstream: [] }, ports)).task
}

/** What gate 10 writes, without a table. */
async function commit(task: TaskRef, rows: unknown): Promise<void> {
  const head = await readHead(ports, 'crash', 'orders')
  const item = {
    pk: dataflowKey('crash', 'orders'),
    sk: commitKey('r1'),
    run_id: 'r1',
    dataflow: 'orders',
    attempt: task.attempt,
    rows,
    evidence: await writeJson(ports.evidence, 'evidence/r1.json', {}),
    source_state: { previous_version: 0, state: { kind: 'full', inputs: 'x' } },
  }
  await ports.state.transact([
    { kind: 'put', item: { ...head, last_commit: 'r1' }, expect: { fence: task.fence } },
    { kind: 'put', item, expect: 'absent' },
  ])
}

it('a final verdict is reported once, with its rows, for the metrics of the stack', async () => {
  const task = await admitted()
  const rows = { read: 10, accepted: 7, quarantined: 2, filtered: 1, deduplicated: 0 }
  await commit(task, rows)
  const event: SettleEvent = { task, ...noRetry }
  await settle(event, ports)
  // A repeated call finds the verdict written.
  await settle(event, ports)
  expect(lines).toEqual([
    { event: 'dataflow_settled', run_id: 'r1', dataflow: 'orders', status: 'succeeded', rows },
  ])
})

it('an attempt that another one follows is not reported, and one without rows has none', async () => {
  const task = await admitted()
  const { again } = await settle({ task, ...noRetry, retry_count: 1, failure }, ports)
  expect([again, lines]).toEqual([true, []])
  const { manifest } = task
  const second = await admit({ run_id: 'r1', manifest, dataflow: 'orders', upstream: [] }, ports)
  await settle({ task: second.task, ...noRetry, retry_count: 1, failure }, ports)
  expect(lines).toEqual([{ event: 'dataflow_settled', run_id: 'r1', dataflow: 'orders', status: 'failed' }])
})
