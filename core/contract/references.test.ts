import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quoteLiteral } from '../engine/sql.ts'
import type { ColumnType } from './column-types.ts'
import { countUnmatched, isComparable } from './references.ts'
import { openTestPool } from './scan.suite.ts'

const pool = openTestPool(1)

const row = fc.record({
  a: fc.option(fc.constantFrom('', 'x', 'X', 'x,y'), { freq: 4 }),
  b: fc.option(fc.integer({ min: 0, max: 2 }), { freq: 4 }),
})
type Row = typeof row extends fc.Arbitrary<infer T> ? T : never

function selectOf(rows: readonly Row[]): string {
  const values = rows.map(({ a, b }) => `(${a === null ? 'NULL' : quoteLiteral(a)}, ${b})`)
  return `SELECT CAST(a AS VARCHAR) AS a, CAST(b AS INTEGER) AS b FROM (VALUES ${['(NULL, NULL)', ...values].join(', ')}) t(a, b)`
}

test('values that are in no row of the other table: as two plain sets say', async () => {
  await pool.use(async (engine) => {
    const check = async (rows: readonly Row[], table: readonly Row[]) => {
      for (const columns of [['a'], ['b', 'a']] as const) {
        const keys = (of: readonly Row[]) =>
          new Set(
            of
              .map((each) => columns.map((name) => each[name]))
              .filter((key) => !key.includes(null))
              .map((key) => JSON.stringify(key)),
          )
        const there = keys(table)
        const expected = [...keys(rows)].filter((key) => !there.has(key)).length
        const pairs = columns.map((column) => ({ column, to: column }))
        expect(await countUnmatched(engine, selectOf(rows), selectOf(table), pairs)).toBe(expected)
      }
    }
    const rows = fc.array(row, { maxLength: 8 })
    await fc.assert(fc.asyncProperty(rows, rows, check), { numRuns: 60 })
  })
})

test.each<[ColumnType, ColumnType, boolean]>([
  [{ type: 'integer' }, { type: 'bigint' }, true],
  [{ type: 'bigint' }, { type: 'decimal', precision: 20, scale: 2 }, true],
  [{ type: 'float' }, { type: 'double' }, true],
  [{ type: 'bigint' }, { type: 'double' }, false],
  [{ type: 'bigint' }, { type: 'string' }, false],
  [{ type: 'date' }, { type: 'timestamp' }, true],
  [{ type: 'timestamp' }, { type: 'timestamp_tz' }, false],
  [{ type: 'uuid' }, { type: 'string' }, false],
])('%j and %j', (a, b, comparable) => {
  expect([isComparable(a, b), isComparable(b, a)]).toEqual([comparable, comparable])
})
