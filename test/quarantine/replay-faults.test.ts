import { describe, expect, it } from 'vitest'
import type { RenderedManifest } from '../../core/manifest/types.ts'
import { type QuarantineItem, readQuarantineItem } from '../../core/runs/acknowledgements.ts'
import { type ReplayPlan, replayRunId } from '../../core/runs/replay.ts'
import type { Item } from '../../core/stores/state-store.ts'
import { openWorkspace } from '../../local/workspace.ts'
import type { Drive } from '../crash/driver.ts'
import { type Boundary, nameOfBoundary, taskStates } from '../support/boundaries.ts'
import { runChild } from '../support/children.ts'
import { leases, readStored, unreferenced } from '../support/invariants.ts'
import { loadProject, runProject } from '../support/project.ts'
import { type Corrections, contract, openCorrections } from './project.ts'

const corrected = 'id,name\n2,b\n3,c\n'

/** A project whose first run has set two rows aside, and the plan of their replay, whose input is stored. */
async function planned(body = corrected) {
  const flow = openCorrections()
  flow.says({ contract: contract('') })
  flow.deliver('a', 'id,name\n1,a\n9,b\nx,c\n')
  const { evidence } = await flow.run()
  return { flow, of: evidence.run_id, ...(await planOf(flow, evidence.run_id, body)) }
}

async function planOf(flow: Corrections, of: string, body: string) {
  const from = flow.file(`corrected-${body.length}.csv`, body)
  const command = ['quarantine', 'replay', of, 'flow', '--from', from]
  const { plan } = flow.json(await flow.cli(...command, '--format', 'json')) as { plan: ReplayPlan }
  const workspace = openWorkspace({ projectDirectory: flow.directory })
  await workspace.ports.evidence.put(plan.input.object.key, body)
  await workspace.close()
  const manifest: RenderedManifest = { ...(await loadProject(flow.directory)), replay: { plan, by: 'test' } }
  return { plan, manifest, run_id: replayRunId(plan), command }
}

/** Everything that must hold once the replay has been repeated to its end. */
async function expectOnce(flow: Corrections, of: string, run_id: string): Promise<void> {
  expect((await flow.rows()).map(({ id, name }) => [id, name])).toEqual([
    [1, 'a'],
    [2, 'b'],
    [3, 'c'],
  ])
  expect(
    flow
      .commits()
      .map((commit) => commit.run_id)
      .sort(),
  ).toEqual([of, run_id].sort())
  expect(flow.said(of)?.acknowledged).toMatchObject([{ rows: 2, replay: { run_id } }])
  const stored = readStored(flow.directory)
  expect(leases(stored)).toEqual([])
  expect(await unreferenced(flow.directory, stored)).toEqual([])
  const [first, second] = flow.commits()
  expect(second?.source_state.state).toEqual(first?.source_state.state)
  expect(flow.state()).toMatchObject({ version: 2, state: first?.source_state.state })
}

const boundaries: readonly Boundary[] = [
  { state: 'Plan', when: 'succeeded' },
  ...taskStates.map((state) => ({ state, dataflow: 'flow', when: 'succeeded' }) as const),
  { state: 'AuditCommit', dataflow: 'flow', when: 'entered' },
  { state: 'Seal', when: 'entered' },
]

describe('a replay whose process is killed', () => {
  it.each(boundaries.map((boundary) => ({ title: nameOfBoundary(boundary), boundary })))(
    'is ended by its repetition, once: $title',
    async ({ boundary }) => {
      const { flow, of, manifest, run_id, command } = await planned()
      const drive: Drive = { directory: flow.directory, manifest, run_id, boundary }
      const ended = await runChild('test/crash/driver.ts', [JSON.stringify(drive)])
      expect(ended, ended.stderr).toMatchObject({ signal: 'SIGKILL', stderr: '' })
      const repeated = await flow.cli(...command, '--yes')
      expect(repeated, repeated.stderr).toMatchObject({ code: 0 })
      await expectOnce(flow, of, run_id)
      const run = readStored(flow.directory).items.get(`RUN#${run_id} META`)
      expect(run).toMatchObject({ status: 'succeeded', result: {} })
    },
  )

  it('changes nothing when it is repeated once more', async () => {
    const { flow, of, manifest, run_id, command } = await planned()
    await runProject(flow.directory, { run_id, manifest })
    expect(await flow.cli(...command, '--yes')).toMatchObject({ code: 0 })
    await expectOnce(flow, of, run_id)
  })
})

describe('two replays of the same rows', () => {
  it('do not both commit: the second was planned on what is no longer pending', async () => {
    const { flow, of, manifest, run_id } = await planned()
    const other = await planOf(flow, of, 'id,name\n2,bb\n3,cc\n')
    expect((await runProject(flow.directory, { run_id, manifest })).result.status).toBe('succeeded')
    const { result } = await runProject(flow.directory, { run_id: other.run_id, manifest: other.manifest })
    expect(result.dataflows[0]).toMatchObject({ status: 'failed', error: { code: 'REPLAY_OUTDATED' } })
    await expectRowsOf(flow, of, run_id)
  })

  it('do not both commit when the other one does so in the last moment', async () => {
    const { flow, of, plan, manifest, run_id } = await planned()
    const { result } = await runProject(flow.directory, {
      run_id,
      manifest,
      decorate: (ports) => ({
        ...ports,
        state: {
          ...ports.state,
          transact: async (writes) => {
            if (writes.some(({ kind }) => kind === 'pointer')) {
              expect(await readQuarantineItem(ports, of, 'flow')).toBeUndefined()
              await ports.state.transact([{ kind: 'put', item: somebodyElses(plan) }])
            }
            await ports.state.transact(writes)
          },
        },
      }),
    })
    expect(result.dataflows[0]).toMatchObject({ status: 'failed', error: { code: 'REPLAY_OUTDATED' } })
    expect((await flow.rows()).map(({ id }) => id)).toEqual([1])
    expect(flow.said(of)?.acknowledged).toMatchObject([{ by: 'somebody else' }])
  })
})

async function expectRowsOf(flow: Corrections, of: string, run_id: string): Promise<void> {
  expect((await flow.rows()).map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  expect(flow.said(of)?.acknowledged).toMatchObject([{ replay: { run_id } }])
  expect(await unreferenced(flow.directory, readStored(flow.directory))).toEqual([])
}

function somebodyElses({ run_id, index }: ReplayPlan): Item & QuarantineItem {
  const { fingerprint: _f, rows, expires_at, ...ref } = index
  const said = {
    covers: { all: true },
    rows,
    by: 'somebody else',
    at: '2024-05-01T00:00:00.000Z',
    reason: 'why not',
  } as const
  return {
    pk: `RUN#${run_id}`,
    sk: 'QUARANTINE#flow',
    run_id,
    dataflow: 'flow',
    index: ref,
    version: 1,
    rows,
    expires_at,
    acknowledged: [said],
  }
}
