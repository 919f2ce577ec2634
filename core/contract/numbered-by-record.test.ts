import { readdirSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { columnsOf, csvInput, openTestPool, scanAll } from './scan.suite.ts'

const pool = openTestPool(2)
const names = ['id', 'n', 't']
const columns = columnsOf({ id: { type: 'bigint' }, n: { type: 'integer' }, t: { type: 'string' } })

/** A field of one row: its value, and whether the file quotes it where it need not. */
const text = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: fc.constantFrom('a', 'é', '–', ' ', '0', 'N'), maxLength: 3 }) },
  {
    weight: 1,
    arbitrary: fc.string({ unit: fc.constantFrom('a', '"', ';', ',', '$', '=', '\n'), maxLength: 4 }),
  },
  { weight: 1, arbitrary: fc.constant(null) },
)
const row = fc.record({
  id: fc.integer({ min: 0, max: 20 }),
  n: fc.constantFrom('1', '2', 'x'),
  t: text,
  isQuoted: fc.boolean(),
})
/** Lines beside the rows; one that does not fit is no row. */
const element = fc.oneof(
  { weight: 8, arbitrary: row },
  { weight: 1, arbitrary: fc.constantFrom('', '7', '1;2;3;4') },
)

const formats = fc.record({
  delimiter: fc.constantFrom(';', ',', '$'),
  header: fc.boolean(),
  lineEnd: fc.constantFrom('\n', '\r\n'),
  endsWithLine: fc.boolean(),
  null_values: fc.constantFrom([''], ['NA'], ['', 'NA']),
  mark: fc.constantFrom('', '\uFEFF'),
})

test('every rejected row has the number of its record, however the file is written', async () => {
  let found = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(element, { maxLength: 14 }), { minLength: 1, maxLength: 3 }),
      formats,
      async (files, format) => {
        const { delimiter, header, lineEnd, endsWithLine, null_values, mark } = format
        const field = (value: string | null, isQuoted: boolean) => {
          if (value === null) return null_values.at(-1)!
          const needsQuotes =
            isQuoted || (null_values as readonly string[]).includes(value) || /["\r\n;,$]/.test(value)
          return needsQuotes ? `"${value.replaceAll('"', '""')}"` : value
        }
        const expected: string[] = []
        await pool.use(async (engine) => {
          const inputs = files.map((elements, i) => {
            let number = 0
            const lines = elements.map((one) => {
              if (typeof one === 'string') return one.replaceAll(';', delimiter)
              number++
              const t = one.t === null ? null : one.t.replaceAll('\n', lineEnd)
              const raw = { id: String(one.id), n: one.n, t }
              if (one.n === 'x') expected.push(`${i} ${number} ${JSON.stringify(raw)}`)
              return [String(one.id), field(one.n, one.isQuoted), field(t, one.isQuoted)].join(delimiter)
            })
            const all = [...(header ? [names.join(delimiter)] : []), ...lines]
            const body = mark + all.join(lineEnd) + (endsWithLine ? lineEnd : '')
            return csvInput(engine, body, names, {
              name: `${i}.csv`,
              dialect: { delimiter, header, null_values },
            })
          })
          const { rejected } = await scanAll(engine, { inputs, columns, pii_policy: 'preserve' })
          const rows = rejected.filter(({ source_row }) => source_row !== null)
          expect(
            rows
              .map(({ source_file, source_row, raw }) => `${/\d/.exec(source_file)} ${source_row} ${raw}`)
              .sort(),
          ).toEqual(expected.sort())
          if (readdirSync(engine.directory).some((name) => name.startsWith('numbered-by-record-'))) found++
        })
      },
    ),
    { numRuns: 60 },
  )
  expect(found).toBeGreaterThan(15)
})

test('so many rejected rows have numbers as no call has room for arguments', async () => {
  await pool.use(async (engine) => {
    const rows = Array.from({ length: 150_000 }, (_, i) => `${i},x,a`)
    const inputs = [csvInput(engine, `id,n,t\n${rows.join('\n')}\n`, names)]
    const { rejected } = await scanAll(engine, { inputs, columns })
    expect(rejected.map(({ source_row }) => Number(source_row)).sort((a, b) => a - b)).toEqual(
      rows.map((_, i) => i + 1),
    )
    expect(readdirSync(engine.directory).some((name) => name.startsWith('numbered-by-record-'))).toBe(true)
  })
})
