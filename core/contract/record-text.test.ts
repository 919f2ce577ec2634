import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { quoteLiteral } from '../engine/sql.ts'
import {
  type Fields,
  hasNull,
  inOrder,
  isUnambiguous,
  lineOf,
  recordText,
  recordTextSql,
} from './record-text.ts'
import { openTestPool } from './scan.suite.ts'

const pool = openTestPool(1)
const field = fc.option(
  fc.string({ unit: fc.constantFrom('a', '=', ',', '"', '\n', '\r', '\\', 'é', '$') }),
  {
    nil: null,
  },
)
const records = fc.array(field, { minLength: 1, maxLength: 4 })
const format = { header: true, delimiter: ',', quote: '"', nulls: ['', 'a'] }

test('the engine and the reader of files make the same text of a record, and of no other', async () => {
  await pool.use(async (engine) => {
    await fc.assert(
      fc.asyncProperty(records, records, async (fields, others) => {
        const literals = fields.map((value) =>
          value === null ? 'CAST(NULL AS VARCHAR)' : quoteLiteral(value),
        )
        const [row] = await engine.rows<{ text: string }>(`SELECT ${recordTextSql(literals)} AS text`)
        const text = recordText(fields)
        expect(row?.text).toBe(text)
        expect(isUnambiguous(text, fields.length)).toBe(true)
        expect(hasNull(text)).toBe(fields.includes(null))
        expect(recordText(others) === text).toBe(JSON.stringify(others) === JSON.stringify(fields))
      }),
      { numRuns: 200 },
    )
  })
})

test('a line without quotes reads as its record', () => {
  let lines = 0
  fc.assert(
    fc.property(records, (fields) => {
      const line = lineOf(recordText(fields), format)
      const needsQuotes = fields.some(
        (value) => value !== null && (/[",\n\r]/.test(value) || format.nulls.includes(value)),
      )
      expect(line === undefined).toBe(needsQuotes)
      if (line === undefined) return
      lines++
      expect(line.split(',').map((value): string | null => (value === '' ? null : value))).toEqual(fields)
    }),
  )
  expect(lines).toBeGreaterThan(5)
})

describe('fields', () => {
  const fields: Fields = ['1', null, '', '$&']
  test('come in another order', () => {
    expect(inOrder(recordText(fields), [3, 1, 0])).toBe(recordText(['$&', null, '1']))
  })
  test('that hold what ends a field are ambiguous', () => {
    expect(isUnambiguous(recordText(['a\x7f=b']), 1)).toBe(false)
  })
})
