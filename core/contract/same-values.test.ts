import { join } from 'node:path'
import { expect, test } from 'vitest'
import { quoteLiteral } from '../engine/sql.ts'
import { describeParquet } from './describe.ts'
import { keepsValues } from './same-values.ts'
import { openTestPool } from './scan.suite.ts'

const pool = openTestPool(1)

test.each([
  ['BIGINT', 'DOUBLE', false],
  ['INTEGER', 'DOUBLE', true],
  ['INTEGER', 'FLOAT', false],
  ['SMALLINT', 'FLOAT', true],
  ['FLOAT', 'DOUBLE', true],
  ['DOUBLE', 'FLOAT', false],
  ['DECIMAL(5,2)', 'DOUBLE', false],
  ['DECIMAL(38,30)', 'DECIMAL(38,0)', false],
  ['DECIMAL(5,2)', 'DECIMAL(9,2)', true],
  ['BIGINT', 'DECIMAL(21,2)', true],
  ['BIGINT', 'DECIMAL(20,2)', false],
  ['UBIGINT', 'HUGEINT', true],
  ['UINTEGER', 'INTEGER', false],
  ['INTEGER', 'UBIGINT', false],
  ['BOOLEAN', 'INTEGER', false],
  ['DATE', 'TIMESTAMP', true],
  ['TIMESTAMP', 'DATE', false],
  ['TIMESTAMP', 'TIMESTAMP WITH TIME ZONE', false],
  ['TIMESTAMP_MS', 'TIMESTAMP_NS', true],
  ['TIME', 'TIME_NS', true],
  ['BIGINT', 'VARCHAR', true],
  ['BLOB', 'VARCHAR', false],
  ['VARCHAR', 'BLOB', false],
  ['VARCHAR', 'UUID', false],
  ['JSON', 'VARCHAR', true],
  ['VARCHAR', 'JSON', false],
  ['INTEGER[]', 'BIGINT[]', true],
  ['BIGINT[]', 'DOUBLE[]', false],
  ['INTEGER', 'INTEGER[]', false],
  ['STRUCT(a INTEGER)', 'STRUCT(a BIGINT, b DATE)', true],
  ['STRUCT(a BIGINT)', 'STRUCT(a DOUBLE)', false],
  ['MAP(VARCHAR, INTEGER)', 'MAP(VARCHAR, BIGINT)', true],
  ['STRUCT(a INTEGER)', 'VARCHAR', false],
])('%s read as %s', (from, to, keeps) => {
  expect(keepsValues(from, to)).toBe(keeps)
})

/** SQL of one value in each of two files, and the type in which both are read where that is all right. */
const pairs = [
  ['9007199254740993::BIGINT', '1.5::DOUBLE', undefined],
  ['1::DECIMAL(38,0)', '1.5::DECIMAL(38,30)', undefined],
  ['true', '7::INTEGER', undefined],
  ["TIMESTAMP '2024-01-01'", "TIMESTAMPTZ '2024-01-01 00:00:00+00'", undefined],
  ["'\\xAA'::BLOB", "'x'", undefined],
  ["'{}'::JSON", "'x'", undefined],
  ["{'a': 9007199254740993}", "{'a': 1.5::DOUBLE}", undefined],
  ['1::INTEGER', '2::BIGINT', 'BIGINT'],
  ['1::INTEGER', "'x'", 'VARCHAR'],
  ["DATE '2024-01-01'", "TIMESTAMP '2024-01-01 10:00:00'", 'TIMESTAMP'],
  ["{'a': 1}", "{'a': 2::BIGINT, 'b': 3}", 'STRUCT(a BIGINT, b INTEGER)'],
] as const

test.each(pairs)('files with %s and %s', async (one, two, together) => {
  await pool.use(async (engine) => {
    const files = [one, two, one].map((value, i) => ({
      value,
      source: `in/${i}.parquet`,
      path: join(engine.directory, `${i}.parquet`),
    }))
    for (const { value, path } of files) {
      await engine.run(`COPY (SELECT 1 AS id, ${value} AS "C d") TO ${quoteLiteral(path)} (FORMAT parquet)`)
    }
    const described = describeParquet(engine, files)
    if (together === undefined) {
      await expect(described).rejects.toMatchObject({
        code: 'SOURCE_TYPES_DIFFER',
        message: expect.stringMatching(
          /^Column C d is .+ in in\/0\.parquet and .+ in in\/1\.parquet, and no one type/,
        ),
      })
    } else {
      expect(await described).toEqual([
        { name: 'id', input: 'INTEGER' },
        { name: 'C d', input: together },
      ])
    }
  })
})
