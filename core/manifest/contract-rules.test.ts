import { expect, test } from 'vitest'
import type { ColumnContract } from '../contract/types.ts'
import { checkColumns } from './contract-rules.ts'

function problems(column: Partial<ColumnContract>): string[] {
  const found: string[] = []
  checkColumns({ columns: { c: column } }, (path, message, hint) =>
    found.push(`${path.join('.')}: ${message}. ${hint}`),
  )
  return found
}

test.each<[Partial<ColumnContract>, string[]]>([
  [{ type: 'decimal', precision: 9, scale: 9, min: '0.1', max: '0.5' }, []],
  [{ type: 'string', pattern: 'x+', accepted_values: ['a'], unique: true }, []],
  [{ pattern: 'x', precision: 3 }, []],
  [
    { type: 'date', min: '2024-01-01', max: '2023-01-01' },
    [
      'contract.columns.c.min: min 2024-01-01 is greater than max 2023-01-01. Every value would be rejected: swap them',
    ],
  ],
  [
    { type: 'decimal', scale: 2 },
    ['contract.columns.c.type: type decimal needs a precision. Add it: the number of digits in all, 1 to 38'],
  ],
  [
    { type: 'integer', pattern: 'x', min: 'abc' },
    [
      'contract.columns.c.min: min "abc" is not a value of type integer. docs/contracts.md has the spellings of each type',
      'contract.columns.c.pattern: pattern does not apply to type integer. It judges strings: remove it',
    ],
  ],
])('%j', (column, expected) => {
  expect(problems(column)).toEqual(expected)
})
