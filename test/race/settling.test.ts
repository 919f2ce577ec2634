import { describe, expect, it } from 'vitest'
import type { Ports } from '../../core/ports.ts'
import { commitKey, dataflowKey } from '../../core/runs/keys.ts'
import { holdLease, readHead, transactFenced } from '../../core/runs/lease.ts'
import { readFlow } from '../../core/runs/runs.ts'
import { attemptTag } from '../../core/runs/uncommitted.ts'
import { admit } from '../../lambdas/admit.ts'
import type { TaskRef } from '../../lambdas/gate-handler.ts'
import { planRun } from '../../lambdas/plan.ts'
import { type SettleEvent, settle } from '../../lambdas/settle.ts'
import { type Bare, openBare, planned } from '../support/bare-ports.ts'
import { intercepted, lostAnswer } from '../support/faulty-ports.ts'

const failure = (gate: string, error = 'Error') => ({ gate, error, cause: 'it failed' })
const noRetry = { retry_count: 0, retry_delay_seconds: 0 }

/** What the workflow sends when admit itself failed. */
async function unadmitted(ports: Ports, run_id: string, rest: Partial<SettleEvent> = {}) {
  const { manifest } = await planned(ports, run_id)
  const task: TaskRef = { run_id, manifest, dataflow: 'orders', attempt: 0, fence: 0 }
  return await settle({ task, ...noRetry, failure: failure('admit'), ...rest }, ports)
}

async function admitted(ports: Ports, run_id: string): Promise<TaskRef> {
  const { manifest } = await planned(ports, run_id)
  return (await admit({ run_id, manifest, dataflow: 'orders', upstream: [] }, ports)).task
}

async function dataFile(ports: Ports, task: TaskRef): Promise<string> {
  const key = `bronze/orders/data/${attemptTag(task.run_id, task.dataflow, task.attempt)}.0-00000.parquet`
  await ports.lake.put(key, 'rows')
  return key
}

/** What gate 10 writes, without a table. */
async function commit(ports: Ports, task: TaskRef): Promise<void> {
  const head = await readHead(ports, 'crash', task.dataflow)
  const pk = dataflowKey('crash', task.dataflow)
  const evidence = await ports.evidence.put(`evidence/${task.run_id}.json`, '{"files":[]}\n')
  const { sha256 } = await import('../../core/json.ts')
  const ref = { key: evidence.key, size: evidence.size, sha256: sha256('{"files":[]}\n') }
  const source_state = { previous_version: 0, state: { kind: 'full', inputs: 'x' } }
  const item = {
    pk,
    sk: commitKey(task.run_id),
    run_id: task.run_id,
    dataflow: task.dataflow,
    attempt: task.attempt,
    evidence: ref,
    source_state,
  }
  await ports.state.transact([
    { kind: 'put', item: { ...head, last_commit: task.run_id }, expect: { fence: task.fence } },
    { kind: 'put', item, expect: 'absent' },
  ])
}

describe('an admission that fails', () => {
  it('leaves no lease behind when only its answer was lost', async () => {
    const { ports } = openBare()
    const { manifest } = await planned(ports, 'r1')
    const deaf = intercepted(ports, async (call, perform) => {
      await perform()
      if (call.target.includes('/HEAD')) throw lostAnswer()
    })
    await expect(admit({ run_id: 'r1', manifest, dataflow: 'orders', upstream: [] }, deaf)).rejects.toThrow(
      'the answer was lost',
    )
    await unadmitted(ports, 'r1')
    expect((await readHead(ports, 'crash', 'orders')).lease).toBeNull()
    expect((await readFlow(ports, 'r1', 'orders')).status).toBe('failed')
  })

  it('never deletes what another process of the same run may still commit', async () => {
    const bare = openBare()
    const atWork = await admitted(bare.ports, 'r1')
    const key = await dataFile(bare.ports, atWork)
    await unadmitted(bare.another('host/2/b'), 'r1')
    const isThere = (await bare.ports.lake.head(key)) !== undefined
    const canCommit = await commit(bare.ports, atWork).then(
      () => true,
      () => false,
    )
    expect(canCommit && !isThere).toBe(false)
  })

  it('releases the lease of an attempt that had committed before', async () => {
    const { ports } = openBare()
    await commit(ports, await admitted(ports, 'r1'))
    await unadmitted(ports, 'r1')
    expect((await readFlow(ports, 'r1', 'orders')).status).toBe('succeeded')
    expect((await readHead(ports, 'crash', 'orders')).lease).toBeNull()
  })

  it('leaves the lease of another run alone', async () => {
    const bare = openBare()
    const other = await admitted(bare.ports, 'r1')
    await unadmitted(bare.another('host/2/b'), 'r2')
    const head = await readHead(bare.ports, 'crash', 'orders')
    expect(head).toMatchObject({ fence: other.fence, lease: { run_id: 'r1' } })
  })

  it('counts as a try: retries end', async () => {
    const { ports } = openBare()
    const settlements = []
    for (let i = 0; i < 4; i++) settlements.push(await unadmitted(ports, 'r1', { retry_count: 2 }))
    expect(settlements.map((settlement) => settlement.again)).toEqual([true, true, false, false])
    const { again } = await unadmitted(ports, 'r2', { retry_count: 0 })
    expect(again).toBe(false)
  })

  it('has evidence of its own, however often it fails', async () => {
    const { ports, advance } = openBare()
    await unadmitted(ports, 'r1', { failure: failure('admit', 'First') })
    advance(1)
    const { evidence: first } = await readFlow(ports, 'r1', 'orders')
    await planned(ports, 'r1', { resume: true })
    await unadmitted(ports, 'r1', { failure: failure('admit', 'Second') })
    const { evidence: second } = await readFlow(ports, 'r1', 'orders')
    const text = Buffer.from((await ports.evidence.get(second!.key)).body).toString()
    expect(JSON.parse(text).error.name).toBe('Second')
    expect(second!.key).not.toBe(first!.key)
  })
})

describe('settle', () => {
  it('gives the same answer when it is repeated', async () => {
    const { ports } = openBare()
    const task = await admitted(ports, 'r1')
    const event = { task, retry_count: 1, retry_delay_seconds: 4, failure: failure('extract') }
    const first = await settle(event, ports)
    expect(first).toEqual({ status: 'failed', again: true, delay_seconds: 4 })
    expect(await settle(event, ports)).toEqual(first)
  })

  it('stops the run also when it is repeated after it died in between', async () => {
    const { ports } = openBare()
    await planned(ports, 'r1', { stop_on_error: true })
    const task = await admitted(ports, 'r1')
    const event = { task, ...noRetry, failure: failure('extract') }
    const dying = intercepted(ports, async (call, perform) => {
      if (call.target.includes('/META')) throw new Error('died')
      return await perform()
    })
    await expect(settle(event, dying)).rejects.toThrow('died')
    await settle(event, ports)
    expect(await ports.state.get('RUN#r1', 'META')).toMatchObject({ stopping: true })
  })

  it('removes what an earlier attempt left when there is nothing new any more', async () => {
    const { ports } = openBare()
    const key = await dataFile(ports, await admitted(ports, 'r1'))
    const again = await admitted(ports, 'r1')
    expect(again.attempt).toBe(2)
    expect(await settle({ task: again, ...noRetry }, ports)).toMatchObject({ status: 'skipped' })
    expect(await ports.lake.head(key)).toBeUndefined()
  })

  it('removes what earlier rounds left when a resumed run only finds its commit', async () => {
    const { ports } = openBare()
    const first = await admitted(ports, 'r1')
    const key = await dataFile(ports, first)
    await commit(ports, first)
    const again = await admitted(ports, 'r1')
    expect(await settle({ task: again, ...noRetry }, ports)).toMatchObject({ status: 'succeeded' })
    expect(await ports.lake.head(key)).toBeUndefined()
  })

  it('keeps no error of an attempt before a good one', async () => {
    const { ports } = openBare()
    const task = await admitted(ports, 'r1')
    await settle({ task, retry_count: 1, retry_delay_seconds: 0, failure: failure('extract') }, ports)
    const again = await admitted(ports, 'r1')
    await settle({ task: again, ...noRetry }, ports)
    const flow = await readFlow(ports, 'r1', 'orders')
    expect(flow).toMatchObject({ status: 'skipped', reason: 'nothing_new' })
    expect(flow).not.toHaveProperty('error')
    expect(flow).not.toHaveProperty('gate')
  })
})

describe('an attempt whose lease expired', () => {
  async function displaced() {
    const bare = openBare()
    const slow = await admitted(bare.ports, 'r1')
    const key = await dataFile(bare.ports, slow)
    return {
      bare,
      slow,
      key,
      takeOver: async () => {
        bare.advance(3_600_000)
        return await admitted(bare.another('host/2/b'), 'r2')
      },
    }
  }

  it('ends with a verdict and evidence, its files removed, the other run untouched', async () => {
    const { bare, slow, key, takeOver } = await displaced()
    const newer = await takeOver()
    await settle({ task: slow, ...noRetry, failure: failure('stage', 'LeaseLostError') }, bare.ports)
    const flow = await readFlow(bare.ports, 'r1', 'orders')
    expect(flow).toMatchObject({ status: 'failed', error: { name: 'LeaseLostError' } })
    expect(flow.evidence).toBeDefined()
    expect(await bare.ports.lake.head(key)).toBeUndefined()
    const head = await readHead(bare.ports, 'crash', 'orders')
    expect(head).toMatchObject({ fence: newer.fence, lease: { run_id: 'r2' } })
  })

  it('has succeeded when it had committed', async () => {
    const { bare, slow, takeOver } = await displaced()
    await commit(bare.ports, slow)
    const newer = await takeOver()
    await settle({ task: slow, ...noRetry, failure: failure('source_state', 'LeaseLostError') }, bare.ports)
    expect(await readFlow(bare.ports, 'r1', 'orders')).toMatchObject({ status: 'succeeded' })
    expect(await readHead(bare.ports, 'crash', 'orders')).toMatchObject({
      fence: newer.fence,
      lease: { run_id: 'r2' },
    })
  })

  it('says nothing when a newer attempt of its own run is at work', async () => {
    const bare = openBare()
    const slow = await admitted(bare.ports, 'r1')
    const newer = await admitted(bare.another('host/2/b'), 'r1')
    const key = await dataFile(bare.ports, newer)
    await settle({ task: slow, ...noRetry, failure: failure('stage', 'LeaseLostError') }, bare.ports)
    expect(await readFlow(bare.ports, 'r1', 'orders')).toMatchObject({
      status: 'running',
      attempt: newer.attempt,
    })
    expect(await bare.ports.lake.head(key)).toBeDefined()
  })
})

describe('a gate that was called twice and ends late', () => {
  /** The second call went on; the first one still records its passing, with the head as it read it. */
  async function late({ ports, advance }: Bare, meanwhile: (task: TaskRef) => Promise<unknown>) {
    const task = await admitted(ports, 'r1')
    const head = await readHead(ports, 'crash', 'orders')
    // Late enough for the lease to be written anew.
    advance(15 * 60_000)
    await meanwhile(task)
    await transactFenced(ports, [holdLease(ports, head)], 0).catch(() => undefined)
    return await readHead(ports, 'crash', 'orders')
  }

  it('does not undo the last commit, by which the next admission heals the source state', async () => {
    const bare = openBare()
    const head = await late(bare, async (task) => await commit(bare.ports, task))
    expect(head.last_commit).toBe('r1')
  })

  it('does not bring a released lease back', async () => {
    const bare = openBare()
    const head = await late(bare, async (task) => await settle({ task, ...noRetry }, bare.ports))
    expect(head.lease).toBeNull()
  })
})

describe('plan', () => {
  it('does not reset the dataflows when a first call ends after a second one', async () => {
    const { ports } = openBare()
    const waiting = Promise.withResolvers<void>()
    const slow = intercepted(ports, async (call, perform) => {
      if (call.target.includes('/FLOW#')) await waiting.promise
      return await perform()
    })
    const first = planned(slow, 'r1').catch((error: Error) => error.name)
    const task = await admitted(ports, 'r1')
    waiting.resolve()
    expect(await first).toBe('ConditionFailedError')
    expect(await readFlow(ports, 'r1', 'orders')).toMatchObject({ status: 'running', attempt: task.attempt })
  })

  it('writes its plan again after it died in the middle', async () => {
    const { ports } = openBare()
    const dying = intercepted(ports, async (call, perform) => {
      if (call.target.includes('/META') && !call.target.includes('/FLOW#')) throw new Error('died')
      return await perform()
    })
    await expect(planned(dying, 'r1')).rejects.toThrow('died')
    expect((await planned(ports, 'r1')).waves).toBe(2)
  })

  it('on resume does not take an attempt number back that was given out meanwhile', async () => {
    const { ports } = openBare()
    await admitted(ports, 'r1')
    const racing = intercepted(ports, async (call, perform) => {
      if (call.target.includes('/FLOW#')) await admitted(ports, 'r1')
      return await perform()
    })
    const resume = { execution_name: 'r1', input: { run_id: 'r1', resume: true } }
    await planRun(resume, racing).catch((error: Error) => expect(error.name).toBe('ConditionFailedError'))
    expect((await readFlow(ports, 'r1', 'orders')).attempt).toBeGreaterThanOrEqual(2)
  })
})
