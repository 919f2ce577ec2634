import { describe, expect, it } from 'vitest'
import { parseType } from '../tables/types.ts'
import { typeFit } from './type-fit.ts'

describe('typeFit', () => {
  const columns = [
    'int',
    'decimal(38, 10)',
    'double',
    'boolean',
    'date',
    'timestamp',
    'timestamptz',
    'string',
  ]
  const matrix: Record<string, readonly string[]> = {
    int: [
      'same',
      'lossless',
      'lossless',
      'incompatible',
      'incompatible',
      'incompatible',
      'incompatible',
      'lossless',
    ],
    'decimal(9, 2)': [
      'narrowing',
      'lossless',
      'lossless',
      'incompatible',
      'incompatible',
      'incompatible',
      'incompatible',
      'lossless',
    ],
    float: [
      'narrowing',
      'narrowing',
      'widening',
      'incompatible',
      'incompatible',
      'incompatible',
      'incompatible',
      'lossless',
    ],
    boolean: [
      'incompatible',
      'incompatible',
      'incompatible',
      'same',
      'incompatible',
      'incompatible',
      'incompatible',
      'lossless',
    ],
    date: [
      'incompatible',
      'incompatible',
      'incompatible',
      'incompatible',
      'same',
      'lossless',
      'incompatible',
      'lossless',
    ],
    timestamp: [
      'incompatible',
      'incompatible',
      'incompatible',
      'incompatible',
      'narrowing',
      'same',
      'incompatible',
      'lossless',
    ],
    timestamptz: [
      'incompatible',
      'incompatible',
      'incompatible',
      'incompatible',
      'incompatible',
      'incompatible',
      'same',
      'lossless',
    ],
    string: ['by_text', 'by_text', 'by_text', 'by_text', 'by_text', 'by_text', 'by_text', 'same'],
  }
  it.each(Object.entries(matrix))('%s into each family', (from, fits) => {
    expect(columns.map((to) => typeFit(parseType(from), parseType(to)))).toEqual(fits)
  })

  it.each([
    ['int', 'long', 'widening'],
    ['long', 'int', 'narrowing'],
    ['long', 'double', 'narrowing'],
    ['int', 'float', 'narrowing'],
    ['int', 'decimal(9, 0)', 'narrowing'],
    ['int', 'decimal(10, 0)', 'lossless'],
    ['long', 'decimal(18, 0)', 'narrowing'],
    ['long', 'decimal(19, 0)', 'lossless'],
    ['decimal(5, 2)', 'decimal(9, 2)', 'widening'],
    ['decimal(5, 2)', 'decimal(7, 4)', 'lossless'],
    ['decimal(5, 2)', 'decimal(6, 4)', 'narrowing'],
    ['decimal(38, 10)', 'decimal(5, 2)', 'narrowing'],
    ['decimal(15, 2)', 'double', 'lossless'],
    ['decimal(16, 2)', 'double', 'narrowing'],
    ['decimal(6, 2)', 'float', 'lossless'],
    ['decimal(7, 2)', 'float', 'narrowing'],
    ['double', 'float', 'narrowing'],
    ['uuid', 'string', 'incompatible'],
    ['string', 'uuid', 'incompatible'],
    ['uuid', 'uuid', 'same'],
  ])('%s into %s: %s', (from, to, fit) => {
    expect(typeFit(parseType(from), parseType(to))).toBe(fit)
  })

  it('a type is what it is, not what its name contains', () => {
    // `point` and `interval` contain `int`: a matrix by names takes them for integers.
    const point = {
      kind: 'struct',
      fields: [{ id: 1, name: 'int', required: false, type: { kind: 'int' } }],
    } as const
    expect(typeFit(point, { kind: 'int' })).toBe('incompatible')
  })
})
