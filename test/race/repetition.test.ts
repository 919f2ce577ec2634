import { createHash } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Ports } from '../../core/ports.ts'
import { storeRenderedManifest } from '../../core/runs/manifest-store.ts'
import type { Admission } from '../../lambdas/admit.ts'
import type { TaskRef } from '../../lambdas/gate-handler.ts'
import type { PlannedRun } from '../../lambdas/plan.ts'
import { handlers } from '../../local/handlers.ts'
import { openWorkspace } from '../../local/workspace.ts'
import { gateStates } from '../support/boundaries.ts'
import { intercepted, makeBarrier } from '../support/faulty-ports.ts'
import { readStored, rowsOf, unreferenced, violations } from '../support/invariants.ts'
import { type DataflowName, deliver, expectedRows, loadProject, makeProject } from '../support/project.ts'
import { viewTable } from '../support/tables.ts'

type Call = (name: string, event: unknown) => Promise<unknown>

/**
 * Goes through one dataflow's states by hand. `call` calls a handler, in whatever way is to be tested: as AWS may, where
 * the answer of a call is lost on the way and the workflow calls again.
 */
async function walk(ports: Ports, directory: string, dataflow: DataflowName, call: Call): Promise<TaskRef> {
  const manifest = await storeRenderedManifest(ports.evidence, await loadProject(directory))
  const input = { run_id: 'only', manifest, dataflows: [dataflow] }
  const planned = (await call('Plan', { execution_name: 'only', input })) as PlannedRun
  const admission = await call('Admit', {
    run_id: 'only',
    manifest: planned.manifest,
    dataflow,
    upstream: [],
  })
  const { task } = admission as Admission
  for (const gate of gateStates) await call(gate, task)
  await call('Settle', { task, retry_count: 0, retry_delay_seconds: 0 })
  await call('Seal', { run_id: 'only' })
  return task
}

async function inProject(work: (ports: Ports, directory: string) => Promise<void>): Promise<void> {
  const directory = makeProject()
  deliver(directory, 1)
  const workspace = openWorkspace({ projectDirectory: directory })
  try {
    await work(workspace.ports, directory)
  } finally {
    await workspace.close()
  }
  rmSync(directory, { recursive: true })
}

describe.each(['orders', 'dirty'] as const)('every handler of %s', (dataflow) => {
  it('may be called again after it has answered', async () => {
    await inProject(async (ports, directory) => {
      await walk(ports, directory, dataflow, async (name, event) => {
        const first = await handlers[name]!(event, { ports })
        const second = await handlers[name]!(event, { ports })
        if (name === 'Admit') return second
        if (!['Settle', 'Seal'].includes(name)) expect(second, name).toEqual(first)
        return first
      })
      expect(await violations(directory, ['only'], [dataflow])).toEqual([])
    })
  })

  it('may be called twice at the same time', async () => {
    await inProject(async (ports, directory) => {
      await walk(ports, directory, dataflow, async (name, event) => {
        if (['Plan', 'Admit'].includes(name)) return await handlers[name]!(event, { ports })
        const calls = await Promise.allSettled([
          handlers[name]!(event, { ports }),
          handlers[name]!(event, { ports }),
        ])
        const answer = calls.find((outcome) => outcome.status === 'fulfilled')
        expect(answer, `${name}: ${JSON.stringify(calls)}`).toBeDefined()
        return answer?.value
      })
      const found = await violations(directory, ['only'], [dataflow])
      // What the second call of gate 3 stored, and nobody refers to, is left to maintenance.
      expect(
        found.filter((problem) => !/^unreferenced file: .*\.0-00000(-1)?\.parquet$/.test(problem)),
      ).toEqual([])
    })
  })
})

describe('a call of the contract gate that was given up', () => {
  it('changes nothing when it goes on after the commit', async () => {
    await inProject(async (ports, directory) => {
      const barrier = makeBarrier()
      const slow = intercepted(ports, async (call, perform) => {
        if (call.method === 'upload') await barrier.pass()
        return await perform()
      })
      let givenUp: Promise<unknown> = Promise.resolve()
      await walk(ports, directory, 'dirty', async (name, event) => {
        if (name === 'Contract') {
          givenUp = handlers.Contract!(event, { ports: slow }).catch((error: Error) => error.name)
          await barrier.reached
        }
        return await handlers[name]!(event, { ports })
      })
      const before = readStored(directory)
      const committed = await fingerprints(before.pointers.get('bronze.dirty') as string)
      barrier.open()
      expect(await givenUp).toBe('LeaseLostError')
      const after = readStored(directory)
      expect([...after.items]).toEqual([...before.items])
      expect(await fingerprints(after.pointers.get('bronze.dirty') as string)).toEqual(committed)
      expect(await rowsOf(directory, 'dirty')).toEqual(expectedRows(1).dirty)
      const left = await unreferenced(directory, after)
      expect(left.every((file) => /-1\.parquet$/.test(file))).toBe(true)
    })
  })
})

describe('a call that records late', () => {
  it('does not replace what another call of the gate has recorded, and what later gates rest on', async () => {
    await inProject(async (ports, directory) => {
      const barrier = makeBarrier()
      const slow = intercepted(ports, async (call, perform) => {
        if (call.method === 'transact') await barrier.pass()
        return await perform()
      })
      let givenUp: Promise<unknown> = Promise.resolve()
      await walk(ports, directory, 'orders', async (name, event) => {
        if (name === 'Contract') {
          givenUp = handlers.Contract!(event, { ports: slow }).catch((error: Error) => error.name)
          await barrier.reached
        }
        if (name === 'Finalize') {
          barrier.open()
          expect(await givenUp).toBe('ConditionFailedError')
        }
        return await handlers[name]!(event, { ports })
      })
      expect(await violations(directory, ['only'], ['orders'])).toEqual([])
    })
  })
})

/** SHA-256 of every file that the table refers to. */
async function fingerprints(metadataLocation: string): Promise<Record<string, string>> {
  const { referenced } = await viewTable(metadataLocation)
  const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')
  return Object.fromEntries([...referenced].sort().map((path) => [path, digest(path)]))
}
