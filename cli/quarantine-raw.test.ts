import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dialect, openTestPool } from '../core/contract/scan.suite.ts'
import type { CsvDialect } from '../core/contract/scan.ts'
import { quoteLiteral } from '../core/engine/sql.ts'
import { rawCsv, writeRawLines } from './quarantine-raw.ts'

const pool = openTestPool()

type Raw = Readonly<Record<string, string | null>>

/** Writes the rows as CSV of the dialect. */
async function written(rows: readonly Raw[], more: Partial<CsvDialect> = {}) {
  return await pool.use(async (engine) => {
    const values = rows.map(
      (row, i) => `('${String(i).padStart(32, '0')}', ${i}, ${quoteLiteral(JSON.stringify(row))})`,
    )
    const others = `false AS acknowledged, 'a' AS source_file, 'v' AS source_version, 1 AS source_row, NULL AS source_line,
      [{'code': 'contract.max'}] AS reasons, 'c' AS contract_sha256, now() AS first_seen, now() AS last_seen, 0 AS part`
    await engine.run(
      `CREATE TABLE kept AS SELECT *, ${others} FROM (VALUES ${values.join(', ')}) t(row_id, file_row_number, raw)`,
    )
    const open = { engine, rows: 'kept', parts: [rows.length] }
    const lines = { path: join(engine.directory, 'raw.ndjson'), where: 'true' }
    await writeRawLines(open, 'true', lines.path, true)
    const path = join(engine.directory, 'raw.csv')
    const isSame = await rawCsv(open, lines, path, { ...dialect, ...more })
    return { isSame, text: readFileSync(path, 'utf8') }
  })
}

test('rows are written as the dataflow reads them: what is quoted is a text, what is not is NULL', async () => {
  const rows = [
    { a: '9', b: null },
    { a: 'x;y', b: '' },
    { a: `it's`, b: 'NA' },
  ]
  const { isSame, text } = await written(rows, {
    delimiter: ';',
    quote: "'",
    escape: '\\',
    null_values: ['NA'],
  })
  expect(isSame).toBe(true)
  expect(text.split('\n').map((line) => line.slice(line.indexOf(';')))).toEqual([
    `;'a';'b'`,
    `;'9';NA`,
    `;'x;y';''`,
    `;'it\\'s';'NA'`,
    '',
  ])
})

test('a column may be called as the text of a broken line is', async () => {
  const { isSame, text } = await written([{ _line: '9' }])
  expect(isSame).toBe(true)
  expect(text).toContain(',"9"')
})

const cell = fc.option(
  fc.oneof(
    fc.constantFrom('', 'NA', '"', '\\', ';', ',', 'a\nb', 'a\r\nb', ' a ', '\ufeffa', '\\"'),
    fc.string(),
  ),
)

test('whatever stands in a text, with quotes there is a spelling for it', async () => {
  const dialects = fc.record({
    delimiter: fc.constantFrom(',', ';', '\t', '|'),
    escape: fc.constantFrom('"', '\\'),
    null_values: fc.constantFrom([''], ['NA'], ['NA', ''], ['-']),
  })
  const rows = fc.array(fc.record({ a: cell, b: cell }), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(rows, dialects, async (some, each) => {
      expect((await written(some, each)).isSame).toBe(true)
    }),
    { numRuns: 60 },
  )
})

test.each<[string, Raw, Partial<CsvDialect>]>([
  ['a missing value without a spelling of NULL', { a: null }, { null_values: [] }],
  ['a delimiter without quotes', { a: 'x,y' }, { quote: '', escape: '' }],
  ['a quote that nothing escapes', { a: 'x"y' }, { escape: '' }],
])('%s cannot be written', async (_title, row, more) => {
  expect((await written([row], more)).isSame).toBe(false)
})
