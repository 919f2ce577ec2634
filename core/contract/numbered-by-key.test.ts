import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { columnsOf, openTestPool, scanAll } from './scan.suite.ts'
import type { ScanInput } from './scan.ts'

const pool = openTestPool(2)
const names = ['id', 'n']
const columns = columnsOf({ id: { type: 'bigint' }, n: { type: 'integer' } })

/** Few ids, so that rejected rows share theirs with each other and with good ones, or have none. */
const rows = fc.array(
  fc.record({ id: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.constant('')), n: fc.constantFrom('1', 'x') }),
  { minLength: 1, maxLength: 20 },
)

test('rejected rows have their own numbers, whether or not a column tells them apart', async () => {
  await fc.assert(
    fc.asyncProperty(rows, async (given) => {
      const bad = given.flatMap(({ id, n }, i) =>
        n === 'x' ? [{ id: String(id), number: BigInt(i + 1) }] : [],
      )
      await pool.use(async (engine) => {
        const path = join(engine.directory, 'in.ndjson')
        writeFileSync(
          path,
          given.map(({ id, n }) => JSON.stringify(id === '' ? { n } : { id, n })).join('\n'),
        )
        const input: ScanInput = {
          kind: 'json',
          source: 'landing/in.ndjson',
          path,
          columns: names,
          format: 'ndjson',
          compression: 'none',
        }
        const { rejected } = await scanAll(engine, { inputs: [input], columns, pii_policy: 'preserve' })
        expect(
          rejected.map(({ source_row, raw }) => ({ id: JSON.parse(raw!).id ?? '', number: source_row })),
        ).toEqual(bad)
        const isToldApart = bad.every(
          ({ id }) => id !== '' && given.filter((row) => String(row.id) === id).length === 1,
        )
        const judgedAgain = readdirSync(engine.directory).some((name) => name.startsWith('numbered-0-'))
        expect(judgedAgain).toBe(bad.length > 0 && !isToldApart)
      })
    }),
    { numRuns: 40 },
  )
})
