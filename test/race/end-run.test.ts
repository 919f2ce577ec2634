import { describe, expect, it } from 'vitest'
import type { Ports } from '../../core/ports.ts'
import { cancelRun } from '../../core/runs/cancel.ts'
import type { Evidence } from '../../core/runs/evidence.ts'
import type { FlowItem } from '../../core/runs/items.ts'
import { commitKey, dataflowKey } from '../../core/runs/keys.ts'
import { readHead } from '../../core/runs/lease.ts'
import { readFlow, readFlows, readRun } from '../../core/runs/runs.ts'
import { attemptTag } from '../../core/runs/uncommitted.ts'
import { readJsonRef, writeJson } from '../../core/stores/object-ref.ts'
import { admit } from '../../lambdas/admit.ts'
import { endRun, handlersHere, type RunEnd } from '../../lambdas/end-run.ts'
import type { TaskRef } from '../../lambdas/gate-handler.ts'
import { seal } from '../../lambdas/seal.ts'
import { settle } from '../../lambdas/settle.ts'
import { openBare, planned } from '../support/bare-ports.ts'
import { intercepted } from '../support/faulty-ports.ts'

const cancelled: RunEnd = { reason: 'cancelled', cause: 'ada@desk cancelled the run', pending: true }

async function cancelNow(ports: Ports) {
  await cancelRun(ports, 'r1', 'ada@desk', true)
  await endRun(ports, handlersHere(ports), 'r1', cancelled)
}

async function admitted(ports: Ports, dataflow: string): Promise<TaskRef> {
  const { manifest } = await readRun(ports, 'r1')
  return (await admit({ run_id: 'r1', manifest, dataflow, upstream: [] }, ports)).task
}

async function dataFile(ports: Ports, task: TaskRef): Promise<string> {
  const key = `bronze/${task.dataflow}/data/${attemptTag('r1', task.dataflow, task.attempt)}.0-00000.parquet`
  await ports.lake.put(key, 'rows')
  return key
}

/** What gate 10 writes, without a table. */
async function commit(ports: Ports, task: TaskRef, files: readonly string[] = []): Promise<void> {
  const head = await readHead(ports, 'crash', task.dataflow)
  const evidence = await writeJson(ports.evidence, `evidence/r1-${task.dataflow}.json`, {
    files: files.map((key) => ({ key })),
  })
  const item = {
    pk: dataflowKey('crash', task.dataflow),
    sk: commitKey('r1'),
    ...{ run_id: 'r1', dataflow: task.dataflow, attempt: task.attempt, leftovers: true, evidence },
    ...{ table: `bronze.${task.dataflow}`, rows: { read: 1, accepted: 1, quarantined: 0, filtered: 0 } },
    source_state: { previous_version: 0, state: { kind: 'full', inputs: 'x' } },
  }
  await ports.state.transact([
    { kind: 'put', item: { ...head, last_commit: 'r1' }, expect: { fence: task.fence } },
    { kind: 'put', item, expect: 'absent' },
  ])
}

/** One dataflow that has committed, one that is at work, one that waits to try again, one that has not begun. */
async function atWork(ports: Ports) {
  await planned(ports, 'r1', { retry_count: 2 })
  const orders = await admitted(ports, 'orders')
  const kept = await dataFile(ports, orders)
  await commit(ports, orders, [kept])
  const items = await admitted(ports, 'items')
  const removed = await dataFile(ports, items)
  const dirty = await admitted(ports, 'dirty')
  const failure = { gate: 'extract', error: 'RetryableError', cause: 'busy' }
  await settle({ task: dirty, retry_count: 2, retry_delay_seconds: 1, failure }, ports)
  return { orders, items, kept, removed }
}

/** Everything that must hold of a run that was ended: what is wrong, as text. */
async function violations(ports: Ports, { kept, removed }: Awaited<ReturnType<typeof atWork>>) {
  const wrong: string[] = []
  const flows: Record<string, FlowItem> = {}
  for (const flow of await readFlows(ports, 'r1')) {
    flows[flow.dataflow] = flow
    if ((await readHead(ports, 'crash', flow.dataflow)).lease !== null)
      wrong.push(`lease of ${flow.dataflow}`)
  }
  const told = Object.values(flows).map(({ dataflow, status, reason }) => `${dataflow} ${status} ${reason}`)
  const wanted = [
    'dirty failed undefined',
    'items failed cancelled',
    'orders succeeded undefined',
    'totals pending cancelled',
  ]
  if (told.join() !== wanted.join()) wrong.push(told.join())
  for (const name of ['items', 'totals']) {
    const evidence = await readJsonRef<Evidence>(ports.evidence, flows[name]?.evidence as never)
    if (evidence.outcome !== 'cancelled') wrong.push(`evidence of ${name}: ${evidence.outcome}`)
  }
  if ((await ports.lake.head(kept)) === undefined) wrong.push('a committed file is gone')
  if ((await ports.lake.head(removed)) !== undefined) wrong.push('an uncommitted file is left')
  if ((await ports.state.get('DATAFLOW#crash/orders', 'STATE'))?.version !== 1) wrong.push('the source state')
  const run = await readRun(ports, 'r1')
  if (run.status !== 'failed' || run.result === undefined) wrong.push('not sealed')
  if (run.cancelled?.by !== 'ada@desk') wrong.push('nobody has cancelled it')
  return wrong
}

describe('a run that is ended from outside', () => {
  it('settles what was at work, keeps what has committed, says what has not begun, and seals', async () => {
    const { ports } = openBare()
    const run = await atWork(ports)
    await cancelNow(ports)
    expect(await violations(ports, run)).toEqual([])
    const items = await readFlow(ports, 'r1', 'items')
    expect(items).toMatchObject({ gate: 'extract', error: { code: 'CANCELLED', message: cancelled.cause } })
  })

  it('changes nothing when it is repeated, but the result of its seal', async () => {
    const { ports, advance } = openBare()
    const run = await atWork(ports)
    await cancelNow(ports)
    const before = await readFlows(ports, 'r1')
    advance(1000)
    await endRun(ports, handlersHere(ports), 'r1', cancelled)
    expect(await readFlows(ports, 'r1')).toEqual(before)
    expect(await violations(ports, run)).toEqual([])
  })

  it('is finished by a repetition, wherever it has died', async () => {
    let died = 0
    for (let n = 1; ; n++) {
      const { ports, advance } = openBare()
      const run = await atWork(ports)
      let isDead = false
      const dying = intercepted(ports, async (call, perform) => {
        if (isDead) throw new Error('dead')
        const answer = await perform()
        isDead = call.number === n
        if (isDead) throw new Error('dead')
        return answer
      })
      const first = await cancelNow(dying).catch((error: Error) => error.message)
      if (first !== 'dead') break
      died += 1
      advance(1000)
      // Where it died behind the seal, there is nothing left to do.
      if ((await readRun(ports, 'r1')).status === 'running') await cancelNow(ports)
      expect({ n, wrong: await violations(ports, run) }).toEqual({ n, wrong: [] })
    }
    expect(died).toBeGreaterThan(10)
  })

  it('finds a commit that gets through, wherever it comes in between', async () => {
    const outcomes = new Set<string>()
    for (let n = 1; ; n++) {
      const { ports } = openBare()
      const run = await atWork(ports)
      let isCommitted = false
      let calls = 0
      const racing = intercepted(ports, async (call, perform) => {
        calls = call.number
        if (call.number === n)
          isCommitted = await commit(ports, run.items, [run.removed]).then(
            () => true,
            () => false,
          )
        return await perform()
      })
      await cancelNow(racing)
      const { status } = await readFlow(ports, 'r1', 'items')
      expect({ n, status }).toEqual({ n, status: isCommitted ? 'succeeded' : 'failed' })
      expect((await ports.lake.head(run.removed)) !== undefined).toBe(isCommitted)
      expect((await readHead(ports, 'crash', 'items')).lease).toBeNull()
      outcomes.add(status)
      if (calls < n) break
    }
    expect([...outcomes].sort()).toEqual(['failed', 'succeeded'])
  })

  it('lets no admission through that is on its way, wherever it comes in between', async () => {
    for (const dataflow of ['totals', 'dirty', 'items']) {
      for (let n = 1; ; n++) {
        const { ports } = openBare()
        await atWork(ports)
        // An admission that has read everything before the run is cancelled, and writes at call number `n`.
        const opened = Promise.withResolvers<void>()
        const reached = Promise.withResolvers<void>()
        const slow = intercepted(ports, async (_call, perform) => {
          reached.resolve()
          await opened.promise
          return await perform()
        })
        const late = admitted(slow, dataflow).catch((error: Error) => error.name)
        await reached.promise
        let calls = 0
        const racing = intercepted(ports, async (call, perform) => {
          calls = call.number
          if (call.number === n) {
            opened.resolve()
            await late
          }
          return await perform()
        })
        await cancelNow(racing)
        opened.resolve()
        await late
        expect((await readFlow(ports, 'r1', dataflow)).status).not.toBe('running')
        expect((await readHead(ports, 'crash', dataflow)).lease).toBeNull()
        if (calls < n) break
      }
    }
  })

  it('leaves nothing to an admission, a gate or a seal that comes when it is over', async () => {
    const { ports } = openBare()
    const { items } = await atWork(ports)
    await cancelNow(ports)
    const before = await readFlows(ports, 'r1')
    for (const dataflow of ['items', 'dirty', 'totals']) await admitted(ports, dataflow)
    const failure = { gate: 'stage', error: 'LeaseLostError', cause: '' }
    expect(
      await settle({ task: items, retry_count: 2, retry_delay_seconds: 1, failure }, ports),
    ).toMatchObject({
      again: false,
    })
    await expect(commit(ports, items)).rejects.toThrow()
    expect(await readFlows(ports, 'r1')).toEqual(before)
  })

  it('goes on with all but what has succeeded when it is resumed', async () => {
    const { ports } = openBare()
    await atWork(ports)
    await cancelNow(ports)
    await planned(ports, 'r1', { resume: true })
    const flows = await readFlows(ports, 'r1')
    expect(flows.map(({ dataflow, status }) => `${dataflow} ${status}`)).toEqual([
      'dirty pending',
      'items pending',
      'orders succeeded',
      'totals pending',
    ])
    expect(flows.some((flow) => 'reason' in flow && flow.status === 'pending')).toBe(false)
    expect(await admitted(ports, 'items')).toMatchObject({ attempt: 2 })
  })

  it('of an interruption says nothing of what has not begun', async () => {
    const { ports } = openBare()
    await atWork(ports)
    await endRun(ports, handlersHere(ports), 'r1', {
      reason: 'interrupted',
      cause: 'it died',
      pending: false,
    })
    expect(await readFlow(ports, 'r1', 'items')).toMatchObject({ status: 'failed', reason: 'interrupted' })
    expect(await readFlow(ports, 'r1', 'totals')).not.toHaveProperty('reason')
  })

  it('does not seal what another execution goes on with meanwhile', async () => {
    const { ports } = openBare()
    await atWork(ports)
    const resumedMeanwhile = intercepted(ports, async (call, perform) => {
      if (call.target.includes('/META')) {
        const run = await readRun(ports, 'r1')
        await ports.state.transact([{ kind: 'put', item: { ...run, execution: 'another' } }])
      }
      return await perform()
    })
    await expect(seal({ run_id: 'r1' }, resumedMeanwhile)).rejects.toMatchObject({
      name: 'ConditionFailedError',
    })
    expect((await readRun(ports, 'r1')).status).toBe('running')
  })
})
