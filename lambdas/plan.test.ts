import { rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Dataflow } from '../core/manifest/types.ts'
import type { RunItem } from '../core/runs/items.ts'
import { metaKey, runKey } from '../core/runs/keys.ts'
import { loadRenderedManifest, storeRenderedManifest } from '../core/runs/manifest-store.ts'
import { pointProject } from '../core/runs/projects.ts'
import { openBare, planned } from '../test/support/bare-ports.ts'
import { loadProject, makeProject } from '../test/support/project.ts'
import { planRun } from './plan.ts'

async function deployed(...names: readonly string[]) {
  const bare = openBare()
  const directory = makeProject()
  const ref = await storeRenderedManifest(bare.ports.evidence, await loadProject(directory))
  rmSync(directory, { recursive: true })
  for (const name of names) await pointProject(bare.ports, name, ref)
  return { ...bare, ref }
}

describe('which manifest an execution runs', () => {
  it('is that of the only project that is deployed, under the name of the execution', async () => {
    const { ports, ref } = await deployed('crash')
    const run = await planRun({ execution_name: 'e-1', input: {} }, ports)
    expect(run).toMatchObject({ run_id: 'e-1', manifest: ref, waves: 2 })
  })

  it('is the chosen one of several', async () => {
    const { ports } = await deployed('crash', 'other')
    await expect(planRun({ execution_name: 'e-1', input: {} }, ports)).rejects.toMatchObject({
      code: 'PROJECT_AMBIGUOUS',
    })
    const run = await planRun({ execution_name: 'e-1', input: { project: 'other' } }, ports)
    expect(run.run_id).toBe('e-1')
    await expect(
      planRun({ execution_name: 'e-2', input: { project: 'third' } }, ports),
    ).rejects.toMatchObject({ name: 'ManifestError', code: 'PROJECT_NOT_DEPLOYED' })
  })

  it('is none where none is deployed', async () => {
    const { ports } = await deployed()
    await expect(planRun({ execution_name: 'e-1', input: {} }, ports)).rejects.toMatchObject({
      code: 'PROJECT_NOT_DEPLOYED',
    })
  })
})

describe('a run that is there already', () => {
  it('is gone on with by its own execution, and by no other one', async () => {
    const { ports } = await deployed('crash')
    const input = { run_id: 'r1' }
    const first = await planRun({ execution_name: 'e-1', input }, ports)
    expect(await planRun({ execution_name: 'e-1', input }, ports)).toEqual(first)
    await expect(planRun({ execution_name: 'e-2', input }, ports)).rejects.toMatchObject({
      code: 'RUN_EXISTS',
    })
  })

  it('is reopened by the execution that resumes it, and is no longer cancelled', async () => {
    const { ports } = openBare()
    await planned(ports, 'r1')
    const run = (await ports.state.get(runKey('r1'), metaKey)) as RunItem
    const cancelled = { by: 'ann@desk', at: '2024-05-01T00:00:00.000Z' }
    const ended = { ...run, pk: run.pk, sk: run.sk, status: 'failed', stopping: true, cancelled }
    await ports.state.transact([{ kind: 'put', item: ended }])
    await planRun({ execution_name: 'r1-again', input: { run_id: 'r1', resume: true } }, ports)
    const again = (await ports.state.get(runKey('r1'), metaKey)) as RunItem
    expect(again).toMatchObject({ status: 'running', stopping: false, execution: 'r1-again' })
    expect(again.cancelled).toBeUndefined()
  })
})

describe('pii_policy: preserve', () => {
  const keeping = async () => {
    const { ports, ref } = await deployed()
    const manifest = await loadRenderedManifest(ports.evidence, ref)
    const dataflows = manifest.dataflows.map((flow): Dataflow => {
      const quarantine = { ...flow.contract.quarantine, pii_policy: 'preserve' as const }
      return flow.name === 'dirty' ? { ...flow, contract: { ...flow.contract, quarantine } } : flow
    })
    return { ports, manifest: await storeRenderedManifest(ports.evidence, { ...manifest, dataflows }) }
  }

  it('is planned nowhere in production, which is where an environment is not said', async () => {
    const { ports, manifest } = await keeping()
    const refused = {
      name: 'ManifestError',
      code: 'PRESERVE_IN_PRODUCTION',
      details: { dataflows: ['dirty'] },
    }
    const event = { execution_name: 'e-1', input: { manifest } }
    await expect(planRun(event, ports)).rejects.toMatchObject(refused)
    await expect(planRun(event, { ...ports, environment: 'production' })).rejects.toMatchObject(refused)
    expect(await ports.state.get(runKey('e-1'), metaKey)).toBeUndefined()
    expect(await planRun(event, { ...ports, environment: 'staging' })).toMatchObject({ run_id: 'e-1' })
  })

  it('does not keep the dataflows from running that keep no row', async () => {
    const { ports, manifest } = await keeping()
    const event = { execution_name: 'e-1', input: { manifest, dataflows: 'items' } }
    expect(await planRun(event, ports)).toMatchObject({ run_id: 'e-1', waves: 1 })
  })
})
