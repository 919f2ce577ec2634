import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseLossless, printLossless } from './lossless-json.ts'

test('a 63-bit id survives, which JSON.parse alone would change', () => {
  const text =
    '{"snapshot-id":7588721733425183431,"n":[9007199254740993,-9223372036854775808,12,1.5,"7588721733425183431"]}'
  expect(printLossless(parseLossless(text))).toBe(text)
  expect(JSON.stringify(JSON.parse(text))).not.toBe(text)
  expect(parseLossless(text)).toMatchObject({ 'snapshot-id': 7588721733425183431n })
})

test('a bigint prints as a number, however small', () => {
  expect(printLossless({ a: 5n, b: [2n ** 62n] })).toBe('{"a":5,"b":[4611686018427387904]}')
})

test('any JSON with any integers survives', () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      fc.string(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(null, true, false),
      fc.array(tie('any')),
      fc.dictionary(fc.string(), tie('any')),
    ),
  })).any
  fc.assert(
    fc.property(value, (json) => {
      const text = printLossless(json)
      expect(printLossless(parseLossless(text))).toBe(text)
    }),
  )
})
