import { expect, test } from 'vitest'
import type { ColumnContract } from '../contract/types.ts'
import { checkColumns } from './contract-rules.ts'

function problems(column: Partial<ColumnContract>): string[] {
  const found: string[] = []
  checkColumns({ c: column }, (path, message, hint) => found.push(`${path.join('.')}: ${message}. ${hint}`))
  return found
}

test.each<[Partial<ColumnContract>, string[]]>([
  [{ type: 'decimal', precision: 9, scale: 9, min: '0.1', max: 5 }, []],
  [{ type: 'string', pattern: 'x+', accepted_values: ['a'], unique: true }, []],
  [{ type: 'date', min: '2024-01-01', max: '2023-01-01' }, []],
  [{ pattern: 'x', precision: 3 }, []],
  [
    { type: 'decimal', scale: 2 },
    ['contract.columns.c: `type: decimal` needs `precision`. Add it: the number of digits in all, 1 to 38'],
  ],
  [
    { type: 'decimal', precision: 2, scale: 3 },
    [
      'contract.columns.c.scale: `scale: 3` is larger than `precision: 2`. precision counts all digits, those after the point, too',
    ],
  ],
  [
    { type: 'integer', precision: 9, pattern: 'x', min: 3, max: 2 },
    [
      'contract.columns.c.precision: `precision` has no meaning for `type: integer`, only for decimals. Remove it, or use type: decimal',
      'contract.columns.c.pattern: `pattern` has no meaning for `type: integer`, only for strings. Remove it',
      'contract.columns.c.max: `max: 2` is less than `min: 3`. No value can pass: swap them',
    ],
  ],
  [
    { type: 'boolean', min: 0 },
    [
      'contract.columns.c.min: `min` has no meaning for `type: boolean`, only for numbers, dates and timestamps. Remove it',
    ],
  ],
])('%j', (column, expected) => {
  expect(problems(column)).toEqual(expected)
})
