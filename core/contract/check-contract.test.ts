import { describe, expect, test } from 'vitest'
import { checkContract } from './check-contract.ts'
import { scalarOf, typeText } from './column-types.ts'
import { icebergType, sqlType } from './lake-types.ts'
import { contractType } from './nested-contract.ts'
import { verifyPatterns } from './patterns.ts'
import { openTestPool } from './scan.suite.ts'
import type { ColumnContract, MemberContract } from './types.ts'

const pool = openTestPool(1)
const check = (column: object) =>
  checkContract({ enforcement: 'strict', columns: { c: column as ColumnContract } }).map(
    ({ path, message, hint }) => `${path.join('.')}: ${message}. ${hint}`,
  )

test.each<[object, RegExp]>([
  [
    { type: 'int' },
    /^columns\.c\.type: type 'int' is not known\. Known: string, boolean, .*decimal, list, struct, map$/,
  ],
  [{ type: 'decimal' }, /needs a precision/],
  [{ type: 'decimal', precision: 39 }, /1 to 38/],
  [{ type: 'decimal', precision: 5, scale: 6 }, /scale 6 is greater than precision 5/],
  [{ type: 'decimal', precision: 5, scale: -1 }, /whole number/],
  [{ type: 'integer', scale: 2 }, /^columns\.c\.scale: type integer takes no scale/],
  [{ type: 'integer', min: 5, max: 4 }, /^columns\.c\.min: min 5 is greater than max 4/],
  [{ type: 'decimal', precision: 38, scale: 10, min: '1.0000000002', max: '1.0000000001' }, /greater/],
  [{ type: 'date', min: '2024-02-01', max: '2024-01-31' }, /greater/],
  [{ type: 'timestamp', min: '2024-01-01 00:00:00.000002', max: '2024-01-01T00:00:00.000001' }, /greater/],
  [{ type: 'timestamp_tz', min: '2024-01-01T00:00:00Z', max: '2024-01-01T00:59+01:00' }, /greater/],
  [{ type: 'integer', min: 1.5 }, /^columns\.c\.min: min 1.5 is not a value of type integer/],
  [{ type: 'tinyint', max: 300 }, /300 is not a value of type tinyint/],
  [{ type: 'decimal', precision: 5, scale: 2, max: 9999 }, /not a value of type decimal\(5,2\)/],
  [{ type: 'bigint', max: 1e21 }, /Write its digits in quotes/],
  [{ type: 'date', min: '2024-02-30' }, /not a value of type date/],
  [{ type: 'boolean', min: true }, /does not apply to type boolean/],
  [{ type: 'string', max: 'z' }, /does not apply to type string/],
  [{ type: 'integer', pattern: '1+' }, /^columns\.c\.pattern: pattern does not apply/],
  [{ type: 'string', pattern: '(?=a)b' }, /looks around/],
  [{ type: 'string', pattern: '(?<!a)b' }, /looks around/],
  [{ type: 'string', pattern: '(a)\\1' }, /refers back/],
  [{ type: 'string', pattern: '(?>a)' }, /atomic/],
  [{ type: 'string', pattern: 'a++' }, /possessive/],
  [{ type: 'string', accepted_values: [] }, /is empty/],
  [
    { type: 'string', accepted_values: [1] },
    /^columns\.c\.accepted_values: accepted value 1 is not a string\. Write it in quotes/,
  ],
  [{ type: 'integer', accepted_values: [1, 'x'] }, /"x" is not a value of type integer/],
  [{ type: 'integer', accepted_values: [true] }, /true is not a value/],
  [{ type: 'integer', min_length: 1 }, /^columns\.c\.min_length: min_length does not apply to type integer/],
  [{ type: 'json', max_length: 1 }, /^columns\.c\.max_length: max_length does not apply to type json/],
  [{ type: 'string', min_length: -1 }, /^columns\.c\.min_length: min_length -1 is not a whole number/],
  [{ type: 'string', max_length: 1.5 }, /^columns\.c\.max_length: max_length 1.5 is not a whole number/],
  [{ type: 'string', min_length: 3, max_length: 2 }, /min_length 3 is greater than max_length 2/],
  [
    { type: 'integer', nullable: false, accepted_values: [1, null] },
    /^columns\.c\.accepted_values: null is an accepted value, and nullable: false refuses it/,
  ],
  [
    { type: 'integer', min: 5, accepted_values: [5, 1] },
    /^columns\.c\.accepted_values: accepted value 1 is less than min 5\. No row can have it/,
  ],
  [
    { type: 'date', max: '2024-01-01', accepted_values: ['2024-01-02', null] },
    /is greater than max 2024-01-01/,
  ],
  [
    { type: 'string', max_length: 1, accepted_values: ['😀', 'ab'] },
    /"ab" has 2 characters, and max_length is 1/,
  ],
  [{ type: 'string', min_length: 2, accepted_values: ['a'] }, /"a" has 1 character, and min_length is 2/],
  [{ type: 'integer', severity: 'warn' }, /^columns\.c\.severity: severity has no rule/],
  [{ type: 'integer', unique: true, severity: 'warn' }, /Its type and unique are always errors/],
])('%j is refused', (column, why) => {
  expect(check(column)).toEqual([expect.stringMatching(why)])
})

test.each<[object]>([
  [{ type: 'string', pattern: '[(?=x)\\]]+\\d{2,}(?i:a)(?P<n>b)' }],
  [{ type: 'decimal', precision: 5, scale: 2, min: -0.5, max: '999.99', accepted_values: [1, 2.5] }],
  [{ type: 'double', min: -1e300, max: 1e300 }],
  [{ type: 'timestamp_tz', min: '2024-01-01T00:00:00Z', max: '2024-01-01T00:00-00:01' }],
  [{ type: 'boolean', accepted_values: [true, 'FALSE'] }],
  [{ type: 'string', min_length: 3, max_length: 3, severity: 'warn' }],
  [{ type: 'string', accepted_values: ['a', null], nullable: true, severity: 'error' }],
  [{ type: 'integer', min: 3, max: 3, unique: true, nullable: false, description: 'x' }],
])('%j is fine', (column) => {
  expect(check(column)).toEqual([])
})

test('rules have names of their own', () => {
  const rules = ['a', 'b', 'a'].map((name) => ({ name, expr: 'true' }))
  expect(checkContract({ enforcement: 'strict', columns: {}, rules })).toMatchObject([
    { path: ['rules', 2, 'name'], message: 'the name a is taken by another rule of this contract' },
  ])
})

test('a severity that the enforcement would not heed', () => {
  const columns = { c: { type: 'integer', min: 1, severity: 'error' } } as const
  const rules = [
    { name: 'a', expr: 'true', severity: 'error' },
    { name: 'b', expr: 'true', severity: 'warn' },
  ] as const
  expect(checkContract({ enforcement: 'warn', columns, rules }).map(({ path }) => path.join('.'))).toEqual([
    'columns.c.severity',
    'rules.0.severity',
  ])
  expect(checkContract({ enforcement: 'quarantine', columns, rules })).toEqual([])
})

test('quarantine limits', () => {
  const problems = checkContract({
    enforcement: 'quarantine',
    columns: {},
    quarantine: { max_rows: -1, max_ratio: 1.5 },
  })
  expect(problems.map(({ path }) => path.join('.'))).toEqual(['quarantine.max_rows', 'quarantine.max_ratio'])
})

test('the engine compiles the patterns', async () => {
  const columns: Record<string, ColumnContract> = {
    good: { type: 'string', pattern: 'a+' },
    bad: { type: 'string', pattern: 'a(' },
  }
  const problems = await pool.use((engine) => verifyPatterns(engine, { enforcement: 'strict', columns }))
  expect(problems).toEqual([
    {
      path: ['columns', 'bad', 'pattern'],
      message: expect.stringContaining('missing )'),
      hint: expect.stringContaining('RE2'),
    },
  ])
})

test.each([
  ['tinyint', undefined, 'INTEGER', 'int', 'tinyint'],
  ['bigint', undefined, 'BIGINT', 'long', 'bigint'],
  ['timestamp_tz', undefined, 'TIMESTAMP WITH TIME ZONE', 'timestamptz', 'timestamp_tz'],
  ['decimal', 18, 'DECIMAL(18,0)', 'decimal(18, 0)', 'decimal(18,0)'],
] as const)('%s in SQL, Iceberg and words', (type, precision, sql, iceberg, words) => {
  const columnType = scalarOf(contractType(precision === undefined ? { type } : { type, precision }))
  expect([sqlType(columnType), icebergType(columnType), typeText(columnType)]).toEqual([sql, iceberg, words])
})

test('an unknown type has no column type', () => {
  expect(() => contractType({ type: 'money' as 'string' })).toThrow(
    expect.objectContaining({ code: 'COLUMN_TYPE_UNKNOWN' }),
  )
  expect(() => contractType({ type: 'decimal' })).toThrow(
    expect.objectContaining({ code: 'COLUMN_TYPE_INVALID' }),
  )
})

describe('nested types', () => {
  const list = (items: MemberContract): ColumnContract => ({ type: 'list', items })
  const deep = (levels: number): MemberContract =>
    levels === 0 ? { type: 'integer' } : list(deep(levels - 1))
  const cases: readonly (readonly [ColumnContract, string, string])[] = [
    [{ type: 'list' }, 'type', 'type list needs items'],
    [{ type: 'map', keys: { type: 'string' } }, 'type', 'type map needs values'],
    [{ type: 'struct', fields: {} }, 'fields', 'fields is empty'],
    [{ type: 'integer', items: { type: 'integer' } }, 'items', 'type integer takes no items'],
    [
      { type: 'list', items: { type: 'string' }, keys: { type: 'string' } },
      'keys',
      'type list takes no keys',
    ],
    [list({ type: 'decimal' }), 'items.type', 'needs a precision'],
    [list({ type: 'money' as 'string' }), 'items.type', "type 'money' is not known"],
    [{ type: 'struct', fields: { a: { type: 'list' } } }, 'fields.a.type', 'type list needs items'],
    [{ type: 'struct', fields: { 'a b': { type: 'date' } } }, 'fields.a b', 'cannot have this name'],
    [{ type: 'struct', fields: { a: { type: 'date' }, A: { type: 'date' } } }, 'fields.A', 'has a and A'],
    [
      { type: 'map', keys: { type: 'double' }, values: { type: 'date' } },
      'keys.type',
      'cannot be of type double',
    ],
    [
      { type: 'map', keys: { type: 'string', nullable: true }, values: { type: 'date' } },
      'keys.nullable',
      'never NULL',
    ],
    [{ ...list({ type: 'date' }), unique: true }, 'unique', 'does not apply'],
    [{ ...list({ type: 'date' }), min: 1 }, 'min', 'does not apply'],
    [list({ type: 'date', min: 'x' }), 'items.min', 'is not a value of type date'],
    [list({ type: 'date', pattern: 'x' }), 'items.pattern', 'does not apply'],
    [list(deep(8)), `${'items.'.repeat(8)}type`, 'more than 8 levels deep'],
  ]

  test.each(cases)('%j', (column, path, message) => {
    const problems = checkContract({ enforcement: 'strict', columns: { c: column } })
    expect(problems.map((problem) => [problem.path.join('.'), problem.message])).toEqual([
      [`columns.c.${path}`, expect.stringContaining(message)],
    ])
  })

  test('eight levels are a type, in SQL and words', () => {
    const type = contractType(deep(8))
    expect([sqlType(type), typeText(type)]).toEqual([
      `INTEGER${'[]'.repeat(8)}`,
      `${'list<'.repeat(8)}integer${'>'.repeat(8)}`,
    ])
    const struct = contractType({
      type: 'struct',
      fields: { a: { type: 'map', keys: { type: 'date' }, values: { type: 'decimal', precision: 3 } } },
    })
    expect([sqlType(struct), typeText(struct)]).toEqual([
      'STRUCT("a" MAP(DATE, DECIMAL(3,0)))',
      'struct<a: map<date, decimal(3,0)>>',
    ])
  })

  test('patterns inside are compiled, too', async () => {
    const columns = { c: list({ type: 'string', pattern: 'a(' }) }
    const problems = await pool.use((engine) => verifyPatterns(engine, { enforcement: 'strict', columns }))
    expect(problems.map(({ path }) => path)).toEqual([['columns', 'c', 'items', 'pattern']])
  })
})
