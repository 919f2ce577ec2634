import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openTestPool } from '../contract/scan.suite.ts'
import { makeRows } from './made.suite.ts'
import type { MaskingRule, Transformers, ValueRule } from './types.ts'

const pool = openTestPool()

/** A second opinion on values, hashes, filters and masks, in TypeScript and without SQL. */
interface Row {
  readonly s: string | null
  readonly n: number | null
  readonly d: string | null
}

const apply = <T, R>(value: T | null, change: (value: T) => R | null): R | null =>
  value === null ? null : change(value)

/** Characters of which more than one are made stay as they are, but for the two that have one in the other case. */
const byCharacter = (
  text: string,
  change: (one: string) => string,
  other: Readonly<Record<string, string>>,
) => [...text].map((one) => other[one] ?? ([...change(one)].length === 1 ? change(one) : one)).join('')

function valued(s: string | null, rule: ValueRule): string | null {
  switch (rule.operation) {
    case 'trim':
      return apply(s, (text) => text.replace(/^ +/, '').replace(/ +$/, ''))
    case 'upper':
      return apply(s, (text) => byCharacter(text, (one) => one.toUpperCase(), { ß: 'ẞ' }))
    case 'lower':
      return apply(s, (text) => byCharacter(text, (one) => one.toLowerCase(), { İ: 'i' }))
    case 'empty_to_null':
      return s === '' ? null : s
    case 'fill_null':
      return s ?? String(rule.value)
    case 'regex_replace':
      return apply(s, (text) => text.replace(new RegExp(rule.pattern, 'gu'), () => rule.replacement))
    case 'map':
      return apply(s, (text) =>
        Object.hasOwn(rule.mapping, text)
          ? (rule.mapping[text] as string)
          : rule.on_unmapped === 'null'
            ? null
            : text,
      )
  }
}

/** As the reference spells it out: `DCH1;S2:VN;I2:42;`, `DCH1;SN;I2:42;`. */
function hashOf(row: Row): string {
  const part = (letter: string, text: string | null) =>
    text === null ? `${letter}N;` : `${letter}${Buffer.byteLength(text)}:${text};`
  const payload = `DCH1;${part('S', row.s)}${part('I', apply(row.n, String))}${part('D', row.d)}`
  return createHash('sha256').update(payload).digest('hex')
}

/** The digests that the reference states, as far as it spells them out. */
test.each([
  [{ s: 'VN', n: 42 }, /^c7c8d107.*2195$/],
  [{ s: null, n: 42 }, /^2db3ac45.*1d85$/],
  [{ s: '', n: 42 }, /^f2d957d0.*d7e1$/],
])('dc_hash_v1 of %j', async ({ s, n }, digest) => {
  const { accepted } = await makeRows(pool, {
    transformers: { hash_columns: [{ name: 'h', columns: ['s', 'n'] }] },
    contract: { n: { type: 'integer' } },
    columns: ['s', 'n'],
    rows: [[s, String(n)]],
  })
  expect(accepted[0]?.h).toMatch(digest)
})

function masked(row: Row, rule: MaskingRule): Row {
  switch (rule.method) {
    case 'redact':
      return { ...row, s: apply(row.s, () => String(rule.value)) }
    case 'nullify':
      return { ...row, s: null }
    case 'partial':
      return {
        ...row,
        s: apply(row.s, (text) => {
          const all = [...text]
          if (all.length === 0) return ''
          if (all.length <= rule.keep_start + rule.keep_end) return rule.mask_char
          const end = rule.keep_end === 0 ? [] : all.slice(-rule.keep_end)
          return [...all.slice(0, rule.keep_start), rule.mask_char, ...end].join('')
        }),
      }
    case 'numeric_bucket':
      return { ...row, n: apply(row.n, (n) => Math.floor(n / rule.bucket_size) * rule.bucket_size) }
    case 'date_truncate':
      return {
        ...row,
        d: apply(
          row.d,
          (d) => ({ year: `${d.slice(0, 4)}-01-01`, month: `${d.slice(0, 7)}-01` })[rule.unit as 'year'] ?? d,
        ),
      }
  }
}

/** Three-valued: NULL is not true. */
const filters: readonly { readonly sql: string; readonly keeps: (row: Row) => boolean }[] = [
  { sql: 'n > 3', keeps: ({ n }) => n !== null && n > 3 },
  { sql: 'NOT (n > 3)', keeps: ({ n }) => n !== null && n <= 3 },
  { sql: 'n > 3 OR s IS NULL', keeps: ({ n, s }) => s === null || (n !== null && n > 3) },
  {
    sql: "NOT (n > 3 AND d < DATE '2020-01-01')",
    keeps: ({ n, d }) => (n !== null && n <= 3) || (d !== null && d >= '2020-01-01'),
  },
  { sql: "s NOT IN ('a', 'B')", keeps: ({ s }) => s !== null && s !== 'a' && s !== 'B' },
  { sql: "coalesce(s, 'x') <> ''", keeps: ({ s }) => s !== '' },
  { sql: 's = s', keeps: ({ s }) => s !== null },
]

const characters = [...'aBz éÉßİΩωЯя1;:"\'\\\t\u0301👍𐐨𐐀', 'e\u0301', '  ', 'NULL']
const text = fc.array(fc.constantFrom(...characters), { maxLength: 6 }).map((parts) => parts.join(''))
const anyRow: fc.Arbitrary<Row> = fc.record({
  s: fc.option(fc.oneof(text, fc.constantFrom('', 'a', 'B'))),
  n: fc.option(fc.integer({ min: -25, max: 25 })),
  d: fc.option(fc.constantFrom('0001-01-01', '1999-12-31', '2020-02-29', '9999-12-31')),
})
const on = { columns: ['s'] }
const anyValue: fc.Arbitrary<ValueRule> = fc.oneof(
  fc
    .constantFrom('trim', 'upper', 'lower', 'empty_to_null')
    .map((operation) => ({ ...on, operation }) as ValueRule),
  text.map((value) => ({ ...on, operation: 'fill_null', value }) as const),
  fc
    .tuple(fc.constantFrom('[0-9]+', 'é', '^ ', 'a|B', '[^a-z]', '\\\\', '$'), text)
    .map(([pattern, replacement]) => ({ ...on, operation: 'regex_replace', pattern, replacement }) as const),
  fc
    .tuple(
      fc.dictionary(fc.constantFrom('a', 'B', '', ' ', '__proto__'), text, { minKeys: 1 }),
      fc.constantFrom('keep', 'null'),
    )
    .map(([mapping, on_unmapped]) => ({ ...on, operation: 'map', mapping, on_unmapped }) as ValueRule),
)
const kept = fc.integer({ min: 0, max: 3 })
const anyMask: fc.Arbitrary<MaskingRule> = fc.oneof(
  text.map((value) => ({ ...on, method: 'redact', value }) as const),
  fc.constant({ ...on, method: 'nullify' } as const),
  fc
    .tuple(kept, kept, fc.constantFrom('*', "'", '👍'))
    .map(
      ([keep_start, keep_end, mask_char]) =>
        ({ ...on, method: 'partial', keep_start, keep_end, mask_char }) as const,
    ),
  fc
    .constantFrom(1, 7, 10)
    .map((bucket_size) => ({ columns: ['n'], method: 'numeric_bucket', bucket_size }) as const),
  fc
    .constantFrom('year', 'month', 'day')
    .map((unit) => ({ columns: ['d'], method: 'date_truncate', unit }) as MaskingRule),
)
const anySteps = fc.record({
  values: fc.array(anyValue, { maxLength: 3 }),
  filter: fc.option(fc.constantFrom(...filters)),
  masking: fc.array(anyMask, { maxLength: 3 }),
})

test('values, hashes, filters and masks come to what a model without SQL has', async () => {
  const check = async (
    rows: readonly Row[],
    { values, filter, masking }: typeof anySteps extends fc.Arbitrary<infer T> ? T : never,
  ) => {
    const transformers: Transformers = {
      ...(values.length === 0 ? {} : { values }),
      hash_columns: [{ name: 'h', columns: ['s', 'n', 'd'] }],
      ...(filter === null ? {} : { filter: filter.sql }),
      ...(masking.length === 0 ? {} : { masking }),
      rename: { s: 'Text Value' },
    }
    const { accepted, result } = await makeRows(pool, {
      transformers,
      contract: { n: { type: 'bigint' }, d: { type: 'date' } },
      columns: ['s', 'n', 'd', 'i'],
      rows: rows.map(({ s, n, d }, i) => [s, apply(n, String), d, String(i)]),
    })
    const expected = rows.flatMap((row, i) => {
      const changed = { ...row, s: values.reduce(valued, row.s) }
      if (filter !== null && !filter.keeps(changed)) return []
      const { s, n, d } = masking.reduce(masked, changed)
      return [{ text_value: s, n: apply(n, BigInt), d, i: String(i), h: hashOf(changed) }]
    })
    const byNumber = accepted.toSorted((a, b) => Number(a.i) - Number(b.i))
    expect(byNumber).toEqual(expected)
    expect(result).toMatchObject({
      rows_read: rows.length,
      rows_filtered: rows.length - expected.length,
      rows_rejected: 0,
    })
  }
  const some = fc.array(anyRow, { minLength: 1, maxLength: 8 })
  await fc.assert(fc.asyncProperty(some, anySteps, check), {
    numRuns: Number(process.env.TRANSFORMER_CASES ?? 50),
  })
}, 60_000)
