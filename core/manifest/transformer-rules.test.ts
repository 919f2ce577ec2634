import { expect, test } from 'vitest'
import { problemsOf } from './test-project.suite.ts'

/** The problems of one dataflow; places are within the line that is given. */
async function problems(
  transformers: string,
  more: { readonly source?: string; readonly sink?: string; readonly contract?: string } = {},
): Promise<string[]> {
  const text = `version: 1
project: shop
connections: { landing: { type: files, path: ./landing }, lake: { type: lake } }
dataflows:
  - name: a
    source: { connection: landing, path: a.csv, format: csv${more.source ?? ''} }
    sink: { connection: lake, table: t.a, load_type: append${more.sink ?? ''} }
    contract: { columns: {${more.contract ?? ''}} }
    transformers: ${transformers}
`
  const lines = await problemsOf({ 'sluice.yaml': text })
  return lines.map((line) => line.replace('sluice.yaml:9:', ''))
}

test.each<[string, readonly RegExp[]]>([
  ['{}', [/^5:\d+: .*it is empty, and would change nothing|transformers/i]],
  ['{ values: [] }', [/`values` is an empty list/]],
  ['{ rename: {} }', [/is empty, and would change nothing/i]],
  ['{ formats: {} }', [/is empty, and would change nothing/i]],
  ['{ values: [{ operation: trim, columns: [] }] }', [/`columns` is an empty list/]],
  ['{ values: [{ operation: trimm, columns: [a] }] }', [/trimm/]],
  ['{ values: [{ operation: trim, columns: [a], pattern: x }] }', [/unknown key `pattern`/]],
  ['{ values: [{ operation: trim, columns: [a, A] }] }', [/`A` stands in this list twice/]],
  ['{ values: [{ operation: map, columns: [a], mapping: {} }] }', [/is empty, and would change nothing/i]],
  ['{ values: [{ operation: regex_replace, columns: [a], pattern: "(?=x)" }] }', [/looks around/]],
  [
    `{ values: [{ operation: regex_replace, columns: [a], pattern: "${'x'.repeat(4097)}" }] }`,
    [/has 4097 characters. It must have at most 4096/],
  ],
  ['{ formats: { d: dd/MM/yy } }', [/two-digit years/i]],
  ['{ masking: [{ method: numeric_bucket, columns: [a], bucket_size: 0 }] }', [/bucket_size/]],
  ['{ masking: [{ method: partial, columns: [a], mask_char: "**" }] }', [/one character/]],
  ['{ masking: [{ method: partial, columns: [a], keep_start: -1 }] }', [/at least 0/]],
  ['{ hash_columns: [{ name: _sluice_h, columns: [a] }] }', [/begin with _sluice_/]],
  [
    '{ hash_columns: [{ name: h, columns: [a] }, { name: H, columns: [b] }] }',
    [/there is a new column `h` already/],
  ],
  [
    '{ hash_columns: [{ name: h, columns: [a] }], computed: [{ name: H, expr: a }] }',
    [/there is a new column `h` already/],
  ],
  ['{ computed: [{ name: a, expr: "" }] }', [/`expr` is an empty text/]],
  ['{ deduplicate: { columns: [a] } }', [/`latest_by` is missing/]],
  ['{ deduplicate: { columns: [a, A], latest_by: [b] } }', [/`A` stands in this list twice/]],
  [
    '{ deduplicate: { columns: [a], latest_by: [b] }, masking: [{ method: nullify, columns: [A] }] }',
    [/`A` tells which rows are one, and is not masked/],
  ],
  ['{ select: [a], drop: [b] }', [/`select` and `drop` are both given/]],
  ['{ drop: [a], masking: [{ method: nullify, columns: [A] }] }', [/`A` does not get into the table/]],
  ['{ select: [a], rename: { b: c } }', [/`b` does not get into the table/]],
  ['{ rename: { a: A } }', [/called `A` in the table anyhow/]],
  ['{ rename: { a: c, b: C } }', [/`a` is renamed to `C`, too/]],
  ['{ rename: { a: b, b: c } }', [/`b` is renamed itself/]],
  ['{ hash_columns: [{ name: h, columns: [a], algorithm: xxhash64 }] }', [/unknown key `algorithm`/]],
])('%s', async (transformers, expected) => {
  const found = await problems(transformers)
  expect(found).toHaveLength(expected.length)
  for (const [i, pattern] of expected.entries()) expect(found[i]).toMatch(pattern)
})

test('columns that decide what is new, or where a row lies, are not masked', async () => {
  const mask = '{ rename: { d: day }, masking: [{ method: nullify, columns: [D, ts] }] }'
  const physical = ', physical: { partition_by: [month(day)] }'
  const contract = ' ts: { type: timestamp } '
  expect(await problems(mask, { source: ', watermark_columns: [ts]', sink: physical, contract })).toEqual([
    '80: `D` partitions the table, and is not masked. Mask another column.',
    '83: `ts` tells new rows from old ones, and is not masked. Mask another column.',
  ])
})

test('where the contract says the type, values, formats and masks are held to it', async () => {
  const contract = ' n: { type: integer }, d: { type: date }, t: { type: timestamp_tz }, s: { type: string } '
  const transformers = `{ values: [{ operation: fill_null, columns: [n], value: none }, { operation: fill_null, columns: [d], value: 2024-01-05 }],
      formats: { d: dd/MM/yyyy, t: dd/MM/yyyy, s: dd/MM/yyyy },
      masking: [{ method: redact, columns: [s], value: "***" }, { method: redact, columns: [n], value: "***" }, { method: partial, columns: [n] }] }`
  const found = await problems(transformers, { contract })
  expect(found.map((line) => line.replace(/^(sluice\.yaml:)?[\d:]+ /, ''))).toEqual([
    '"none" is not a value of type integer. It goes into `n`.',
    '"2024-01-05" is not written as dd/MM/yyyy. It goes into `d`.',
    'timestamp_tz needs a zone (XXX). Correct the format, or the type in the contract.',
    'type string is no date or timestamp. Correct the format, or the type in the contract.',
    '"***" is not a value of type integer. It goes into `n`.',
    'partial is for strings. `n` is integer.',
  ])
})

test('a dataflow with every transformer of this version is valid', async () => {
  const transformers = `{ values: [{ operation: trim, columns: [a] }], formats: { d: dd/MM/yyyy }, hash_columns: [{ name: h, columns: [a] }],
      deduplicate: { columns: [d], latest_by: [a] }, computed: [{ name: x, expr: a || b }], filter: x IS NOT NULL, masking: [{ method: partial, columns: [a], keep_end: 2 }], drop: [b], rename: { a: c } }`
  expect(await problems(transformers)).toEqual([])
})
