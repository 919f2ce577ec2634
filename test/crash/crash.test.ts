import { rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Boundary, nameOfBoundary, taskStates } from '../support/boundaries.ts'
import { limited, runChild } from '../support/children.ts'
import { readStored, violations } from '../support/invariants.ts'
import { dataflows, deliver, loadProject, makeProject, runProject } from '../support/project.ts'
import type { Drive } from './driver.ts'

/**
 * `kill -9` at every boundary of every state of every dataflow, then a resume. A kill before a state meets a
 * new lake, one after it a lake that a run before has filled, so that both are met at every boundary: what one
 * state leaves is what the next one finds. CRASH_FULL=1 crosses them.
 */
const boundaries: readonly Boundary[] = [
  ...(['entered', 'succeeded'] as const).flatMap((when) => [
    { state: 'Plan', when } as const,
    { state: 'Seal', when } as const,
    ...dataflows.flatMap((dataflow) => taskStates.map((state) => ({ state, dataflow, when }))),
  ]),
]
const everything = process.env.CRASH_FULL === '1'
const newLake = ['only']
const filledLake = ['before', 'last']
const cases = boundaries.flatMap((boundary) => {
  const histories = everything ? [newLake, filledLake] : [boundary.when === 'entered' ? newLake : filledLake]
  return histories.map((runs) => ({
    boundary,
    runs,
    title: `${nameOfBoundary(boundary)}, ${runs.length === 1 ? 'new' : 'filled'} lake`,
  }))
})

const twoAtATime = limited(2)

/** Runs the project once for every delivery; the last run is killed there. Returns the project that it left. */
async function killedAt(boundary: Boundary, runs: readonly string[]): Promise<string> {
  const directory = makeProject()
  const manifest = await loadProject(directory)
  for (const [i, run_id] of runs.slice(0, -1).entries()) {
    deliver(directory, i + 1)
    await runProject(directory, { run_id, manifest })
  }
  deliver(directory, runs.length)
  const drive: Drive = { directory, manifest, run_id: runs.at(-1) as string, boundary }
  const ended = await runChild('test/crash/driver.ts', [JSON.stringify(drive)])
  expect(ended, ended.stderr).toMatchObject({ signal: 'SIGKILL', stderr: '' })
  return directory
}

describe.concurrent('a process is killed', () => {
  it.each(cases)('$title', async ({ boundary, runs }) => {
    await twoAtATime(async () => {
      const directory = await killedAt(boundary, runs)
      const run_id = runs.at(-1) as string
      const hasBegun = boundary.state !== 'Plan' || boundary.when === 'succeeded'
      if (!hasBegun) {
        await expect(runProject(directory, { run_id, resume: true })).rejects.toMatchObject({
          code: 'RUN_UNKNOWN',
        })
        expect(readStored(directory).items.has(`RUN#${run_id} META`)).toBe(false)
      }
      const { result, interrupted } = await runProject(
        directory,
        hasBegun ? { run_id, resume: true } : { run_id },
      )
      expect({ interrupted, errors: result.errors, status: result.status }).toEqual({
        interrupted: false,
        errors: {},
        status: 'succeeded',
      })
      expect(await violations(directory, runs)).toEqual([])
      rmSync(directory, { recursive: true })
    })
  })
})

describe('after a kill', () => {
  it('a run that is not resumed does not stand in the way of the next one', async () => {
    const directory = await killedAt({ state: 'AuditCommit', dataflow: 'orders', when: 'succeeded' }, [
      'dead',
    ])
    const { result } = await runProject(directory, { run_id: 'next' })
    expect(result).toMatchObject({ status: 'succeeded', errors: {} })
    await runProject(directory, { run_id: 'dead', resume: true })
    deliver(directory, 2)
    const second = await runProject(directory, { run_id: 'last' })
    expect(second.result).toMatchObject({ status: 'succeeded', errors: {} })
    const found = await violations(directory, ['dead', 'last'], ['orders'])
    expect(found.filter((problem) => !problem.startsWith('unreferenced'))).toEqual([])
    rmSync(directory, { recursive: true })
  })

  it('a second resume changes nothing', async () => {
    const directory = await killedAt({ state: 'Finalize', dataflow: 'items', when: 'succeeded' }, ['only'])
    await runProject(directory, { run_id: 'only', resume: true })
    const { pointers } = readStored(directory)
    const { result } = await runProject(directory, { run_id: 'only', resume: true })
    expect(result.status).toBe('succeeded')
    expect(readStored(directory).pointers).toEqual(pointers)
    expect(await violations(directory, ['only'])).toEqual([])
    rmSync(directory, { recursive: true })
  })

  it.each([
    { state: 'Plan', when: 'succeeded' },
    { state: 'Contract', dataflow: 'orders', when: 'succeeded' },
    { state: 'AuditCommit', dataflow: 'totals', when: 'succeeded' },
    { state: 'Seal', when: 'entered' },
  ] as const)('sluice run --resume goes on at once ($state $when)', async (boundary) => {
    const directory = await killedAt(boundary, ['only'])
    const resumed = await runChild('cli/main.ts', [
      'run',
      '--resume',
      'only',
      '--project',
      directory,
      '--format',
      'json',
    ])
    expect(resumed, resumed.stderr).toMatchObject({ code: 0 })
    expect(JSON.parse(resumed.stdout)).toMatchObject({ run_id: 'only', status: 'succeeded', errors: {} })
    expect(await violations(directory, ['only'])).toEqual([])
    const again = await runChild('cli/main.ts', ['run', '--run-id', 'only', '--project', directory])
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('RUN_EXISTS') })
    rmSync(directory, { recursive: true })
  })
})
