import { expect, test } from 'vitest'
import { resultText } from './contract/checks.ts'
import { counted } from './words.ts'

test('one is singular, none and many are plural', () => {
  expect([0, 1, 2].map((count) => counted(count, 'row'))).toEqual(['0 rows', '1 row', '2 rows'])
  expect([1n, 2n].map((count) => counted(count, 'value occurs', 'values occur'))).toEqual([
    '1 value occurs',
    '2 values occur',
  ])
})

test.each([
  ['unique', '1 value occurs more than once', '2 values occur more than once'],
  ['row_count', '1 row, at most 0 are wanted', '2 rows, at most 0 are wanted'],
  [
    'references',
    '1 value is not in the table that it refers to',
    '2 values are not in the table that they refer to',
  ],
  ['row_count_reconciliation', '1 row, and', '2 rows, and'],
  ['sql', 'its SQL has 1 row, each', 'its SQL has 2 rows, each'],
  ['freshness', 'is 1 second old', 'is 2 seconds old'],
] as const)('the result of a check %s counts so, too', (check, one, two) => {
  const text = (measured: number) => resultText({ check, measured, limit: { max: 0 } as never })
  expect(text(1)).toContain(one)
  expect(text(2)).toContain(two)
})
