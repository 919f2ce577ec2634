import { expect, it } from 'vitest'
import { deliverFile } from '../support/shard-project.ts'
import { checkedProject, load, ways } from './checked-load.ts'

const header = 'k,n,the_rest_of_the_row_is_here_and_long'
const columns = 'n: { type: integer }'

const outcomes = (checks: string) => `[{ name: it, ${checks} }]`

it.each([
  ['row_count: { min: 1 }', 0],
  ['row_count_reconciliation: { against: { sidecar: .count } }', 0],
])('an object that is new and empty is a delivery: %s', async (check, measured) => {
  const directory = checkedProject({
    checks: outcomes(check),
    columns,
    max_shard_bytes: undefined,
    path: '*.csv',
  })
  deliverFile(directory, 'a.csv', `${header}\n`)
  deliverFile(directory, 'a.csv.count', '3\n')
  const { flow, results } = await load(directory, 'one')
  expect(flow).toMatchObject({ status: 'failed', gate: 'contract', error: { code: 'CHECK_FAILED' } })
  expect(results).toMatchObject([{ name: 'it', outcome: 'failed', measured }])
})

it.each(ways)('what passes is recorded, and a warning shown, $way', async ({ max_shard_bytes }) => {
  const directory = checkedProject({
    checks: `[{ name: few, row_count: { max: 0 } }, { name: some, severity: warn, row_count: { min: 1 } },
      { name: keys, unique: [k] }, { name: none, sql: "SELECT * FROM {{ load }}" }]`,
    columns,
    max_shard_bytes,
  })
  deliverFile(directory, 'a.csv', `${header}\n`)
  deliverFile(directory, 'b.csv', `${header}\n`)
  const { flow, results, shards } = await load(directory, 'one')
  expect(shards).toBe(max_shard_bytes === undefined ? 0 : 2)
  expect(flow).toMatchObject({ status: 'skipped', reason: 'nothing_new', warnings: { count: 1 } })
  expect(results.map(({ name, outcome }) => [name, outcome])).toEqual([
    ['few', 'passed'],
    ['some', 'failed'],
    ['keys', 'passed'],
    ['none', 'passed'],
  ])
})

it('behind a watermark only what was read is compared: the rows may be those that the table has', async () => {
  const directory = checkedProject({
    checks: `[{ name: some, row_count: { min: 1 } },
      { name: whole, row_count_reconciliation: { against: { sidecar: .count } } }]`,
    columns,
    max_shard_bytes: undefined,
    path: '*.csv',
    source: ', watermark_columns: [n]',
  })
  deliverFile(directory, 'a.csv', `${header}\na,1,x\nb,2,x\n`)
  deliverFile(directory, 'a.csv.count', '2')
  expect((await load(directory, 'one')).flow.status).toBe('succeeded')
  deliverFile(directory, 'a.csv', `${header}\na,1,y\nb,2,y\n`)
  const again = await load(directory, 'two')
  expect(again.flow).toMatchObject({ status: 'skipped', reason: 'nothing_new' })
  expect(again.results).toMatchObject([{ name: 'whole', outcome: 'passed', measured: 2 }])
  deliverFile(directory, 'a.csv', `${header}\n`)
  const cut = await load(directory, 'three')
  expect(cut.flow).toMatchObject({ status: 'failed', error: { code: 'CHECK_FAILED' } })
  expect(cut.results).toMatchObject([{ name: 'whole', outcome: 'failed', measured: 0, expected: 2 }])
})
