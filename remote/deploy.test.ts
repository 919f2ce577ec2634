import { describe, expect, it } from 'vitest'
import { digestOf } from '../core/json.ts'
import type { Dataflow, RenderedManifest } from '../core/manifest/types.ts'
import { readProject } from '../core/runs/projects.ts'
import { openBare } from '../test/support/bare-ports.ts'
import { deployProject } from './deploy.ts'
import { stack, triggerServices } from './trigger-services.suite.ts'

const flow = (name: string, more: object = {}) =>
  ({
    name,
    source: { connection: 'landing', path: `${name}.csv`, format: 'csv' },
    sink: { connection: 'warehouse', table: `t.${name}`, load_type: 'append' },
    contract: { quarantine: { pii_policy: 'reference_only', retention_days: 30 } },
    ...more,
  }) as unknown as Dataflow

const manifestOf = (path: string, ...dataflows: Dataflow[]): RenderedManifest => ({
  version: 1,
  project: 'shop',
  connections: { landing: { type: 'files', path }, warehouse: { type: 'lake' } },
  dataflows,
})

function open() {
  const { ports } = openBare()
  const services = triggerServices()
  const deploy = (manifest: RenderedManifest) => deployProject(stack, ports, manifest, services.clients)
  return { ports, services, deploy }
}

describe('deployProject', () => {
  it('points the project at its manifest, and says what has changed', async () => {
    const { ports, deploy } = open()
    const first = manifestOf('s3://in', flow('a'), flow('b'))
    expect(await deploy(first)).toMatchObject({ version: 1, previous_version: 0, added: ['a', 'b'] })
    const second = manifestOf('s3://in', flow('b', { stage: 'x' }), flow('c'))
    expect(await deploy(second)).toMatchObject({
      version: 2,
      previous_version: 1,
      added: ['c'],
      removed: ['a'],
      changed: ['b'],
      manifest: (await readProject(ports, 'shop'))?.manifest.sha256,
    })
  })

  it('names a dataflow as changed that reads from elsewhere', async () => {
    const { deploy } = open()
    await deploy(manifestOf('s3://in', flow('a')))
    expect(await deploy(manifestOf('s3://other', flow('a')))).toMatchObject({ changed: ['a'] })
  })

  it('changes nothing the second time', async () => {
    const { ports, services, deploy } = open()
    const manifest = manifestOf(
      's3://in',
      flow('a', { is_active: true, schedule: { rate: '1 hour', time_zone: 'UTC' } }),
    )
    expect((await deploy(manifest)).triggers).toMatchObject([{ change: 'created' }])
    const before = [await readProject(ports, 'shop'), services.schedules.size]
    const again = await deploy(manifest)
    expect(again).toMatchObject({ version: 1, previous_version: 1, added: [], removed: [], changed: [] })
    expect(again.triggers.map(({ change }) => change)).toEqual(['unchanged'])
    expect([await readProject(ports, 'shop'), services.schedules.size]).toEqual(before)
  })

  it('stores and points to nothing where a production would keep raw rows', async () => {
    const { ports, services, deploy } = open()
    const keeping = { contract: { quarantine: { pii_policy: 'preserve', retention_days: 30 } } }
    const manifest = manifestOf('s3://in', flow('a', keeping), flow('b'))
    const production = deployProject(
      { ...stack, Environment: 'production' },
      ports,
      manifest,
      services.clients,
    )
    await expect(production).rejects.toMatchObject({ code: 'PRESERVE_IN_PRODUCTION' })
    expect(await readProject(ports, 'shop')).toBeUndefined()
    expect(await deploy(manifest)).toMatchObject({ version: 1 })
  })

  it('stores and points to nothing where files lie on this machine', async () => {
    const { ports, services, deploy } = open()
    const manifest = manifestOf('./landing', flow('a'))
    await expect(deploy(manifest)).rejects.toMatchObject({ code: 'SOURCE_NOT_ON_S3' })
    expect(await readProject(ports, 'shop')).toBeUndefined()
    expect(await ports.evidence.head(`manifests/${digestOf(manifest)}.json`)).toBeUndefined()
    expect(services.changes).toEqual([])
  })
})
