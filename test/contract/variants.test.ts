import { expect, test } from 'vitest'
import { runCli } from '../support/children.ts'
import { deliverCsv, projectWith, runAndJudge, setDataflows, tableNow } from '../support/contract-project.ts'

interface Options {
  readonly policy?: string
  readonly columns?: string
  readonly more?: string
  readonly source?: string
}

const flow = ({ policy = '', columns = '', more = '', source = '' }: Options = {}) => `
  - name: flow
    source: { connection: landing, path: "*.csv", format: csv${source} }
    contract: { conflict_policy: variant_column${policy},
      columns: { id: { type: integer, nullable: false }, n: { type: integer, max: 9 }, s: { type: string }${columns} } }${more}
    sink: { table: bronze.flow, load_type: append }
`
const without = (text: string) => text.replace('conflict_policy: variant_column', 'conflict_policy: fail')
const deliver = (project: string, name: string, ...lines: readonly string[]) =>
  deliverCsv(project, name, 'id,n,s', lines)
const tableOf = async (project: string) => (await tableNow(project, 'bronze.flow'))!

test.each(['strict', 'quarantine', 'warn', 'coerce'])(
  'under %s a value of no type is kept as text beside its column, and its row is loaded',
  async (enforcement) => {
    const project = projectWith(flow({ policy: `, enforcement: ${enforcement}` }))
    deliver(project, 'a', '1,2,x', '2,1O,y', '3,12.7,', '4,,z')
    const { record, message } = await runAndJudge(project, 'r1', 'flow')
    expect(message).toBe('')
    expect(record!.rows).toMatchObject({ read: 4, accepted: 4, quarantined: 0, filtered: 0, warned: 2 })
    expect(record!.variants).toContainEqual({ column: 'n', count: 2 })
    expect(record!.rules).toContainEqual({ column: 'n', rule: 'type', severity: 'warn', count: 2 })
    // 12.7, which the engine's cast would make 13, is no value: neither its bound nor its number counts.
    expect(record!.rules).toMatchObject([
      { column: 'id' },
      { column: 'id' },
      { rule: 'type' },
      { rule: 'max', count: 0 },
    ])
    const table = await tableOf(project)
    expect(table.rows).toMatchObject([
      { id: 1, n: 2, s: 'x', n__variant: null },
      { id: 2, n: null, s: 'y', n__variant: '1O' },
      { id: 3, n: null, s: null, n__variant: '12.7' },
      { id: 4, n: null, s: 'z', n__variant: null },
    ])
  },
)

test('the columns do not depend on the data, and strings have none', async () => {
  const project = projectWith(flow())
  deliver(project, 'a', '1,2,x')
  expect((await runAndJudge(project, 'r1', 'flow')).record!.variants).toEqual([{ column: 'n', count: 0 }])
  const { fields } = (await tableOf(project)).schema
  expect(fields.map(({ name, required }) => [name, required]).slice(0, 4)).toEqual([
    ['id', false],
    ['n', false],
    ['s', false],
    ['n__variant', false],
  ])
})

test('a table gets the column without a file written anew, and keeps it when the policy goes', async () => {
  const project = projectWith(without(flow()))
  deliver(project, 'a', '1,2,x')
  await runAndJudge(project, 'r1', 'flow')
  const [before] = (await tableOf(project)).files
  setDataflows(project, flow())
  deliver(project, 'b', '2,x,y')
  expect((await runAndJudge(project, 'r2', 'flow')).message).toBe('')
  const after = await tableOf(project)
  expect(after.files.map(({ filePath }) => filePath)).toContain(before!.filePath)
  expect(after.rows.map((row) => row.n__variant ?? null)).toEqual([null, 'x'])
  setDataflows(project, without(flow()))
  deliver(project, 'c', '3,4,z')
  const { message, record } = await runAndJudge(project, 'r3', 'flow')
  expect(message).toBe('')
  expect(record!.variants).toBeUndefined()
  expect((await tableOf(project)).rows.map((row) => row.n__variant ?? null)).toEqual([null, 'x', null])
})

test.each([
  ['freeze', 'columns are frozen'],
  ['ignore', 'the contract names it, so it cannot be left out'],
  ['quarantine', 'the contract names it, so it cannot be left out'],
])('schema_evolution.columns: %s decides about the column of an existing table', async (policy, why) => {
  const more = `\n    schema_evolution: { columns: ${policy} }`
  const enforcement = ', enforcement: quarantine'
  const project = projectWith(without(flow({ more, policy: enforcement })))
  deliver(project, 'a', '1,2,x')
  await runAndJudge(project, 'r1', 'flow')
  setDataflows(project, flow({ more, policy: enforcement }))
  deliver(project, 'b', '2,x,y')
  expect((await runAndJudge(project, 'r2', 'flow')).message).toContain(why)
})

test('a column that takes no NULL has no variant column: enforcement decides', async () => {
  const columns = ', m: { type: integer, nullable: false }'
  const rows = ['1,2,x,x', '2,3,y,5']
  const outcome = async (enforcement: string) => {
    const project = projectWith(flow({ columns, policy: `, enforcement: ${enforcement}` }))
    deliverCsv(project, 'a', 'id,n,s,m', rows)
    const { code, record } = await runAndJudge(project, 'r1', 'flow')
    return { code, rows: record?.rows, variants: record?.variants?.map(({ column }) => column) }
  }
  expect(await outcome('strict')).toMatchObject({ code: 'CONTRACT_REJECTED' })
  expect(await outcome('quarantine')).toMatchObject({
    rows: { accepted: 1, quarantined: 1 },
    variants: ['n'],
  })
  // Under warn NULL is only warned of, so it can stand for the value.
  expect(await outcome('warn')).toMatchObject({
    rows: { accepted: 2, warned: 1 },
    variants: ['id', 'n', 'm'],
  })
})

test('what is no row stops the load under warn all the same', async () => {
  const project = projectWith(flow({ policy: ', enforcement: warn' }))
  deliver(project, 'a', '1,2,x', '1,2')
  expect((await runAndJudge(project, 'r1', 'flow')).code).toBe('CONTRACT_REJECTED')
})

test('a watermark column has none: its row could not be told new from old', async () => {
  const project = projectWith(
    flow({
      source: ', watermark_columns: [n]',
      policy: ', enforcement: quarantine',
      columns: ', d: { type: date }',
    }),
  )
  deliverCsv(project, 'a', 'id,n,s,d', ['1,2,x,2024-01-05', '2,x,y,', '3,4,z,5.1.'])
  const { record } = await runAndJudge(project, 'r1', 'flow')
  expect(record!.rows).toMatchObject({ accepted: 2, quarantined: 1 })
  expect(record!.variants).toEqual([{ column: 'd', count: 1 }])
  expect(record!.watermark).toEqual({ n: '4' })
})

test('rules over the row stay silent, cannot name it, and the text is what the source has', async () => {
  const rules = '\n      rules: [{ name: small, expr: "n < id" }] }'
  const project = projectWith(
    flow({ policy: ', enforcement: coerce' }).replace('{ type: string } } }', `{ type: string } },${rules}`),
  )
  deliver(project, 'a', '9, 2.0 ,x', '9, 2.5 ,y')
  const { record, message } = await runAndJudge(project, 'r1', 'flow')
  expect(message).toBe('')
  expect(record!.coerced).toContainEqual({ column: 'n', count: 1 })
  expect(record!.variants).toEqual([{ column: 'n', count: 1 }])
  expect((await tableOf(project)).rows.map(({ n, n__variant }) => [n, n__variant])).toEqual([
    [2, null],
    [null, ' 2.5 '],
  ])
  const naming = projectWith(
    flow().replace('{ type: string } } }', `{ type: string } },${rules.replace('n <', 'n__variant <')}`),
  )
  deliver(naming, 'a', '9,2,x')
  expect((await runAndJudge(naming, 'r1', 'flow')).message).toContain('names n__variant, which is no column')
})

test('a column of the source by that name is refused', async () => {
  // Only a name that begins with _ keeps two of them in a row.
  const project = projectWith(flow({ columns: ', _n: { type: integer }' }))
  deliverCsv(project, 'a', 'id,n,s,_n,_n__variant', ['1,2,x,3,y'])
  expect((await runAndJudge(project, 'r1', 'flow')).code).toBe('COLUMN_COLLISION')
})

test('shards add up, sorted and partitioned tables have it, and sluice evidence shows it', async () => {
  const text = flow({ source: ', max_shard_bytes: 40' }).replace(
    'load_type: append',
    'load_type: append, physical: { partition_by: [n], sort_by: [id] }',
  )
  const project = projectWith(text)
  deliver(project, 'a', '1,2,x', '2,x,y', '3,y,y')
  deliver(project, 'b', '4,2,x', '5,z,y')
  deliver(project, 'c', '6,2,x')
  const { record, message } = await runAndJudge(project, 'r1', 'flow')
  expect(message).toBe('')
  expect(record!.rows).toMatchObject({ read: 6, accepted: 6, quarantined: 0, filtered: 0, warned: 3 })
  expect(record!.variants).toEqual([{ column: 'n', count: 3 }])
  expect((await tableOf(project)).rows.map((row) => row.n__variant ?? null)).toEqual([
    null,
    'x',
    'y',
    null,
    'z',
    null,
  ])
  const shown = await runCli(project, 'evidence', 'r1', 'flow')
  expect(shown.stdout).toMatch(/kept as text beside\s+values\s[^a-z]*n\s+3/)
})

test('a check may be about a variant column, by the name that the contract gives it', async () => {
  const checks = 'checks: [{ name: few, severity: warn, unique: [n__variant] }]'
  const project = projectWith(flow({ policy: `, ${checks}` }))
  deliver(project, 'a', '1,x,x', '2,x,y', '3,7,z')
  const { record, message } = await runAndJudge(project, 'r1', 'flow')
  expect(message).toBe('')
  expect(record!.checks).toMatchObject([
    { name: 'few', outcome: 'failed', measured: 1, columns: ['n__variant'] },
  ])
})
