import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { acknowledgeWrite } from '../../core/runs/acknowledgements.ts'
import { readCommit } from '../../core/runs/commit.ts'
import { readQuarantineIndex } from '../../core/runs/quarantine.ts'
import { objectsOfDataflow } from '../../core/runs/run-objects.ts'
import { readRun } from '../../core/runs/runs.ts'
import { openDirectoryReader } from '../../core/stores/directory-object-store.ts'
import type { ObjectRef } from '../../core/stores/object-ref.ts'
import { openSqliteStore } from '../../core/stores/sqlite-state-store.ts'
import type { HistoryEvent } from '../../local/asl/index.ts'
import { runChild } from '../support/children.ts'
import { readStored } from '../support/invariants.ts'
import { runProject } from '../support/project.ts'
import { deliverFile, flowOf, makeShardProject, shardsOf } from '../support/shard-project.ts'

function makeDirty(enforcement: string, max_shard_bytes?: number): string {
  const contract = `{ enforcement: ${enforcement}, columns: { n: { type: integer } } }`
  const limit = max_shard_bytes === undefined ? {} : { max_shard_bytes }
  const directory = makeShardProject({ contract, ...limit })
  for (let i = 0; i < 4; i++) deliverFile(directory, `${i}.csv`, `k,n\na${i},${i}\nb${i},x\nc${i},y\n`)
  return directory
}

const cli = async (directory: string, ...args: readonly string[]) =>
  await runChild('cli/main.ts', [...args, '--project', directory, '--format', 'json'])

it.each(['strict', 'quarantine'])(
  'under %s the rejected rows of all shards are kept, shown and verified',
  async (enforcement) => {
    const directory = makeDirty(enforcement, 30)
    await runProject(directory, { run_id: 'only' })
    const stored = readStored(directory)
    expect(shardsOf(stored, 'only')).toBe(4)
    const flow = flowOf(stored, 'only')
    expect(flow.rows).toEqual({ read: 12, accepted: 4, quarantined: 8, filtered: 0, deduplicated: 0 })
    expect(flow.error?.code).toBe(enforcement === 'strict' ? 'CONTRACT_REJECTED' : undefined)
    const shown = await cli(directory, 'quarantine', 'only', 'flow')
    const { rows } = JSON.parse(shown.stdout) as { rows: { source_file: string }[] }
    const files = [0, 1, 2, 3].flatMap((i) => [`${i}.csv`, `${i}.csv`])
    expect(rows.map((row) => row.source_file)).toEqual(files)
    const some = await cli(directory, 'quarantine', 'only', 'flow', '--limit', '3')
    expect(JSON.parse(some.stdout).rows.map((row: { source_file: string }) => row.source_file)).toEqual(
      files.slice(0, 3),
    )
    expect(await cli(directory, 'evidence', 'only', '--verify')).toMatchObject({ code: 0 })
    const name = `quarantine/only/flow/0001-0.0002.parquet`
    appendFileSync(join(directory, '.sluice', 'evidence', name), 'x')
    const verified = await cli(directory, 'evidence', 'only', '--verify')
    expect([verified.code, verified.stdout.includes(name)]).toEqual([1, true])
    rmSync(directory, { recursive: true })
  },
)

it('rejected rows of shards that were pruned may be gone; their index may not', async () => {
  const directory = makeDirty('quarantine', 30)
  await runProject(directory, { run_id: 'only' })
  const { state } = openSqliteStore(join(directory, '.sluice/state.db'))
  const stores = { state, evidence: openDirectoryReader(join(directory, '.sluice/evidence')) }
  const flow = flowOf(readStored(directory), 'only')
  const ref = flow.quarantine as ObjectRef
  const found = { ref, ...(await readQuarantineIndex(stores.evidence, ref)) }
  const said = {
    covers: { all: true },
    rows: 8,
    by: 'ada',
    at: new Date().toISOString(),
    reason: 'seen',
  } as const
  const { item } = acknowledgeWrite(undefined, found, said)
  const removed = { by: 'ada', at: new Date().toISOString() }
  await state.transact([{ kind: 'put', item: { ...item, removed } }])
  const run = await readRun(stores, 'only')
  const commit = await readCommit(stores, run.project, 'flow', 'only')
  const rejected = (await objectsOfDataflow(stores, run, flow, commit)).filter(({ ref: { key } }) =>
    key.startsWith('quarantine/'),
  )
  expect(rejected).toHaveLength(5)
  for (const { ref, mayBeGone } of rejected) expect(mayBeGone).toBe(ref.key.endsWith('.parquet'))
  state.close()
  rmSync(directory, { recursive: true })
})

/** The states that one dataflow enters, in their order; those of shards side by side sorted together. */
async function statesOf(directory: string): Promise<string[]> {
  const states: string[] = []
  const onEvent = (event: HistoryEvent) => {
    if (event.parentExecutionId !== undefined && /StateEntered$/.test(event.type))
      states.push(event.stateName as string)
  }
  await runProject(directory, { run_id: 'only', onEvent })
  rmSync(directory, { recursive: true })
  return states
}

it('a dataflow without shards enters the states that it always has, and none for shards', async () => {
  const whole = await statesOf(makeDirty('quarantine'))
  expect(whole).toEqual([
    'Admit',
    'Admitted',
    'Extract',
    'AnythingNew',
    'Lineage',
    'Contract',
    'AnythingToWrite',
    'Evolution',
    'Compatibility',
    'PhysicalDdl',
    'Stage',
    'Finalize',
    'Evidence',
    'AuditCommit',
    'SourceState',
    'Settle',
    'Again',
    'Done',
  ])
  const divided = await statesOf(makeDirty('quarantine', 30))
  const own = ['LineageOfShards', 'ContractShards', ...Array(4).fill('ContractShard'), 'AllShards']
  expect(divided).toEqual(whole.flatMap((state) => (state === 'Lineage' ? own : [state])))
})
