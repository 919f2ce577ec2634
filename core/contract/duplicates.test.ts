import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quoteLiteral } from '../engine/sql.ts'
import { countDuplicates } from './duplicates.ts'
import { openTestPool } from './scan.suite.ts'

const pool = openTestPool(1)

test('distinct values that occur more than once, NULL not among them', async () => {
  await pool.use(async (engine) => {
    const path = join(engine.directory, 'p')
    await engine.run(
      `COPY (SELECT unnest([1, 2, 2, 2, 3, 3, NULL, NULL]) AS "k k") TO ${quoteLiteral(path)} (FORMAT parquet)`,
    )
    const rows = `SELECT * FROM read_parquet(${quoteLiteral(path)})`
    expect(await countDuplicates(engine, rows, ['k k'])).toBe(2)
    expect(await countDuplicates(engine, `${rows} WHERE "k k" IS NULL OR "k k" = 1`, ['k k'])).toBe(0)
  })
})

const row = fc.record({
  a: fc.option(fc.constantFrom('', 'x', 'X', 'x,y'), { freq: 4 }),
  b: fc.option(fc.integer({ min: 0, max: 2 }), { freq: 4 }),
  c: fc.boolean(),
})

test('several columns together: as a plain count over the rows says', async () => {
  await pool.use(async (engine) => {
    const check = async (rows: readonly (typeof row extends fc.Arbitrary<infer T> ? T : never)[]) => {
      const values = rows.map(({ a, b, c }) => `(${a === null ? 'NULL' : quoteLiteral(a)}, ${b}, ${c})`)
      const sql = `SELECT * FROM (VALUES ${values.join(', ')}) t(a, b, c)`
      for (const columns of [['a'], ['a', 'b'], ['b', 'a', 'c']] as const) {
        const counts = new Map<string, number>()
        for (const each of rows) {
          const key = columns.map((name) => each[name])
          if (key.includes(null)) continue
          counts.set(JSON.stringify(key), (counts.get(JSON.stringify(key)) ?? 0) + 1)
        }
        const expected = [...counts.values()].filter((count) => count > 1).length
        expect(await countDuplicates(engine, sql, columns)).toBe(expected)
      }
    }
    await fc.assert(fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 12 }), check), { numRuns: 60 })
  })
})
