import { describe, expect, it } from 'vitest'
import { cancelRun } from '../../core/runs/cancel.ts'
import { readFlows, readRun } from '../../core/runs/runs.ts'
import { admit } from '../../lambdas/admit.ts'
import { seal } from '../../lambdas/seal.ts'
import { openBare, planned } from '../support/bare-ports.ts'

describe('cancelRun', () => {
  it('lets no further dataflow in, says who asked, and the run seals with the rest pending', async () => {
    const { ports } = openBare()
    const run = await planned(ports, 'r1')
    const cancelled = await cancelRun(ports, 'r1', 'ada@desk')
    expect(cancelled).toMatchObject({ stopping: true, cancelled: { by: 'ada@desk' } })
    for (const { dataflow } of await readFlows(ports, 'r1')) {
      const event = { run_id: 'r1', manifest: run.manifest, dataflow, upstream: [] }
      expect(await admit(event, ports)).toMatchObject({ go: 'done' })
    }
    const sealed = await seal({ run_id: 'r1' }, ports)
    expect(sealed).toMatchObject({ status: 'failed', succeeded: 0, failed: 0 })
    expect(sealed.pending).toBe(sealed.total)
    expect((await readFlows(ports, 'r1')).map(({ reason }) => reason)).toEqual(
      Array(sealed.total).fill('stopping'),
    )
  })

  it('changes nothing the second time', async () => {
    const { ports, advance } = openBare()
    await planned(ports, 'r1')
    const first = await cancelRun(ports, 'r1', 'ada@desk')
    advance(1000)
    expect(await cancelRun(ports, 'r1', 'bob@desk')).toEqual(first)
  })

  it('refuses a run that has ended, and one that never was', async () => {
    const { ports } = openBare()
    await planned(ports, 'r1')
    await seal({ run_id: 'r1' }, ports)
    const before = await readRun(ports, 'r1')
    await expect(cancelRun(ports, 'r1', 'ada')).rejects.toMatchObject({ code: 'RUN_ENDED' })
    expect(await readRun(ports, 'r1')).toEqual(before)
    await expect(cancelRun(ports, 'r2', 'ada')).rejects.toMatchObject({ code: 'RUN_UNKNOWN' })
  })

  it('gives way to a seal that comes in between', async () => {
    const { ports } = openBare()
    await planned(ports, 'r1')
    const state = {
      ...ports.state,
      transact: async (writes: Parameters<typeof ports.state.transact>[0]) => {
        await seal({ run_id: 'r1' }, ports)
        await ports.state.transact(writes)
      },
    }
    await expect(cancelRun({ ...ports, state }, 'r1', 'ada')).rejects.toMatchObject({ code: 'RUN_ENDED' })
    expect((await readRun(ports, 'r1')).cancelled).toBeUndefined()
  })
})
