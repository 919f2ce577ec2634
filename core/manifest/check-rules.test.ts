import { expect, test } from 'vitest'
import { problemsOf } from './test-project.suite.ts'

const source = (format: string) => `source: { connection: landing, path: a, format: ${format} }`

/** The problems of one dataflow whose contract has these checks, one a line, from line 13 on. */
async function problems(checks: readonly string[], from = source('csv')): Promise<string[]> {
  const text = `version: 1
project: shop
connections:
  landing: { type: files, path: ./landing }
  lake: { type: lake }
dataflows:
  - name: f
    ${from}
    sink: { connection: lake, table: t.f, load_type: overwrite }
    contract:
      columns: { k: { type: string }, Day: { type: date }, n: { type: decimal, precision: 5 } }
      checks:
${checks.map((check) => `        - ${check}`).join('\n')}
  - { name: o, transform: { sql: SELECT 1 AS k }, sink: { connection: lake, table: t.o, load_type: overwrite } }
`
  return (await problemsOf({ 'sluice.yaml': text })).map((line) => line.replace('sluice.yaml:', ''))
}

test('checks that are fine', async () => {
  expect(
    await problems([
      '{ name: key, unique: [k, day, other], description: one of each }',
      '{ name: some, row_count: { min: 0 } }',
      '{ name: full, severity: warn, max_null_ratio: { column: other, ratio: 0 } }',
      '{ name: new, freshness: { column: DAY, max_age: 1 day } }',
      '{ name: asked, sql: "SELECT * FROM {{load}} ANTI JOIN {{ ref(\'t.o\') }} USING (k)" }',
      '{ name: known, references: { columns: [k, Day], table: t.o, to: [k, day] } }',
    ]),
  ).toEqual([])
  expect(
    await problems(['{ name: new, freshness: { column: at, max_age: 90 minutes } }'], source('parquet')),
  ).toEqual([])
})

test.each<[string, string, readonly string[]]>([
  [
    'a name that is taken',
    '{ name: a, row_count: { min: 1 } }\n        - { name: a, unique: [k] }',
    ['14:19: there is a check `a` before. Choose another name.'],
  ],
  ['no name', '{ unique: [k] }', ['13:11: `name` is missing. Add it.']],
  [
    'no kind',
    '{ name: a, severity: warn }',
    [
      '13:11: check `a` checks nothing. Add one of unique, row_count, max_null_ratio, freshness, references, sql, row_count_reconciliation.',
    ],
  ],
  [
    'two kinds',
    '{ name: a, unique: [k], row_count: { min: 1 } }',
    ['13:35: check `a` has `unique` and `row_count`. A check has one kind: make it two checks.'],
  ],
  ['an unknown kind', '{ name: a, uniqe: [k] }', ['13:22: unknown key `uniqe`. Did you mean `unique`?']],
  [
    'an unknown severity',
    '{ name: a, severity: fatal, unique: [k] }',
    ['13:32: `severity` cannot be `fatal`. Use error, warn.'],
  ],
  [
    'one column in two spellings',
    '{ name: a, unique: [Day, day] }',
    ['13:36: `day` is named twice. Remove one of the two.'],
  ],
  [
    'no column',
    '{ name: a, unique: [] }',
    ['13:30: `unique` is an empty list. Give it a value, or remove the line.'],
  ],
  [
    'no bound',
    '{ name: a, row_count: {} }',
    ['13:22: `row_count` has neither `min` nor `max`. Give it one of them.'],
  ],
  [
    'bounds that nothing lies between',
    '{ name: a, row_count: { min: 2, max: 1 } }',
    ['13:40: min 2 is greater than max 1. No load would pass: swap them.'],
  ],
  [
    'a share above one',
    '{ name: a, max_null_ratio: { column: k, ratio: 5 } }',
    ['13:58: `ratio` cannot be 5. It must be at most 1.'],
  ],
  [
    'a duration of another grammar',
    '{ name: a, freshness: { column: day, max_age: 2h } }',
    ['13:57: `max_age` cannot be `2h`. Write 2 hours.'],
  ],
  [
    'a table that nobody writes',
    '{ name: a, references: { columns: [k], table: t.ff, to: [k] } }',
    ['13:57: `table: t.ff` is a reference to nothing: no dataflow writes this table. Did you mean `t.f`?'],
  ],
  [
    'its own table',
    '{ name: a, references: { columns: [k], table: t.f, to: [k] } }',
    ['13:57: `f` waits for itself: f -> f (checks against t.f). Remove the reference.'],
  ],
  [
    'what is no table',
    '{ name: a, references: { columns: [k, K], table: airports, to: [k] } }',
    [
      '13:60: `table` cannot be `airports`. A table is `namespace.name`, each of letters, digits and _, and not a digit first.',
    ],
  ],
  [
    'SQL that does not read the load',
    '{ name: a, sql: "SELECT 1 FROM {{ ref(\'t.o\') }}" }',
    ['13:27: the SQL does not read `{{ load }}`. Without the rows of the load it checks nothing of it.'],
  ],
  [
    'SQL with other braces, and with a table that nobody writes',
    '{ name: a, sql: "SELECT 1 FROM {{  load }}, {{ ref(\'t.oo\') }}, {{ x }}" }',
    [
      "13:55: `ref('t.oo')` is a reference to nothing: no dataflow writes this table. Did you mean `t.o`?",
      "13:74: `{{ x }}` is not a reference. Write {{ load }} or {{ ref('namespace.table') }}; nothing else is filled in.",
    ],
  ],
  [
    'columns without a partner',
    '{ name: a, references: { columns: [k], table: t.o, to: [k, k] } }',
    [
      '13:66: `columns` has 1 and `to` has 2. Name one column of the table for each column of the load.',
      '13:70: `k` is named twice. Remove one of the two.',
    ],
  ],
  [
    'the age of a number',
    '{ name: a, freshness: { column: n, max_age: 1 day } }',
    [
      '13:43: freshness needs a date, timestamp or timestamp_tz, and this is decimal(5,0). Name a column of one of these types.',
    ],
  ],
  [
    'the age of a text',
    '{ name: a, freshness: { column: at, max_age: 1 day } }',
    [
      '13:43: `at` has no type in the contract, and in a csv file all is text. Add it to contract.columns as date, timestamp or timestamp_tz.',
    ],
  ],
])('%s', async (_, checks, expected) => {
  expect(await problems([checks])).toEqual(expected)
})
