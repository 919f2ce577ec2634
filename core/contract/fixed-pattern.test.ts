import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quoteLiteral } from '../engine/sql.ts'
import { fixedGlob } from './fixed-pattern.ts'
import { openTestPool } from './scan.suite.ts'

const pool = openTestPool(1)

test.each([
  ['SKU-[0-9]{5}', 'SKU-[0-9][0-9][0-9][0-9][0-9]'],
  ['C\\d\\d', 'C[0-9][0-9]'],
  ['[A-Z]{2}_[0-9A-Fa-f]', '[A-Z][A-Z]_[0-9A-Fa-f]'],
])('%s', (pattern, glob) => expect(fixedGlob(pattern)).toBe(glob))

test.each([
  '',
  'a*',
  'a+',
  'a?',
  'a.b',
  'a|b',
  '(ab)',
  '[^a]',
  '[!a]',
  '[a-',
  '[]',
  '[b-a]',
  '[a-Z]',
  'a{2,3}',
  'a{0}',
  'a{1000}',
  '{2}',
  'a\\.b',
  '\\w',
  '^a$',
  'é',
  '[é]',
  '[a-c]',
  'a{50}',
  '[[:alpha:]]',
  '[\\d]',
  'a{2}{3}',
  ']',
  '}',
])('%s is left to RE2', (pattern) => expect(fixedGlob(pattern)).toBeUndefined())

const letters = [
  'a',
  'g',
  'z',
  'A',
  'F',
  'Z',
  '0',
  '9',
  '-',
  '_',
  ' ',
  '!',
  "'",
  '"',
  'é',
  '\n',
  ']',
  '*',
  '\\',
]
const piece = fc.tuple(
  fc.constantFrom('a', 'Z', '9', '-', '!', "'", ' ', '\\d', '[0-9]', '[a-f]', '[A-Z0-9]', '[a-zA]', '[az]'),
  fc.constantFrom('', '', '{1}', '{2}'),
)

test('what it matches is what RE2 matches', async () => {
  const patterns = fc.array(piece, { minLength: 1, maxLength: 3 }).map((pieces) => pieces.flat().join(''))
  const texts = fc.array(fc.string({ unit: fc.constantFrom(...letters), maxLength: 4 }), {
    minLength: 40,
    maxLength: 40,
  })
  let matched = 0
  await pool.use(async (engine) => {
    await fc.assert(
      fc.asyncProperty(patterns, texts, async (pattern, all) => {
        const glob = fixedGlob(pattern)
        expect(glob).toBeDefined()
        const rows = await engine.rows<{ text: string; glob: boolean; re2: boolean }>(
          `SELECT text, text GLOB ${quoteLiteral(glob as string)} AS glob, regexp_full_match(text, ${quoteLiteral(pattern)}) AS re2
           FROM (SELECT unnest([${all.map(quoteLiteral).join(', ')}]) AS text)`,
        )
        expect(rows.filter((row) => row.glob !== row.re2)).toEqual([])
        matched += rows.filter((row) => row.glob).length
      }),
      { numRuns: 200 },
    )
  })
  expect(matched).toBeGreaterThan(20)
})
