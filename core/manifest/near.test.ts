import { expect, test } from 'vitest'
import { nearest, suggest } from './near.ts'

test.each([
  ['enforcment', 'enforcement'],
  ['Enforcement', 'enforcement'],
  ['depends-on', 'depends_on'],
  ['dependsOn', 'depends_on'],
  ['snik', 'sink'],
  ['tag', 'tags'],
])('%s means %s', (word, meant) => {
  expect(nearest(word, ['tags', 'sink', 'enforcement', 'depends_on', 'description'])).toBe(meant)
})

test.each(['partition', 'xy', '', 'sunk_cost'])('%j means none of them', (word) => {
  expect(nearest(word, ['tags', 'sink', 'enforcement'])).toBeUndefined()
})

test('the nearest wins, then the first in order, and the known words are listed otherwise', () => {
  expect(nearest('cat', ['cut', 'car', 'cart'])).toBe('car')
  expect(suggest('x', ['b', 'a'], 'Known', 'none')).toBe('Known: a, b')
  expect(suggest('x', [], 'Known', 'Remove it')).toBe('Remove it')
  const many = Array.from({ length: 25 }, (_, i) => `word_${String.fromCharCode(97 + i)}`)
  expect(suggest('zzz', many, 'Known', '')).toMatch(/word_t and 5 more$/)
})
