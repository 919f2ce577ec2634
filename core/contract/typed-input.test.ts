import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { quoteLiteral } from '../engine/sql.ts'
import { typeText } from './column-types.ts'
import { columnType } from './input-type.ts'
import { contractOf } from './nested.suite.ts'
import { columnsOf, openTestPool, reasonsOf, scanAll } from './scan.suite.ts'
import type { ColumnContract } from './types.ts'

const pool = openTestPool(1)

/** Which of the SQL values a typed column of a Parquet file holds become values of the contract's type. */
async function judge(contract: ColumnContract, input: string, values: readonly string[]) {
  return await pool.use(async (engine) => {
    const path = join(engine.directory, 'in.parquet')
    const rows = values.map((value, i) => `SELECT ${i} AS n, CAST(${value} AS ${input}) AS v`)
    await engine.run(`COPY (${rows.join(' UNION ALL ')}) TO ${quoteLiteral(path)} (FORMAT parquet)`)
    const [kept] = await engine.rows<{ column_type: string }>(
      `SELECT column_type FROM (DESCRIBE FROM read_parquet(${quoteLiteral(path)})) WHERE column_name = 'v'`,
    )
    const columns = columnsOf({
      n: { type: 'integer', input: 'INTEGER' },
      v: { ...contract, input: kept!.column_type },
    })
    const scan = await scanAll(engine, { inputs: [{ kind: 'parquet', source: 'p', path }], columns })
    const results = new Map<number, unknown>(scan.accepted.map((row) => [row.n as number, row.v]))
    for (const row of scan.rejected) results.set(Number(row.source_row) - 1, reasonsOf(row).join())
    return values.map((_, i) => results.get(i))
  })
}

const bad = 'v type'

describe('a typed value must survive the cast to the column type and back', () => {
  test.each<[string, ColumnContract, Record<string, unknown>]>([
    [
      'DOUBLE',
      { type: 'integer' },
      { '12.0': 12, '12.7': bad, '-0.0': 0, '1e10': bad, "'nan'": bad, "'inf'": bad, NULL: null },
    ],
    ['BIGINT', { type: 'tinyint' }, { '127': 127, '128': bad, '300': bad, '-128': -128, NULL: null }],
    ['BIGINT', { type: 'integer' }, { '2147483647': 2147483647, '2147483648': bad }],
    [
      'UBIGINT',
      { type: 'bigint' },
      { '9223372036854775807': 9223372036854775807n, '9223372036854775808': bad },
    ],
    ['INTEGER', { type: 'bigint' }, { '5': 5n, NULL: null }],
    ['SMALLINT', { type: 'integer' }, { '5': 5 }],
    ['INTEGER', { type: 'integer', max: 3 }, { '3': 3, '4': 'v max' }],
    [
      'DECIMAL(18,4)',
      { type: 'decimal', precision: 18, scale: 2 },
      { '12.3400': '12.34', '12.3450': bad, NULL: null },
    ],
    ['DECIMAL(18,2)', { type: 'decimal', precision: 5, scale: 2 }, { '999.99': '999.99', '1000': bad }],
    [
      'DOUBLE',
      { type: 'decimal', precision: 5, scale: 2 },
      { '12.34': '12.34', '0.1::DOUBLE + 0.2::DOUBLE': bad, '1e9': bad },
    ],
    ['BIGINT', { type: 'double' }, { '9007199254740992': 9007199254740992, '9007199254740993': bad }],
    ['DOUBLE', { type: 'float' }, { '0.5': 0.5, '0.1': bad, '1e39': bad }],
    ['FLOAT', { type: 'double' }, { '0.5': 0.5, "'nan'": bad }],
    ['DOUBLE', { type: 'double' }, { '0.1': 0.1, "'nan'": bad, "'-inf'": bad, NULL: null }],
    ['TIMESTAMP', { type: 'date' }, { "'2024-01-05 00:00:00'": '2024-01-05', "'2024-01-05 00:00:01'": bad }],
    ['DATE', { type: 'timestamp' }, { "'2024-01-05'": '2024-01-05 00:00:00' }],
    [
      'DATE',
      { type: 'date' },
      { "'9999-12-31'": '9999-12-31', "'10000-01-01'": bad, "'0001-01-01'": '0001-01-01' },
    ],
    [
      'TIMESTAMP_NS',
      { type: 'timestamp' },
      {
        "'2024-01-05 00:00:00.123456'": '2024-01-05 00:00:00.123456',
        "'2024-01-05 00:00:00.123456789'": bad,
      },
    ],
    ['TIMESTAMPTZ', { type: 'timestamp_tz' }, { "'2024-01-05 00:00:00+01:00'": '2024-01-04 23:00:00+00' }],
    [
      'TIMESTAMP',
      { type: 'timestamp' },
      {
        "'infinity'": bad,
        "'294247-01-10'": bad,
        "'9999-12-31 23:59:59.999999'": '9999-12-31 23:59:59.999999',
      },
    ],
    ['TIMESTAMP', { type: 'date' }, { "'infinity'": bad, "'-infinity'": bad }],
    ['TIMESTAMPTZ', { type: 'timestamp_tz' }, { "'infinity'": bad, "'10000-01-01 00:00:00+00'": bad }],
    ['DATE', { type: 'timestamp' }, { "'infinity'": bad, "'5881580-07-10'": bad }],
    ['TIMESTAMP', { type: 'timestamp_tz' }, { "'2024-01-05 00:00:00'": bad, NULL: null }],
    ['BOOLEAN', { type: 'boolean' }, { true: true, NULL: null }],
    ['BOOLEAN', { type: 'integer' }, { true: bad, NULL: null }],
    ['INTEGER', { type: 'boolean' }, { '1': bad }],
    ['INTEGER', { type: 'date' }, { '1': bad }],
    ['VARCHAR', { type: 'integer' }, { "'12'": 12, "'12.7'": bad, "' 1'": bad, NULL: null }],
    ['VARCHAR', { type: 'date' }, { "'2024-01-05'": '2024-01-05', "'2024-01-05 garbage'": bad }],
    ['INTEGER', { type: 'string' }, { '12': '12', NULL: null }],
    ['DOUBLE', { type: 'string' }, { '0.1': '0.1' }],
    [
      'UUID',
      { type: 'string' },
      { "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'": 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' },
    ],
    ['TIME', { type: 'time' }, { "'23:59:59.999999'": '23:59:59.999999', "'24:00:00'": bad, NULL: null }],
    ['TIME', { type: 'string' }, { "'10:00:00'": '10:00:00' }],
    ['TIME', { type: 'timestamp' }, { "'10:00:00'": bad }],
    ['TIMESTAMP', { type: 'time' }, { "'2024-01-05 10:00:00'": bad }],
    ['TIME_NS', { type: 'time' }, { "'10:00:00.123456'": '10:00:00.123456', "'10:00:00.123456789'": bad }],
    ['TIMETZ', { type: 'time' }, { "'10:00:00+02'": bad, NULL: null }],
    [
      'UUID',
      { type: 'uuid' },
      { "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'": 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', NULL: null },
    ],
    ['BLOB', { type: 'uuid' }, { "'0123456789abcdef'": bad }],
    ['BLOB', { type: 'binary' }, { "'a\\x00'": Buffer.from([97, 0]), NULL: null }],
    ['VARCHAR', { type: 'binary' }, { "'0aff'": Buffer.from([10, 255]), "'a'": bad, "'AP8='": bad }],
    ['JSON', { type: 'json' }, { '\'{"a": 1}\'': '{"a": 1}', "'[1,]'": bad, NULL: null }],
    ['VARCHAR', { type: 'json' }, { '\'{"a": 1}\'': '{"a": 1}', "'NaN'": bad }],
    ['INTEGER', { type: 'json' }, { '1': bad }],
    ['INTEGER[]', { type: 'json' }, { '[1]': bad, NULL: null }],
    ['INTEGER[]', { type: 'string' }, { '[1]': bad, NULL: null }],
    ['BLOB', { type: 'string' }, { "'x'": bad }],
    ['INTEGER', { type: 'integer', nullable: false }, { '1': 1, NULL: 'v nullable' }],
  ])('%s → %o', async (input, contract, cases) => {
    expect(await judge(contract, input, Object.keys(cases))).toEqual(Object.values(cases))
  })
})

test('HUGEINT sums become decimal(38,0), beyond it they are refused', async () => {
  await pool.use(async (engine) => {
    const sql = `SELECT * FROM (VALUES (170141183460469231731687303715884105727::HUGEINT), (12345678901234567890::HUGEINT)) AS t(v)`
    const column = { source: 'v', name: 'v', type: columnType('HUGEINT', 'v'), input: 'HUGEINT', field_id: 1 }
    const scan = await scanAll(engine, {
      inputs: [{ kind: 'sql', source: 't', sql, relations: {} }],
      columns: [column],
    })
    expect(scan.accepted).toEqual([{ v: '12345678901234567890' }])
    expect(scan.rejected.map(reasonsOf)).toEqual([['v type']])
  })
})

describe('nested values, place by place', () => {
  test.each<[string, string, Record<string, unknown>]>([
    ['DOUBLE[]', 'list<integer>', { '[1.0, NULL]': [1, null], '[1.5]': 'v[] type', '[]': [], NULL: null }],
    ['BIGINT[]', 'list<tinyint>', { '[127]': [127], '[1, 128]': 'v[] type' }],
    ['FLOAT[]', 'list<float>', { '[0.5]': [0.5], "['nan']": 'v[] type' }],
    ['VARCHAR[]', 'list<date>', { "['2024-01-05']": ['2024-01-05'], "['2024-1-5']": 'v[] type' }],
    ['INTEGER[]', 'list<list<integer>>', { '[1]': 'v[] type', '[NULL]': [null] }],
    ['INTEGER', 'list<integer>', { '1': 'v type', NULL: null }],
    ['INTEGER[]', 'integer', { '[1]': 'v type', NULL: null }],
    ['INTEGER[][]', 'list<list<bigint>>', { '[[1], NULL, []]': [[1n], null, []] }],
    ['VARCHAR', 'list<integer>', { "'[1, 2]'": [1, 2], "'x'": 'v type' }],
    ['VARCHAR[]', 'list<list<integer>>', { "['[1]']": [[1]], "['1']": 'v[] type' }],
    [
      'STRUCT(a BIGINT, b VARCHAR)',
      'struct<b: string, a: integer>',
      {
        "{'a': 1, 'b': 'x'}": { b: 'x', a: 1 },
        "{'a': 3000000000, 'b': 'x'}": 'v.a type',
        "{'a': NULL, 'b': NULL}": { b: null, a: null },
        NULL: null,
      },
    ],
    [
      'STRUCT(a INTEGER, z DATE)',
      'struct<a: integer, b: list<string>>',
      {
        "{'a': 1, 'z': NULL}": { a: 1, b: null },
        "{'a': 1, 'z': DATE '2024-01-05'}": 'v type',
        NULL: null,
      },
    ],
    [
      'MAP(DOUBLE, VARCHAR)',
      'map<integer, string>',
      { 'MAP {1.0: NULL}': [[1, null]], "MAP {1.5: 'x'}": 'v{key} type', 'MAP {}': [], NULL: null },
    ],
    [
      'MAP(VARCHAR, TIMESTAMP[])',
      'map<integer, list<date>>',
      {
        "MAP {'1': [TIMESTAMP '2024-01-05 00:00:00']}": [[1, ['2024-01-05']]],
        "MAP {'1': NULL, '+1': NULL}": 'v type',
        "MAP {'1': [TIMESTAMP '2024-01-05 00:00:01']}": 'v{value}[] type',
      },
    ],
  ])('%s as %s', async (input, type, values) => {
    expect(await judge(contractOf(type), input, Object.keys(values))).toEqual(Object.values(values))
  })
})

test.each([
  ['TINYINT', 'integer'],
  ['UINTEGER', 'bigint'],
  ['UBIGINT', 'decimal(20,0)'],
  ['HUGEINT', 'decimal(38,0)'],
  ['DECIMAL(9,2)', 'decimal(9,2)'],
  ['FLOAT', 'float'],
  ['TIMESTAMP_NS', 'timestamp'],
  ['TIMESTAMP WITH TIME ZONE', 'timestamp_tz'],
  ["ENUM('a', 'b')", 'string'],
  ['UUID', 'uuid'],
  ['TIME', 'time'],
  ['BLOB', 'binary'],
  ['JSON', 'string'],
  ['text', 'string'],
  ['INTEGER[]', 'list<integer>'],
  ['STRUCT(a INTEGER, "größe" VARCHAR[])[][]', 'list<list<struct<a: integer, größe: list<string>>>>'],
  [
    'MAP(VARCHAR, STRUCT(k DECIMAL(9,2), v MAP(DATE, BLOB)))',
    'map<string, struct<k: decimal(9,2), v: map<date, binary>>>',
  ],
  ["ENUM('a', 'b(')[]", 'list<string>'],
])('a column of %s without a contract becomes %s', (input, wanted) => {
  expect(typeText(columnType(input, 'c'))).toBe(wanted)
})

test.each([
  'INTEGER[3]',
  'STRUCT(INTEGER, VARCHAR)',
  'UNION(a INTEGER)',
  'TIME WITH TIME ZONE',
  'INTERVAL',
  'BIT',
  '"NULL"',
])('%s is refused by name', (input) => {
  expect(() => columnType(input, 'c')).toThrow(
    expect.objectContaining({ code: 'COLUMN_TYPE_UNSUPPORTED', message: expect.stringContaining(input) }),
  )
})

test.each([
  ['STRUCT(a INTEGER, A VARCHAR)', 'c', 'the struct has a and A'],
  ['STRUCT("a b" INTEGER)[]', 'c[]', '"a b" cannot have this name'],
  ['MAP(DOUBLE, VARCHAR)', 'c', 'keys of type double'],
  ['STRUCT(x INTERVAL[])', 'c.x[]', 'INTERVAL'],
  [`INTEGER${'[]'.repeat(9)}`, `c${'[]'.repeat(9)}`, 'more than 8 levels'],
])('%s is refused at its place', (input, place, fact) => {
  const { message } = catchError(() => columnType(input, 'c'))
  expect(message).toContain(fact)
  expect(message).toContain(`olumn ${place} `.trimEnd())
})

function catchError(work: () => unknown): Error {
  try {
    work()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}
