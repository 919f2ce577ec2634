import { readFileSync, rmSync } from 'node:fs'
import { expect, it, onTestFinished } from 'vitest'
import { storeRenderedManifest } from '../../core/runs/manifest-store.ts'
import { readFlow, readRun } from '../../core/runs/runs.ts'
import { type Clock, systemClock } from '../../local/asl/clock.ts'
import { loadStateMachine, startExecution } from '../../local/asl/index.ts'
import { handlers } from '../../local/handlers.ts'
import { openWorkspace } from '../../local/workspace.ts'
import { leases, readStored, rowsOf, unreferenced } from '../support/invariants.ts'
import { deliver, expectedRows, loadProject, makeProject } from '../support/project.ts'

const machine = loadStateMachine(
  readFileSync(new URL('../../state-machines/run.asl.json', import.meta.url), 'utf8'),
  {
    substitutions: {
      ...Object.fromEntries(Object.keys(handlers).map((name) => [name, name])),
      EvidenceBucket: 'evidence',
      ChildType: 'STANDARD',
      GateTimeoutSeconds: '900',
    },
  },
)

/** Waits of a minute and less take a thousandth of their time; timeouts take theirs. */
const fast: Clock = {
  ...systemClock,
  random: () => 0.5,
  after: (ms, callback) => systemClock.after(ms <= 60_000 ? ms / 1000 : ms, callback),
}

it('runs that objects start while one is at work wait for it, lose no object, and load none twice', async () => {
  const directory = makeProject()
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  deliver(directory, 1)
  const workspace = openWorkspace({ projectDirectory: directory })
  onTestFinished(async () => await workspace.close())
  const { ports } = workspace
  const manifest = await storeRenderedManifest(ports.evidence, await loadProject(directory))
  let firstHasPinned: () => void = () => undefined
  const pinned = new Promise<void>((done) => {
    firstHasPinned = done
  })
  const refused = new Map<string, number>()
  let lettingGo: () => void = () => undefined
  const enoughRefused = new Promise<void>((done) => {
    lettingGo = done
  })
  const start = async (name: string) =>
    await startExecution(machine, {
      name,
      input: { run_id: name, manifest, dataflows: ['items'] },
      clock: fast,
      tasks:
        (resource) =>
        async (input, { signal }) => {
          const answer = async () => await handlers[resource]!(input as never, { ports, signal })
          if (resource === 'Lineage' && name === 'first') {
            firstHasPinned()
            await enoughRefused
          }
          if (resource !== 'Admit') return await answer()
          return await answer().catch((error: Error) => {
            if (error.name === 'LeaseHeldError') refused.set(name, (refused.get(name) ?? 0) + 1)
            // More often than a run used to ask at all, and for longer than a minute of the definition's time.
            if (['second', 'third'].every((each) => (refused.get(each) ?? 0) > 13)) lettingGo()
            throw error
          })
        },
      objects: {
        getObject: async (_bucket, key) => (await ports.evidence.get(key)).body,
        putObject: async (_bucket, key, body) => {
          await ports.evidence.put(key, body)
        },
        listObjects: (_bucket, prefix) => ports.evidence.list(prefix),
      },
    }).result
  const first = start('first')
  await pinned
  // Arrives after the first run has pinned what it reads, so that it is for one of the others to load.
  deliver(directory, 2)
  const outcomes = await Promise.all([first, start('second'), start('third')])
  expect(outcomes.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED'])
  for (const name of ['second', 'third']) expect((await readRun(ports, name)).status).toBe('succeeded')
  const flows = await Promise.all(['second', 'third'].map((name) => readFlow(ports, name, 'items')))
  expect(flows.map(({ status, reason }) => [status, reason ?? null]).sort()).toEqual([
    ['skipped', 'nothing_new'],
    ['succeeded', null],
  ])
  expect(await rowsOf(directory, 'items')).toEqual(expectedRows(2).items)
  const stored = readStored(directory)
  expect(leases(stored)).toEqual([])
  expect(await unreferenced(directory, stored)).toEqual([])
})
