import { readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { HeadItem, RunItem } from '../../core/runs/items.ts'
import { openSqliteStore } from '../../core/stores/sqlite-state-store.ts'
import { runChild } from '../support/children.ts'
import { intercepted, makeBarrier } from '../support/faulty-ports.ts'
import { runProject } from '../support/project.ts'
import { type Corrections, contract, openCorrections } from './project.ts'

const file = '^quarantine/.*parquet$'
const index = '^quarantine/.*json$'

/** One row of each of two objects is rejected, and kept for two days. */
function project(source = ''): Corrections {
  const flow = openCorrections()
  flow.says({ contract: contract('retention_days: 2'), source })
  flow.deliver('a', 'id,name\n1,a\n9,b\n')
  flow.deliver('b', 'id,name\n2,a\n8,b\n')
  return flow
}

async function kill({ directory }: Corrections, wanted: string, when: 'after' | 'instead'): Promise<void> {
  const ended = await runChild('test/quarantine/killed.ts', [directory, 'dead', wanted, when])
  expect(ended, ended.stderr).toMatchObject({ signal: 'SIGKILL', stderr: '' })
}

function place({ directory }: Corrections, run_id = 'dead') {
  const path = join(directory, '.sluice/evidence/quarantine', run_id, 'flow')
  return {
    path,
    files: () => readdirSync(path).sort(),
    /** As if they had been stored so many days ago. */
    age: (days: number) => {
      const then = new Date(Date.now() - days * 86_400_000)
      for (const name of readdirSync(path)) utimesSync(join(path, name), then, then)
    },
  }
}

async function prune({ cli, json }: Corrections, ...args: string[]) {
  const ended = await cli('quarantine', 'prune', '--format', 'json', ...args)
  expect(ended, ended.stderr).toMatchObject({ code: 0 })
  return json(ended)
}

const nothing = { quarantines: [], unnamed: [] }

describe('a file of rejected rows that no index names', () => {
  it('is removed after its time, shown before, and not missed by the run that goes on', async () => {
    const flow = project()
    await kill(flow, file, 'after')
    const { files, age } = place(flow)
    expect(files()).toEqual(['0001-0.parquet'])
    age(1.9)
    expect(await prune(flow, '--yes')).toMatchObject(nothing)
    age(2.1)
    const key = 'quarantine/dead/flow/0001-0.parquet'
    const due = { run_id: 'dead', dataflow: 'flow', bytes: expect.any(Number), files: [key] }
    expect(await prune(flow)).toMatchObject({ removed: false, quarantines: [], unnamed: [due] })
    expect((await flow.cli('quarantine', 'prune')).stdout).toContain(
      '1 file of rejected rows that no index names to be removed',
    )
    expect(files()).toEqual(['0001-0.parquet'])
    const { stdout } = await flow.cli('quarantine', 'prune', '--yes')
    expect(stdout).toContain('1 file of rejected rows that no index names removed')
    expect(files()).toEqual([])
    expect(await prune(flow, '--yes')).toMatchObject(nothing)
    const { result } = await runProject(flow.directory, { run_id: 'dead', resume: true })
    expect(result.dataflows[0]).toMatchObject({ status: 'succeeded', rows: { quarantined: 2 } })
    expect(await flow.cli('evidence', 'verify', 'dead')).toMatchObject({ code: 0 })
  })

  it('is removed beside one that an index of a later attempt names', async () => {
    const flow = project()
    await kill(flow, file, 'after')
    await runProject(flow.directory, { run_id: 'dead', resume: true })
    const { files, age } = place(flow)
    age(3)
    expect(await prune(flow, '--yes')).toMatchObject({ quarantines: [], unnamed: [{ run_id: 'dead' }] })
    expect(files()).toEqual(['0002-0.json', '0002-0.parquet'])
    expect(await flow.cli('evidence', 'verify', 'dead')).toMatchObject({ code: 0 })
  })

  it('is none of a run that is under way, however old', async () => {
    const flow = project()
    const barrier = makeBarrier()
    const running = runProject(flow.directory, {
      run_id: 'alive',
      decorate: (ports) =>
        intercepted(ports, async ({ port, target }, perform) => {
          const answer = await perform()
          if (port === 'evidence' && new RegExp(file).test(target)) await barrier.pass()
          return answer
        }),
    })
    await barrier.reached
    const { files, age } = place(flow, 'alive')
    age(1000)
    expect(await prune(flow, '--yes')).toMatchObject(nothing)
    barrier.open()
    expect((await running).result.status).toBe('succeeded')
    age(1000)
    expect(await prune(flow, '--yes')).toMatchObject(nothing)
    expect(files()).toEqual(['0001-0.json', '0001-0.parquet'])
    expect(await flow.cli('evidence', 'verify', 'alive')).toMatchObject({ code: 0 })
  })

  it('of a machine that cannot be asked is removed once another run has taken the lease over', async () => {
    const flow = project()
    await kill(flow, file, 'after')
    await moveElsewhere(flow.directory)
    const { files, age } = place(flow)
    age(1000)
    expect(await prune(flow, '--yes')).toMatchObject(nothing)
    await runProject(flow.directory, { run_id: 'next' })
    expect(await prune(flow, '--yes')).toMatchObject({ unnamed: [{ run_id: 'dead' }] })
    expect(files()).toEqual([])
    expect(place(flow, 'next').files()).toHaveLength(2)
  })

  it('is none that a shard has recorded, or that an index names which nobody has recorded', async () => {
    const shards = project(', max_shard_bytes: 20')
    await kill(shards, index, 'instead')
    const recorded = place(shards)
    expect(recorded.files()).toEqual(['0001-0.0000.parquet', '0001-0.0001.parquet'])
    recorded.age(1000)
    expect(await prune(shards, '--yes')).toMatchObject(nothing)
    expect(recorded.files()).toHaveLength(2)
    const whole = project()
    await kill(whole, index, 'after')
    const indexed = place(whole)
    indexed.age(1000)
    expect(await prune(whole, '--yes')).toMatchObject(nothing)
    expect(indexed.files()).toEqual(['0001-0.json', '0001-0.parquet'])
  })

  it('cannot be told where an index is not as it was written, or is gone', async () => {
    const flow = project()
    await kill(flow, file, 'after')
    await runProject(flow.directory, { run_id: 'dead', resume: true })
    const { path, files, age } = place(flow)
    const index = join(path, '0002-0.json')
    for (const spoil of [
      () => writeFileSync(index, '{}'),
      () => writeFileSync(index, '{'),
      () => rmSync(index),
    ]) {
      spoil()
      age(1000)
      expect(await prune(flow, '--yes')).toMatchObject(nothing)
      expect(files().filter((name) => name.endsWith('.parquet'))).toHaveLength(2)
    }
  })
})

/** As if the run had been one of another machine, of which only its lease can tell whether it lives. */
async function moveElsewhere(directory: string): Promise<void> {
  const { state } = openSqliteStore(join(directory, '.sluice/state.db'))
  const worker = 'elsewhere/1/x'
  const run = (await state.get('RUN#dead', 'META')) as RunItem
  const head = (await state.get('DATAFLOW#evolving/flow', 'HEAD')) as HeadItem
  await state.transact([
    { kind: 'put', item: { ...run, worker }, expect: { status: 'running' } },
    {
      kind: 'put',
      item: { ...head, lease: { ...head.lease, worker } },
      expect: { fence: head.fence },
    },
  ])
  state.close()
}
