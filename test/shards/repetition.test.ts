import { rmSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { Ports } from '../../core/ports.ts'
import { storeRenderedManifest } from '../../core/runs/manifest-store.ts'
import type { Admission } from '../../lambdas/admit.ts'
import type { TaskRef } from '../../lambdas/gate-handler.ts'
import type { PlannedRun } from '../../lambdas/plan.ts'
import { handlers } from '../../local/handlers.ts'
import { openWorkspace } from '../../local/workspace.ts'
import { intercepted, makeBarrier } from '../support/faulty-ports.ts'
import { leases, readStored, unreferenced } from '../support/invariants.ts'
import { loadProject } from '../support/project.ts'
import { deliverFile, flowOf, makeShardProject, tableRows } from '../support/shard-project.ts'

const later = [
  'Contract',
  'Evolution',
  'Compatibility',
  'PhysicalDdl',
  'Stage',
  'Finalize',
  'Evidence',
  'AuditCommit',
  'SourceState',
]
const shards = [0, 1, 2]

interface Load {
  readonly directory: string
  readonly ports: Ports
  admit(): Promise<TaskRef>
  call(name: string, event: unknown, ports?: Ports): Promise<unknown>
}

/** Three objects, three shards; on ports without a memory of attempts, as every function has them on AWS. */
async function inLoad(work: (load: Load) => Promise<void>): Promise<void> {
  const directory = makeShardProject({
    contract: '{ columns: { n: { type: integer } } }',
    max_shard_bytes: 5,
  })
  for (const n of shards) deliverFile(directory, `${n}.csv`, `n\n${n}\n`)
  const workspace = openWorkspace({ projectDirectory: directory })
  const { attempts: _none, ...ports } = workspace.ports
  const call: Load['call'] = async (name, event, on = ports) => await handlers[name]!(event, { ports: on })
  const manifest = await storeRenderedManifest(ports.evidence, await loadProject(directory))
  const input = { run_id: 'only', manifest }
  const planned = (await call('Plan', { execution_name: 'only', input })) as PlannedRun
  const event = { run_id: 'only', manifest: planned.manifest, dataflow: 'flow', upstream: [] }
  const admit = async () => ((await call('Admit', event)) as Admission).task
  try {
    await work({ directory, ports, admit, call })
  } finally {
    await workspace.close()
  }
  rmSync(directory, { recursive: true })
}

async function finish({ call }: Load, task: TaskRef): Promise<void> {
  for (const gate of later) await call(gate, task)
  await call('Settle', { task, retry_count: 0, retry_delay_seconds: 0 })
}

/** The rows are there once, by one commit; the files that nobody refers to. */
async function checked({ directory }: Load): Promise<string[]> {
  const stored = readStored(directory)
  expect(flowOf(stored, 'only')).toMatchObject({ status: 'succeeded', rows: { read: 3, accepted: 3 } })
  expect(await tableRows(directory)).toEqual(['{"n":0}', '{"n":1}', '{"n":2}'])
  expect(leases(stored)).toEqual([])
  return await unreferenced(directory, stored)
}

it('a shard may be called again after it has answered, and at the same time as others', async () => {
  await inLoad(async (load) => {
    const { call } = load
    const task = await load.admit()
    expect(await call('Extract', task)).toMatchObject({ verdict: 'passed', shards: 3 })
    await call('Lineage', task)
    await Promise.all(shards.map((shard) => call('ContractShard', { ...task, shard })))
    const before = readStored(load.directory)
    await Promise.all(shards.map((shard) => call('ContractShard', { ...task, shard })))
    expect([...readStored(load.directory).items]).toEqual([...before.items])
    await finish(load, task)
    expect(await checked(load)).toEqual([])
  })
})

it('of two calls of one shard at the same time one records, and the other adds nothing', async () => {
  await inLoad(async (load) => {
    const { call } = load
    const task = await load.admit()
    await call('Extract', task)
    await call('Lineage', task)
    for (const shard of shards) {
      const both = await Promise.allSettled([1, 2].map(() => call('ContractShard', { ...task, shard })))
      expect(both.map((outcome) => outcome.status)).toContain('fulfilled')
    }
    await finish(load, task)
    // What the other call stored is left to maintenance.
    expect((await checked(load)).every((file) => /\.0\.000\d-00000(-1)?\.parquet$/.test(file))).toBe(true)
  })
})

it('once a shard has stopped for good no other one begins', async () => {
  await inLoad(async (load) => {
    const { call, ports } = load
    const task = await load.admit()
    await call('Extract', task)
    await call('Lineage', task)
    deliverFile(load.directory, '0.csv', 'n\n9\n')
    await expect(call('ContractShard', { ...task, shard: 0 })).rejects.toMatchObject({ name: 'SourceError' })
    const untouched: Ports = {
      ...ports,
      openSource: () => {
        throw new Error('it has begun')
      },
    }
    expect(await call('ContractShard', { ...task, shard: 1 }, untouched)).toMatchObject({ shard: 1 })
    await expect(call('Contract', task)).rejects.toMatchObject({ code: 'SHARD_RECORD_MISSING' })
  })
})

it('contract gives no verdict while a shard is missing', async () => {
  await inLoad(async (load) => {
    const { call } = load
    const task = await load.admit()
    await call('Extract', task)
    await call('Lineage', task)
    for (const shard of [0, 2]) await call('ContractShard', { ...task, shard })
    await expect(call('ContractShard', { ...task, shard: 3 })).rejects.toMatchObject({
      code: 'SHARD_UNKNOWN',
    })
    await expect(call('Contract', task)).rejects.toMatchObject({ code: 'SHARD_RECORD_MISSING' })
    const failure = { gate: 'contract', error: 'TerminalError', cause: 'a shard is missing' }
    await call('Settle', { task, retry_count: 0, retry_delay_seconds: 0, failure })
    const { items, pointers } = readStored(load.directory)
    expect(flowOf({ items, pointers }, 'only').error?.code).toBe('SHARD_RECORD_MISSING')
    expect(await unreferenced(load.directory, { items, pointers })).toEqual([])
  })
})

it('a shard of an attempt that was given up records nothing, and its files are nobody’s', async () => {
  await inLoad(async (load) => {
    const { call, ports } = load
    const old = await load.admit()
    await call('Extract', old)
    await call('Lineage', old)
    await call('ContractShard', { ...old, shard: 0 })
    const barrier = makeBarrier()
    const slow = intercepted(ports, async (each, perform) => {
      if (each.method === 'upload') await barrier.pass()
      return await perform()
    })
    const zombie = call('ContractShard', { ...old, shard: 1 }, slow).catch((error: Error) => error.name)
    await barrier.reached
    const task = await load.admit()
    await call('Extract', task)
    await call('Lineage', task)
    for (const shard of shards) await call('ContractShard', { ...task, shard })
    await finish(load, task)
    expect(await checked(load)).toEqual([])
    const before = readStored(load.directory)
    barrier.open()
    expect(await zombie).toBe('LeaseLostError')
    expect([...readStored(load.directory).items]).toEqual([...before.items])
    const left = await checked(load)
    expect(left.every((file) => file.includes('flow.only.0001.0.0001-'))).toBe(true)
  })
})
