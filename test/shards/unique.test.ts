import { rmSync } from 'node:fs'
import { expect, it } from 'vitest'
import { runProject } from '../support/project.ts'
import { deliverFile, makeShardProject, tableRows } from '../support/shard-project.ts'

const contract = '{ columns: { k: { type: string, unique: true } } }'

it.each(['append', 'overwrite'] as const)(
  '%s refuses a value that two shards have, and takes NULL twice',
  async (load_type) => {
    const directory = makeShardProject({ contract, load_type, max_shard_bytes: 12 })
    deliverFile(directory, '0.csv', 'k,n\na,1\n,1\n')
    deliverFile(directory, '1.csv', 'k,n\nb,1\n,1\n')
    const first = await runProject(directory, { run_id: 'first' })
    expect(first.result).toMatchObject({ status: 'succeeded', rows: { accepted: 4 } })
    deliverFile(directory, '2.csv', 'k,n\nc,2\nd,2\n')
    deliverFile(directory, '3.csv', 'k,n\nd,2\nc,2\n')
    const second = await runProject(directory, { run_id: 'second' })
    expect(second.result.dataflows[0]).toMatchObject({
      gate: 'contract',
      error: { code: 'UNIQUE_VIOLATED', details: { check: 'unique(k)', columns: ['k'], measured: 2 } },
    })
    expect(await tableRows(directory)).toHaveLength(4)
    rmSync(directory, { recursive: true })
  },
)

it('an append in shards refuses what the table has, an overwrite in shards replaces it', async () => {
  for (const load_type of ['append', 'overwrite'] as const) {
    const directory = makeShardProject({ contract, load_type, max_shard_bytes: 12 })
    deliverFile(directory, '0.csv', 'k,n\na,1\nb,1\n')
    await runProject(directory, { run_id: 'first' })
    rmSync(`${directory}/landing/0.csv`)
    deliverFile(directory, '1.csv', 'k,n\nc,2\nd,2\n')
    deliverFile(directory, '2.csv', 'k,n\nb,2\ne,2\n')
    const { result } = await runProject(directory, { run_id: 'second' })
    if (load_type === 'append') {
      expect(result.dataflows[0]).toMatchObject({
        gate: 'stage',
        error: { code: 'UNIQUE_VIOLATED', details: { columns: ['k'], measured: 1 } },
      })
    } else expect(result.status).toBe('succeeded')
    expect(await tableRows(directory)).toHaveLength(load_type === 'append' ? 2 : 4)
    rmSync(directory, { recursive: true })
  }
})
