import { expect, it } from 'vitest'
import { openCorrections } from '../quarantine/project.ts'
import { readEvidence } from './checked-load.ts'

const checks = [
  '{ name: day, row_count: { min: 2 } }',
  '{ name: full, max_null_ratio: { column: name, ratio: 0 } }',
  '{ name: delivered, row_count_reconciliation: { against: { sidecar: .count } } }',
  '{ name: key, unique: [id, name] }',
  '{ name: even, sql: "FROM {{ load }} WHERE id = 7" }',
]

it('corrected rows are asked what holds of any rows, and not what a delivery is like', async () => {
  const { says, deliver, file, run, cli, rows, directory } = openCorrections()
  const columns = '{ id: { type: integer, max: 9 }, name: { type: string } }'
  says({ contract: `{ enforcement: quarantine, columns: ${columns}, checks: [${checks.join(', ')}] }` })
  deliver('a', 'id,name\n1,a\n2,b\nx,c\n')
  file('landing/a.csv.count', '3')
  const { flow, evidence } = await run()
  expect(flow.status).toBe('succeeded')
  const replay = async (text: string) => {
    const from = file('corrected.csv', text)
    const command = ['quarantine', 'replay', evidence.run_id, 'flow', '--from', from, '--yes']
    const { stdout } = await cli(...command, '--format', 'json')
    return readEvidence(directory, (JSON.parse(stdout) as { run_id: string }).run_id)
  }
  expect((await replay('id,name\n7,\n')).flow).toMatchObject({
    status: 'failed',
    error: { code: 'CHECK_FAILED', details: { check: 'even', measured: 1 } },
  })
  const { flow: replayed, results } = await replay('id,name\n3,\n')
  expect(replayed.status).toBe('succeeded')
  expect(results.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
    'key passed',
    'even passed',
    // Of the table, which the append meets.
    'key passed',
  ])
  expect(await rows()).toHaveLength(3)
})
