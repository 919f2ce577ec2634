import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { atBoundary, type Boundary, nameOfBoundary, taskStates } from '../support/boundaries.ts'
import { limited, runChild } from '../support/children.ts'
import { leases, readStored, rowsOf, unreferenced, violations } from '../support/invariants.ts'
import { dataflows, deliver, makeProject, runProject } from '../support/project.ts'

/** A dataflow of its own for every state, in turn, so that each of them is cut off in different places. */
const boundaries: readonly Boundary[] = (['entered', 'succeeded'] as const).flatMap((when, offset) =>
  taskStates.map((state, i) => ({ state, when, dataflow: dataflows[(i + offset) % dataflows.length]! })),
)

const fewAtATime = limited(3)

describe.concurrent('an interruption', () => {
  it.each(boundaries.map((boundary) => [nameOfBoundary(boundary), boundary] as const))(
    'at %s is sealed, leaves no lease and no file, and is resumed',
    async (_name, boundary) => {
      await fewAtATime(async () => {
        const directory = makeProject()
        deliver(directory, 1)
        const controller = new AbortController()
        const onEvent = atBoundary(boundary, () => controller.abort(new Error('Ctrl+C')))
        const first = await runProject(directory, { run_id: 'only', onEvent, signal: controller.signal })
        expect(first.interrupted).toBe(true)
        expect(first.result.running).toBe(0)
        const stored = readStored(directory)
        expect(stored.items.get('RUN#only META')).toMatchObject({
          status: first.result.status,
          finished_at: first.result.finished_at,
        })
        expect(leases(stored)).toEqual([])
        expect(await unreferenced(directory, stored)).toEqual([])
        const { result } = await runProject(directory, { run_id: 'only', resume: true })
        expect({ errors: result.errors, status: result.status }).toEqual({ errors: {}, status: 'succeeded' })
        expect(await violations(directory, ['only'])).toEqual([])
        rmSync(directory, { recursive: true })
      })
    },
  )

  it('before the plan is written starts nothing', async () => {
    const directory = makeProject()
    deliver(directory, 1)
    const signal = AbortSignal.abort(new Error('Ctrl+C'))
    await expect(runProject(directory, { run_id: 'only', signal })).rejects.toMatchObject({
      code: 'RUN_NOT_STARTED',
    })
    expect([...readStored(directory).items]).toEqual([])
    rmSync(directory, { recursive: true })
  })
})

describe('Ctrl+C', () => {
  it('ends sluice run with 130 and a sealed run, which is resumed', async () => {
    const directory = makeProject()
    deliver(directory, 1)
    // Enough rows to be at work on when the signal comes.
    const rows = Array.from({ length: 1_000_000 }, (_, i) => `${i},${i % 1000}`)
    writeFileSync(join(directory, 'landing', 'orders-1.csv'), `id,amount\n${rows.join('\n')}\n`)
    const place = ['--project', directory, '--format', 'json']
    const ended = await runChild('cli/main.ts', ['run', '--run-id', 'only', ...place], async (kill) => {
      while (!readStored(directory).items.has('RUN#only GATE#orders#0001#lineage')) await sleep(5)
      kill('SIGINT')
    })
    expect(ended, ended.stderr).toMatchObject({ code: 130, signal: null })
    expect(JSON.parse(ended.stdout)).toMatchObject({
      status: 'failed',
      running: 0,
      errors: { orders: expect.any(String) },
    })
    const stored = readStored(directory)
    expect(leases(stored)).toEqual([])
    expect(await unreferenced(directory, stored)).toEqual([])
    expect(stored.pointers.has('bronze.orders')).toBe(false)
    const resumed = await runChild('cli/main.ts', ['run', '--resume', 'only', ...place])
    expect(resumed, resumed.stderr).toMatchObject({ code: 0, signal: null })
    expect(await rowsOf(directory, 'orders')).toHaveLength(rows.length)
    rmSync(directory, { recursive: true })
  })
})
