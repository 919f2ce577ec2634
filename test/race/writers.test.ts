import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { RunOutcome } from '../../local/run.ts'
import { runChild } from '../support/children.ts'
import { intercepted, isCommit, makeBarrier } from '../support/faulty-ports.ts'
import { leases, readStored, rowsOf, unreferenced, violations } from '../support/invariants.ts'
import { asText, dataflows, deliver, expectedRows, makeProject, runProject } from '../support/project.ts'
import { viewTable } from '../support/tables.ts'

/** Dataflows of one wave that all append to one table, each from a file of its own. */
function appenders(count: number, extra = ''): string {
  const flows = Array.from(
    { length: count },
    (_, i) => `
  - name: flow_${i}
    source: { connection: landing, path: "orders-1.csv", format: csv }
    contract: { columns: { id: { type: bigint }, amount: { type: integer } } }
    sink: { connection: warehouse, table: bronze.shared, load_type: append }`,
  )
  return `version: 1
project: crash
connections:
  landing: { type: files, path: ./landing }
  warehouse: { type: lake }
dataflows:${flows.join('')}${extra}
`
}

function only(dataflow: string) {
  return { options: { dataflows: [dataflow] } }
}

/** A run of one dataflow that stops breathing just before its commit. */
function pausedAtCommit(directory: string, run_id: string, dataflow: string, clock = () => new Date()) {
  const barrier = makeBarrier()
  const outcome = runProject(directory, {
    run_id,
    clock,
    ...only(dataflow),
    decorate: (ports) =>
      intercepted(ports, async (call, perform) => {
        if (isCommit(call)) await barrier.pass()
        return await perform()
      }),
  })
  const ended = outcome.then(({ result }) => {
    throw new Error(`it ended before its commit: ${JSON.stringify(result.errors)}`)
  })
  return { open: barrier.open, reached: Promise.race([barrier.reached, ended]), outcome }
}

async function shared(directory: string) {
  return await viewTable(readStored(directory).pointers.get('bronze.shared') as string)
}

/** Each of these is there exactly `times` times. */
function times(rows: readonly string[]): number[] {
  return [...new Set([...Map.groupBy(rows, (row) => row).values()].map((group) => group.length))]
}

async function expectTidy(directory: string): Promise<void> {
  const stored = readStored(directory)
  expect(leases(stored)).toEqual([])
  expect(await unreferenced(directory, stored)).toEqual([])
}

describe('several writers of one table', () => {
  it.each([
    ['that none of them finds', 0],
    ['that is there', 1],
  ])('append side by side to a table %s, each exactly once', async (_title, before) => {
    const directory = makeProject(appenders(6))
    deliver(directory, 1)
    if (before > 0) await runProject(directory, { run_id: 'before', ...only('flow_0') })
    const { result } = await runProject(directory, { run_id: 'all', options: { max_workers: 8 } })
    expect({ errors: result.errors, status: result.status }).toEqual({ errors: {}, status: 'succeeded' })
    const { rows, snapshots } = await shared(directory)
    expect(times(asText(rows))).toEqual([6])
    expect(rows).toHaveLength(30)
    const runs = Array.from({ length: 6 }, (_, i) => `${i < before ? 'before' : 'all'}/flow_${i}`)
    expect([...snapshots].sort()).toEqual(runs.sort())
    await expectTidy(directory)
    rmSync(directory, { recursive: true })
  })

  it('stage again when one comes in between stage and commit', async () => {
    const directory = makeProject(appenders(3))
    deliver(directory, 1)
    await runProject(directory, { run_id: 'before', ...only('flow_0') })
    const { reached, open, outcome } = pausedAtCommit(directory, 'slow', 'flow_1')
    await reached
    await runProject(directory, { run_id: 'quick', ...only('flow_2') })
    open()
    const { result } = await outcome
    expect(result).toMatchObject({ status: 'succeeded', dataflows: [{ attempts: 1 }] })
    const { rows, snapshots } = await shared(directory)
    expect(times(asText(rows))).toEqual([3])
    expect(snapshots).toEqual(['before/flow_0', 'quick/flow_2', 'slow/flow_1'])
    await expectTidy(directory)
    rmSync(directory, { recursive: true })
  })

  it('judge again when one changes the schema in between', async () => {
    const noted = ['a', 'b'].map(
      (name) => `
  - name: noted_${name}
    source: { connection: landing, path: "noted.csv", format: csv }
    contract: { columns: { id: { type: bigint }, amount: { type: integer } } }
    sink: { connection: warehouse, table: bronze.shared, load_type: append }`,
    )
    const directory = makeProject(appenders(1, noted.join('')))
    deliver(directory, 1)
    writeFileSync(join(directory, 'landing', 'noted.csv'), 'note,id,amount\nhello,9,90\n')
    await runProject(directory, { run_id: 'before', ...only('flow_0') })
    const { reached, open, outcome } = pausedAtCommit(directory, 'slow', 'noted_a')
    await reached
    await runProject(directory, { run_id: 'quick', ...only('noted_b') })
    open()
    expect((await outcome).result).toMatchObject({ status: 'succeeded', dataflows: [{ attempts: 1 }] })
    const { rows, snapshots } = await shared(directory)
    expect(asText(rows).slice(5)).toEqual(
      Array.from({ length: 2 }, () => '{"amount":90,"id":9,"note":"hello"}'),
    )
    expect(snapshots).toEqual(['before/flow_0', 'quick/noted_b', 'slow/noted_a'])
    await expectTidy(directory)
    rmSync(directory, { recursive: true })
  })
})

describe('two runs of one project', () => {
  it('at once, in two processes: every row is there once, and both runs succeed', async () => {
    const directory = makeProject()
    deliver(directory, 1)
    const runs = ['left', 'right']
    const ended = await Promise.all(
      runs.map((run_id) => runChild('test/race/runner.ts', [directory, run_id])),
    )
    expect(ended.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
      runs.map(() => ({ code: 0, stderr: '' })),
    )
    const results = ended.map(({ stdout }) => JSON.parse(stdout))
    expect(results.map(({ status, errors }) => ({ status, errors }))).toEqual(
      runs.map(() => ({ status: 'succeeded', errors: {} })),
    )
    for (const name of dataflows.filter((flow) => flow !== 'totals')) {
      const outcomes = results.map(
        ({ dataflows: flows }) => flows.find((flow: { dataflow: string }) => flow.dataflow === name).status,
      )
      expect(outcomes.sort(), name).toEqual(['skipped', 'succeeded'])
    }
    for (const name of dataflows) expect(await rowsOf(directory, name), name).toEqual(expectedRows(1)[name])
    await expectTidy(directory)
    rmSync(directory, { recursive: true })
  }, 90_000)
})

describe('a zombie', () => {
  /** A run that stops breathing at its commit, while another one takes over an hour later. */
  async function overtaken() {
    const directory = makeProject()
    deliver(directory, 1)
    const { reached, open, outcome } = pausedAtCommit(directory, 'zombie', 'orders')
    await reached
    const later = () => new Date(Date.now() + 3_600_000)
    const heir = await runProject(directory, { run_id: 'heir', ...only('orders'), clock: later })
    expect(heir.result).toMatchObject({ status: 'succeeded', succeeded: 1 })
    const before = readStored(directory)
    open()
    return { directory, before, outcome: await outcome }
  }

  it('that wakes before its commit fails, changes nothing, and leaves nothing', async () => {
    const { directory, before, outcome } = await overtaken()
    expect(outcome.result).toMatchObject({
      status: 'failed',
      dataflows: [{ status: 'failed', error: { code: 'LEASE_LOST' } }],
    })
    const after = readStored(directory)
    expect(after.pointers).toEqual(before.pointers)
    const dataflowItems = (stored: typeof after) =>
      [...stored.items].filter(([key]) => key.startsWith('DATAFLOW#'))
    expect(dataflowItems(after)).toEqual(dataflowItems(before))
    expect(await violations(directory, ['heir'], ['orders'])).toEqual([])
    expect(readEvidence(directory, outcome)).toMatchObject({
      outcome: 'failed',
      error: { name: 'LeaseLostError' },
    })
    rmSync(directory, { recursive: true })
  })

  it('that wakes before its heir has committed is stopped by the fence alone', async () => {
    const directory = makeProject()
    deliver(directory, 1)
    const zombie = pausedAtCommit(directory, 'zombie', 'orders')
    await zombie.reached
    const heir = pausedAtCommit(directory, 'heir', 'orders', () => new Date(Date.now() + 3_600_000))
    await heir.reached
    zombie.open()
    expect((await zombie.outcome).result.dataflows[0]).toMatchObject({ error: { code: 'LEASE_LOST' } })
    expect(readStored(directory).pointers.size).toBe(0)
    heir.open()
    expect((await heir.outcome).result).toMatchObject({ status: 'succeeded' })
    expect(await violations(directory, ['heir'], ['orders'])).toEqual([])
    rmSync(directory, { recursive: true })
  })

  it('that is resumed finds that there is nothing to do any more', async () => {
    const { directory } = await overtaken()
    const { result } = await runProject(directory, {
      run_id: 'zombie',
      resume: true,
      clock: () => new Date(Date.now() + 7_200_000),
    })
    expect(result).toMatchObject({ status: 'succeeded', skipped: 1 })
    expect(await violations(directory, ['heir'], ['orders'])).toEqual([])
    rmSync(directory, { recursive: true })
  })
})

function readEvidence(directory: string, { result }: RunOutcome): unknown {
  const key = result.dataflows[0]?.evidence?.key as string
  return JSON.parse(readFileSync(join(directory, '.sluice', 'evidence', key), 'utf8'))
}
