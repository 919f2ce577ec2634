import { expect, test } from 'vitest'
import { runChild, runCli } from '../support/children.ts'
import { deliverCsv, projectWith, runAndJudge, tableNow } from '../support/contract-project.ts'

const contract = (severity: string) => `{ enforcement: quarantine,
      columns: { id: { type: integer }, departure: { type: time }, Arrival: { type: time },
        carrier: { type: string, nullable: false, max_length: 2, severity: ${severity} } },
      rules: [
        { name: in_time, expr: "arrival >= departure", severity: ${severity} },
        { name: known_id, expr: "id > 0" } ] }`

const flows = (severity: string, source = '') => `
  - name: flights
    source: { connection: landing, path: "*.csv", format: csv${source} }
    contract: ${contract(severity)}
    sink: { table: bronze.flights, load_type: append }
`

const lines = [
  ['1,10:00,11:00,AA', '2,10:00,09:00,AA', '3,10:00,,ABC', '0,10:00,11:00,'],
  ['5,x,11:00,AA', '6,23:00,23:00,'],
] as const

function delivered(severity: string, source = ''): string {
  const project = projectWith(flows(severity, source))
  for (const [i, part] of lines.entries()) deliverCsv(project, `${i}`, 'id,departure,Arrival,carrier', part)
  return project
}

test.each([
  ['in one piece', ''],
  ['in shards', ', max_shard_bytes: 120'],
])('rows that break rules of severity warn are loaded and counted, %s', async (_how, source) => {
  const project = delivered('warn', source)
  const { record, status } = await runAndJudge(project, 'r1', 'flights')
  expect(status).toBe('succeeded')
  expect(record!.rows).toMatchObject({ read: 6, accepted: 4, quarantined: 2, filtered: 0, warned: 3 })
  expect(
    record!.rules.map(({ column, rule, name, severity, count }) => [column, name ?? rule, severity, count]),
  ).toEqual([
    ['id', 'type', 'error', 0],
    ['departure', 'type', 'error', 1],
    ['arrival', 'type', 'error', 0],
    ['carrier', 'nullable', 'warn', 2],
    ['carrier', 'max_length', 'warn', 1],
    [null, 'in_time', 'warn', 2],
    [null, 'known_id', 'error', 1],
  ])
  expect(record!.by_reason).toEqual([
    { column: 'departure', rule: 'type', count: 1 },
    { column: null, rule: 'row_rule', name: 'known_id', count: 1 },
  ])
  const table = (await tableNow(project, 'bronze.flights'))!
  expect(table.rows.map(({ id, carrier }) => [id, carrier])).toEqual([
    [1, 'AA'],
    [2, 'AA'],
    [3, 'ABC'],
    [6, null],
  ])
  // NULL is only warned of, so the column must be able to hold it.
  expect(table.schema.fields.find(({ name }) => name === 'carrier')?.required).toBe(false)
})

test('as errors they reject, and each is told by its name', async () => {
  const project = delivered('error')
  const { record } = await runAndJudge(project, 'r1', 'flights')
  expect(record!.rows).toMatchObject({ read: 6, accepted: 1, quarantined: 5, filtered: 0 })
  const shown = await runCli(project, 'quarantine', 'r1', 'flights')
  expect(shown.stdout).toMatch(/the row\s+in_time\s+2/)
  expect(shown.stdout).toContain('row row_rule: breaks the rule in_time: arrival >= departure')
  expect((await runCli(project, 'quarantine', 'r1')).stdout).toContain('row in_time 2')
})

test('warnings are shown with the run and in its evidence', async () => {
  const project = delivered('warn')
  const ran = await runCli(project, 'run', '--run-id', 'r1')
  expect(ran.stdout).toContain('3 rows with warnings')
  const { stdout } = await runCli(project, 'evidence', 'r1', 'flights')
  expect(stdout).toMatch(/warned of\s+rule\s+rows/)
  expect(stdout).toMatch(/the row\s+in_time\s+2/)
  expect(stdout).toMatch(/carrier\s+max_length\s+1/)
  expect(stdout).toContain('3 with warnings')
  const json = await runChild('cli/main.ts', [
    'run',
    '--project',
    project,
    '--run-id',
    'r2',
    '--format',
    'json',
  ])
  expect(JSON.parse(json.stdout).rows.warned).toBeUndefined()
})

test('a strict contract stops at errors and passes warnings', async () => {
  const project = projectWith(flows('warn').replace('enforcement: quarantine', 'enforcement: strict'))
  deliverCsv(project, 'a', 'id,departure,arrival,carrier', ['1,10:00,09:00,ABC'])
  expect((await runAndJudge(project, 'r1', 'flights')).record!.rows).toMatchObject({ accepted: 1, warned: 1 })
  deliverCsv(project, 'b', 'id,departure,arrival,carrier', ['0,10:00,09:00,ABC'])
  const stopped = await runAndJudge(project, 'r2', 'flights')
  expect(stopped.code).toBe('CONTRACT_REJECTED')
  expect(stopped.message).toContain('(row known_id 1)')
  expect(stopped.details.rules).toEqual([
    { column: 'carrier', rule: 'max_length', severity: 'warn', count: 1 },
    { column: null, rule: 'row_rule', name: 'in_time', severity: 'warn', count: 1 },
    { column: null, rule: 'row_rule', name: 'known_id', severity: 'error', count: 1 },
  ])
})

test('a rule that cannot be judged stops the dataflow before its source is read', async () => {
  const project = projectWith(flows('warn').replace('id > 0', 'id > now()'))
  deliverCsv(project, 'a', 'id,departure,arrival,carrier', ['1,10:00,09:00,ABC'])
  const { code, message } = await runAndJudge(project, 'r1', 'flights')
  expect(code).toBe('CONTRACT_RULE_INVALID')
  expect(message).toMatch(/^The contract's rule known_id, "id > now\(\)", cannot be judged: it calls now\(\)/)
})

test('validate tells where two rules share a name, and what a rule lacks', async () => {
  const wrong = flows('warn').replace('known_id, expr', 'in_time, exprs')
  const { code, stderr, stdout } = await runCli(projectWith(wrong), 'validate')
  expect(code).toBe(2)
  expect(stdout + stderr).toMatch(/sluice\.yaml:\d+:\d+.*unknown key `exprs`/)
  const twice = flows('warn').replace('known_id', 'in_time')
  const second = await runCli(projectWith(twice), 'validate')
  expect(second.stdout + second.stderr).toMatch(
    /sluice\.yaml:16:\d+.*the name in_time is taken by another rule/,
  )
})
