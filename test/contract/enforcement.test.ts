import { expect, test } from 'vitest'
import { runCli } from '../support/children.ts'
import type { Judged } from '../support/contract-project.ts'
import { deliverCsv, projectWith, runAndJudge, tableNow } from '../support/contract-project.ts'

const flow = (policy: string, columns = '') => `
  - name: flow
    source: { connection: landing, path: "*.csv", format: csv }
    contract: { ${policy}, columns: { id: { type: integer, nullable: false }, n: { type: integer, max: 9 }${columns} },
      rules: [{ name: ordered, expr: "id < n" }] }
    sink: { table: bronze.flow, load_type: append }
`

/** Of the rows by their names, what became of the load and of each of them. */
async function loaded(policy: string, rows: readonly string[]) {
  const project = projectWith(flow(policy))
  deliverCsv(project, 'a', 'id,n', rows)
  const judged = await runAndJudge(project, 'r1', 'flow')
  const table = await tableNow(project, 'bronze.flow')
  return { judged, rows: table?.rows.map(({ id, n }) => `${id},${n ?? ''}`), schema: table?.schema }
}

const reasons = ({ record, details }: Judged) =>
  ((record?.by_reason ?? details.by_reason) as { column: string | null; rule: string; count: number }[]).map(
    ({ column, rule, count }) => `${column ?? 'row'} ${rule} ${count}`,
  )

/** `1,2` keeps all rules, `1,99` breaks max, `5,2` the rule over the row, `1,x` has no value, `1,2,3` is no row. */
const cases: readonly (readonly [policy: string, rows: string[], outcome: string[] | string])[] = [
  ['enforcement: strict', ['1,2', '1,99'], 'CONTRACT_REJECTED'],
  ['enforcement: strict', ['1,2', '1,x'], 'CONTRACT_REJECTED'],
  ['enforcement: strict, conflict_policy: fail', ['1,2', '1,x'], 'CONTRACT_REJECTED'],
  ['enforcement: strict, conflict_policy: quarantine', ['1,2', '1,x'], ['1,2']],
  ['enforcement: strict, conflict_policy: quarantine', ['1,2', '1,x', '1,99'], 'CONTRACT_REJECTED'],
  ['enforcement: strict, conflict_policy: quarantine', ['1,2', ',x'], 'CONTRACT_REJECTED'],
  ['enforcement: strict, conflict_policy: quarantine', ['1,2', '1,2,3'], 'CONTRACT_REJECTED'],
  [
    'enforcement: strict, conflict_policy: quarantine, quarantine: { max_rows: 0 }',
    ['1,2', '1,x'],
    'QUARANTINE_LIMIT',
  ],
  ['enforcement: quarantine', ['1,2', '1,x', '1,99', '5,2'], ['1,2']],
  ['enforcement: quarantine, conflict_policy: quarantine', ['1,2', '1,x', '1,99', '5,2'], ['1,2']],
  ['enforcement: warn', ['1,2', '1,99', '5,2', ',2'], ['null,2', '1,2', '1,99', '5,2']],
  ['enforcement: warn', ['1,2', '1,x'], 'CONTRACT_REJECTED'],
  ['enforcement: warn', ['1,2', '1,2,3'], 'CONTRACT_REJECTED'],
  ['enforcement: warn, conflict_policy: quarantine', ['1,2', '1,x', '1,99', '1,2,3'], ['1,2', '1,99']],
  ['enforcement: coerce', ['1,2', ' 1,3.0'], ['1,2', '1,3']],
  ['enforcement: coerce', ['1,2', '1,3.5'], 'CONTRACT_REJECTED'],
  ['enforcement: coerce', ['1,2', '1,99.0'], 'CONTRACT_REJECTED'],
  ['enforcement: coerce, conflict_policy: quarantine', ['1,2', ' 1,3.0', '1,x'], ['1,2', '1,3']],
  ['enforcement: coerce, conflict_policy: quarantine', ['1,2', '1, 99'], 'CONTRACT_REJECTED'],
  [
    'enforcement: warn, conflict_policy: quarantine, quarantine: { max_rows: 1 }',
    ['1,2', '1,x', '1,y'],
    'QUARANTINE_LIMIT',
  ],
]

test.each(cases)('%s: %j', async (policy, rows, outcome) => {
  const ended = await loaded(policy, rows)
  if (typeof outcome === 'string') {
    expect([ended.judged.code, ended.rows]).toEqual([outcome, undefined])
  } else {
    expect(ended.judged.message).toBe('')
    expect(ended.rows).toEqual(outcome)
    const { read, accepted, quarantined } = ended.judged.record!.rows
    expect([read, accepted, quarantined]).toEqual([rows.length, outcome.length, rows.length - outcome.length])
  }
})

test('under warn all is counted, and no column of the table is required', async () => {
  const { judged, schema } = await loaded('enforcement: warn', ['1,2', '1,99', '5,2', ',2'])
  expect(
    judged.record!.rules.map(({ column, rule, severity, count }) => [column, rule, severity, count]),
  ).toEqual([
    ['id', 'type', 'error', 0],
    ['id', 'nullable', 'warn', 1],
    ['n', 'type', 'error', 0],
    ['n', 'max', 'warn', 1],
    [null, 'row_rule', 'warn', 2],
  ])
  expect(judged.record!.rows.warned).toBe(3)
  expect(reasons(judged)).toEqual([])
  expect(schema!.fields.map(({ required }) => required).slice(0, 2)).toEqual([false, false])
})

test('what cannot be written stops the load under warn, with what would help', async () => {
  const { judged } = await loaded('enforcement: warn', ['1,2', '1,x', '1,99'])
  expect(judged.message).toMatch(
    /^1 of 3 rows breaks the contract of flow \(n type 1\)\. What is no value of its type, or no row, cannot be written, and conflict_policy: fail stops at it: nothing was written to the table\. sluice quarantine r1 flow shows them; .* use conflict_policy: quarantine\.$/,
  )
  expect(reasons(judged)).toEqual(['n type 1'])
  expect(judged.details.rules).toMatchObject([
    { column: 'n', rule: 'type', count: 1 },
    { column: 'n', rule: 'max', severity: 'warn', count: 1 },
  ])
})

test('nullable: false, once only warned of, lets NULL into a column that was required', async () => {
  const evolution = '\n    schema_evolution: { nullability: tighten }'
  const project = projectWith(flow('enforcement: strict').replace('\n    sink', `${evolution}\n    sink`))
  deliverCsv(project, 'a', 'id,n', ['1,2'])
  await runAndJudge(project, 'r1', 'flow')
  const before = (await tableNow(project, 'bronze.flow'))!
  expect(before.schema.fields[0]?.required).toBe(true)
  const other = projectWith(flow('enforcement: warn'))
  deliverCsv(other, 'b', 'id,n', [',2'])
  expect((await runAndJudge(other, 'r1', 'flow')).message).toBe('')
})

test.each([
  ['in one piece', ''],
  ['in shards', ', max_shard_bytes: 60'],
])('what is coerced is counted by column and shown, %s', async (_how, limit) => {
  const project = projectWith(
    flow(
      'enforcement: coerce, conflict_policy: quarantine',
      ', seen: { type: boolean }, note: { type: string }',
    )
      .replace('format: csv', `format: csv${limit}`)
      .replace('max: 9', 'max: 9, severity: warn'),
  )
  deliverCsv(project, 'a', 'id,n,seen,note', [' 1,2.0,yes, a', '2,99.,x,b'])
  deliverCsv(project, 'b', 'id,n,seen,note', ['3,8,true,c', '5,12.0,0,'])
  const { message, record } = await runAndJudge(project, 'r1', 'flow')
  expect(message).toBe('')
  expect(record!.rows).toMatchObject({ read: 4, accepted: 3, quarantined: 1, filtered: 0, warned: 1 })
  expect(record!.coerced).toEqual([
    { column: 'id', count: 1 },
    { column: 'n', count: 2 },
    { column: 'seen', count: 2 },
  ])
  expect((await tableNow(project, 'bronze.flow'))!.rows).toEqual([
    { id: 1, n: 2, seen: true, note: ' a' },
    { id: 3, n: 8, seen: true, note: 'c' },
    { id: 5, n: 12, seen: false, note: null },
  ])
  const shown = await runCli(project, 'evidence', 'r1', 'flow')
  expect(shown.stdout).toMatch(/coerced\s+values\s[^a-z]*n\s+2/)
})

test('without coerce nothing is coerced, and nothing counted', async () => {
  const { judged } = await loaded('enforcement: quarantine', ['1,2', ' 1,3'])
  expect(judged.record!.coerced).toBeUndefined()
  expect(judged.record!.rows.quarantined).toBe(1)
})
