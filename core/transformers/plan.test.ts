import { describe, expect, it, test } from 'vitest'
import { openTestPool, reasonsOf } from '../contract/scan.suite.ts'
import type { ColumnContract } from '../contract/types.ts'
import { parseFormat } from './formats.ts'
import { makeRows } from './made.suite.ts'
import { planTransformers } from './plan.ts'
import type { Transformers } from './types.ts'

const pool = openTestPool()

const plan = async (
  transformers: Transformers,
  columns: readonly string[] | Readonly<Record<string, string>>,
  contracts: Readonly<Record<string, ColumnContract>> = {},
) => {
  const typed = Array.isArray(columns) ? columns.map((name) => [name, 'text']) : Object.entries(columns)
  return await planTransformers({
    transformers,
    columns: typed.map(([name, input]) => ({ name, input })),
    column_names: 'snake',
    contracts: new Map(Object.entries(contracts)),
    after: {},
  })
}

describe('refused before anything is read', () => {
  test.each<[string, Transformers, readonly string[] | Record<string, string>, RegExp]>([
    [
      'TRANSFORMER_COLUMN_MISSING',
      { values: [{ operation: 'trim', columns: ['nmae'] }] },
      ['name', 'id'],
      /values\[0\] \(trim\) names nmae, .* there are name, id/,
    ],
    ['TRANSFORMER_COLUMN_MISSING', { drop: ['x'] }, ['name'], /drop names x/],
    ['TRANSFORMER_COLUMN_MISSING', { select: ['a'], rename: { b: 'c' } }, ['a', 'b'], /rename names b/],
    ['TRANSFORMER_COLUMN_AMBIGUOUS', { drop: ['a_b'] }, ['a b', 'a-b'], /may be a b, a-b/],
    [
      'TRANSFORMER_COLUMN_TAKEN',
      { hash_columns: [{ name: 'A B', columns: ['a b'] }] },
      ['a b'],
      /make a column A B, and there is a b already/,
    ],
    ['COLUMN_COLLISION', { rename: { a: 'b' } }, ['a', 'b'], /"a", "b" would all be called b/],
    ['COLUMN_RESERVED', { drop: ['_sluice_read_0'] }, ['_sluice_read_0', 'a'], /_sluice_/],
    [
      'TRANSFORMER_COLUMN_TYPE',
      { values: [{ operation: 'trim', columns: ['n'] }] },
      { n: 'BIGINT' },
      /bigint/,
    ],
    ['TRANSFORMER_COLUMN_TYPE', { formats: { d: 'dd/MM/yyyy' } }, { d: 'DATE' }, /columns of text/],
    [
      'TRANSFORMER_COLUMN_TYPE',
      { hash_columns: [{ name: 'h', columns: ['n'] }] },
      { n: 'DOUBLE' },
      /n \(double\): dc_hash_v1 has texts for/,
    ],
    [
      'TRANSFORMER_COLUMN_TYPE',
      { masking: [{ method: 'numeric_bucket', columns: ['n'], bucket_size: 10 }] },
      ['n'],
      /n \(string\): numeric_bucket is for numbers/,
    ],
    [
      'TRANSFORMER_COLUMN_TYPE',
      { masking: [{ method: 'numeric_bucket', columns: ['n'], bucket_size: 0.5 }] },
      { n: 'BIGINT' },
      /would make no bigint/,
    ],
    [
      'TRANSFORMER_COLUMN_TYPE',
      { masking: [{ method: 'date_truncate', columns: ['d'], unit: 'hour' }] },
      { d: 'DATE' },
      /no hour/,
    ],
    [
      'TRANSFORMER_COLUMN_TYPE',
      { masking: [{ method: 'partial', columns: ['l'], keep_start: 0, keep_end: 0, mask_char: '*' }] },
      { l: 'INTEGER[]' },
      /list<integer>/,
    ],
    [
      'TRANSFORMER_VALUE_INVALID',
      { values: [{ operation: 'fill_null', columns: ['n'], value: 'x' }] },
      { n: 'BIGINT' },
      /"x" into column n, which is bigint/,
    ],
    [
      'TRANSFORMER_VALUE_INVALID',
      {
        values: [{ operation: 'fill_null', columns: ['d'], value: '2024-01-05' }],
        formats: { d: 'dd/MM/yyyy' },
      },
      ['d'],
      /"2024-01-05" into column d/,
    ],
  ])('%s: %j', async (code, transformers, columns, message) => {
    const attempt = plan(transformers, columns)
    await expect(attempt).rejects.toThrow(expect.objectContaining({ code }))
    await expect(attempt).rejects.toThrow(message)
  })
})

describe('formats that leave something open', () => {
  test.each([
    ['dd/MM/yy', /two-digit years/],
    ['MM/yyyy', /no day/],
    ['dd/MM', /no year/],
    ['dd/MM/yyyy HH', /a hour and no minute/],
    ['dd/MM/yyyy hh:mm', /AM or PM/],
    ['dd/MM/yyyy HH:mm a', /hours up to 12/],
    ['dd/MM/yyyyXXX', /a zone and no minute/],
    ['XXX dd/MM/yyyy HH:mm', /at the end only/],
    ['dMyyyy', /before M end cannot be told/],
    ["d'1'.MM.yyyy", /before 1 end cannot be told/],
    ['dd/MM/yyyy dd', /day twice/],
    ['EEE dd/MM/yyyy', /EEE is not taken/],
    ['DDDyyyy', /DDD is not taken/],
    ['YYYY-MM-dd', /YYYY is not taken/],
    ["dd/MM/yyyy 'at", /quote is not closed/],
    ['dd/MM/yyyy HH:mm:ss.SSSSSSSSS', /is not known/],
    ['', /no year/],
  ])('%s', (format, message) => {
    expect(parseFormat(format)).toMatch(message)
  })

  it('takes quotes and per cent signs as they are', async () => {
    const { accepted } = await makeRows(pool, {
      transformers: { formats: { d: "yyyy'%d o''clock'-MM-dd" } },
      columns: ['d', 'n'],
      rows: [["2024%d o'clock-01-05", '1']],
    })
    expect(accepted).toEqual([{ d: '2024-01-05', n: '1' }])
  })
})

test('lineage says what each column is made of', async () => {
  const { plan: made, columns } = await plan(
    {
      values: [{ operation: 'trim', columns: ['Mail'] }],
      formats: { OrderedOn: 'dd/MM/yyyy' },
      hash_columns: [{ name: 'key', columns: ['id', 'Mail'] }],
      masking: [{ method: 'partial', columns: ['mail'], keep_start: 1, keep_end: 0, mask_char: '*' }],
      drop: ['id'],
      rename: { ordered_on: 'OrderDate' },
    },
    ['id', 'Mail', 'OrderedOn'],
    { order_date: { type: 'date' } },
  )
  expect(made.lineage).toEqual([
    { column: 'mail', from: ['Mail'], by: ['trim', 'partial'] },
    { column: 'order_date', from: ['OrderedOn'], by: ['format'] },
    { column: 'key', from: ['id', 'Mail'], by: ['hash'] },
  ])
  expect(made.shown).toEqual(['OrderedOn'])
  expect(columns.map(({ source, name, input }) => [source, name, input])).toEqual([
    ['Mail', 'mail', 'text'],
    ['OrderedOn', 'order_date', 'DATE'],
    [null, 'key', 'VARCHAR'],
  ])
  expect(made.sha256).toMatch(/^[0-9a-f]{64}$/)
  const other = await plan({ drop: ['id'] }, ['id', 'Mail', 'OrderedOn'])
  expect(made.sha256).not.toBe(other.plan.sha256)
})

describe('what the contract would refuse is not let in by a transformer', () => {
  const columns = ['n', 'id']
  const rows = [
    ['12.7', '1'],
    ['x', '2'],
    ['15', '3'],
    [null, '4'],
  ] as const

  test('a text that the engine would round is not masked to a value', async () => {
    const { accepted, rejected } = await makeRows(pool, {
      transformers: { masking: [{ method: 'numeric_bucket', columns: ['n'], bucket_size: 10 }] },
      contract: { n: { type: 'integer' } },
      columns,
      rows,
    })
    expect(accepted).toEqual([
      { n: 10, id: '3' },
      { n: null, id: '4' },
    ])
    expect(rejected.map(reasonsOf)).toEqual([['n type'], ['n type']])
  })

  test('nor does what coerce would make a value get past a mask', async () => {
    const { accepted, rejected } = await makeRows(pool, {
      transformers: { masking: [{ method: 'numeric_bucket', columns: ['n'], bucket_size: 10 }] },
      contract: { n: { type: 'integer' } },
      columns,
      rows: [
        [' 37 ', '1'],
        ['38', '2'],
      ],
      coerce: true,
    })
    expect(accepted).toEqual([{ n: 30, id: '2' }])
    expect(rejected.map(reasonsOf)).toEqual([['n type']])
  })

  test('nor hashed as NULL and then hidden', async () => {
    const { accepted, rejected } = await makeRows(pool, {
      transformers: {
        hash_columns: [{ name: 'h', columns: ['n'] }],
        masking: [{ method: 'redact', columns: ['n'], value: 0 }],
      },
      contract: { n: { type: 'integer' } },
      columns,
      rows,
    })
    expect(accepted.map(({ n, id }) => [n, id])).toEqual([
      [0, '3'],
      [null, '4'],
    ])
    expect(rejected.map(reasonsOf)).toEqual([['n type'], ['n type']])
  })

  test('a column with a format is judged, also when it is dropped', async () => {
    const { accepted, rejected } = await makeRows(pool, {
      transformers: {
        formats: { d: 'dd/MM/yyyy' },
        hash_columns: [{ name: 'h', columns: ['d'] }],
        drop: ['d'],
      },
      columns: ['d', 'id'],
      rows: [
        ['05/01/2024', '1'],
        ['2024-01-05', '2'],
      ],
    })
    expect(accepted.map(({ id }) => id)).toEqual(['1'])
    expect(rejected.map((row) => row.reasons)).toMatchObject([
      [{ column: 'd', rule: 'type', message: 'is not written as dd/MM/yyyy' }],
    ])
  })

  test('a date that is written right and missing breaks nullable alone', async () => {
    const { rejected } = await makeRows(pool, {
      transformers: { formats: { d: 'dd/MM/yyyy' } },
      contract: { d: { type: 'date', nullable: false } },
      columns: ['d', 'id'],
      rows: [
        [null, '1'],
        ['x', '2'],
      ],
    })
    expect(rejected.map(reasonsOf)).toEqual(expect.arrayContaining([['d nullable'], ['d type']]))
    expect(rejected).toHaveLength(2)
  })
})

describe('what is hidden leaves no trace in quarantine', () => {
  const made = {
    transformers: {
      values: [{ operation: 'trim', columns: ['note'] }],
      masking: [{ method: 'redact', columns: ['mail'], value: '***' }],
      drop: ['secret'],
      rename: { n: 'number' },
    },
    contract: { number: { type: 'integer' } },
    columns: ['mail', 'secret', 'note', 'n'],
    rows: [['a@b.c', 'hidden', ' kept ', 'x']],
    pii_policy: 'preserve',
  } as const

  test('the raw row has the other columns, as they were read', async () => {
    const { rejected } = await makeRows(pool, made)
    expect(rejected.map(({ raw, reasons }) => [JSON.parse(raw as string), reasons[0]?.column])).toEqual([
      [{ note: ' kept ', n: 'x' }, 'number'],
    ])
  })

  test('a line that does not fit has no text', async () => {
    const body = `${made.columns.join(',')}\na@b.c,hidden\n`
    const { rejected } = await makeRows(pool, { ...made, body })
    expect(rejected).toMatchObject([{ source_line: 2n, raw: null, reasons: [{ rule: 'structure' }] }])
    const { transformers: _, ...plain } = made
    const shown = await makeRows(pool, { ...plain, transformers: { rename: { n: 'number' } }, body })
    expect(shown.rejected[0]?.raw).toContain('hidden')
  })
})

test('columns may be called as the scan and the transformers call their parts', async () => {
  const names = ['source_path', 'source_row', 'filename', 't0', 'v0', 'sluice', 'r0']
  const { accepted } = await makeRows(pool, {
    transformers: {
      values: [{ operation: 'upper', columns: names }],
      hash_columns: [{ name: 'h', columns: names }],
    },
    columns: names,
    rows: [names.map((_, i) => `a${i}`)],
  })
  expect(accepted).toMatchObject([{ source_path: 'A0', filename: 'A2', r0: 'A6' }])
})
