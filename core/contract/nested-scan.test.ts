import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  brokenRules,
  contractOf,
  contracts,
  escaped,
  type Json,
  jsonOf,
  printJson,
  writtenValue,
} from './nested.suite.ts'
import { columnsOf, csvInput, openTestPool, reasonsOf, scanAll } from './scan.suite.ts'
import type { ColumnContract } from './types.ts'

const pool = openTestPool(1)

const quoted = (json: string) => `"${json.replaceAll('"', '""')}"`

/** Judges JSON texts as one column, an empty one as NULL: the values accepted, and why the others are not, by position. */
async function judged(column: ColumnContract, texts: readonly string[]) {
  return await pool.use(async (engine) => {
    const body = ['i,c', ...texts.map((text, i) => `${i},${text === '' ? '' : quoted(text)}`)].join('\n')
    const { accepted, rejected } = await scanAll(engine, {
      inputs: [csvInput(engine, `${body}\n`, ['i', 'c'])],
      columns: columnsOf({ i: { type: 'integer' }, c: column }),
      pii_policy: 'preserve',
    })
    const reasons = new Map(
      rejected.map((row) => [Number(JSON.parse(row.raw as string).i), reasonsOf(row)] as const),
    )
    return { values: new Map(accepted.map((row) => [Number(row.i), row.c])), reasons }
  })
}

const orders: ColumnContract = {
  type: 'list',
  items: {
    type: 'struct',
    fields: {
      sku: { type: 'string', nullable: false, pattern: '[A-Z]+' },
      price: { type: 'decimal', precision: 9, scale: 2, min: 0 },
      days: {
        type: 'map',
        keys: { type: 'integer' },
        values: { type: 'list', items: { type: 'date', nullable: false } },
      },
    },
  },
}

describe('JSON text', () => {
  const wanted: readonly (readonly [text: string, outcome: unknown])[] = [
    [
      '[{"sku":"A","price":1.5,"days":{"1":["2024-01-01"]}},{"sku":"B"}]',
      [
        { sku: 'A', price: '1.50', days: [[1, ['2024-01-01']]] },
        { sku: 'B', price: null, days: null },
      ],
    ],
    [' [ ] ', []],
    ['', null],
    ['[null]', [null]],
    ['[{"sku":"A","price":"007.5","days":{}}]', [{ sku: 'A', price: '7.50', days: [] }]],
    ['null', 'c type'],
    ['{"sku":"A"}', 'c type'],
    ['[NaN]', 'c type'],
    ['[{"sku":"A"},]', 'c type'],
    ['[1]', 'c[] type'],
    ['[{"sku":"A","other":1}]', 'c[] type'],
    ['[{"sku":"A","SKU":"A"}]', 'c[] type'],
    ['[{"sku":"A","sku":"A"}]', 'c[] type'],
    ['[{"sku":"a","price":-1}]', 'c[].sku pattern, c[].price min'],
    ['[{"price":"x"}, {"sku": 5}]', 'c[].sku type, c[].sku nullable, c[].price type'],
    ['[{"sku":"A","price":1.234}]', 'c[].price type'],
    ['[{"sku":"A","price":true}]', 'c[].price type'],
    ['[{"sku":"A","days":[]}]', 'c[].days type'],
    ['[{"sku":"A","days":{"1":[],"+1":[null]}}]', 'c[].days type, c[].days{value}[] nullable'],
    ['[{"sku":"A","days":{"x":["2024-02-30"]}}]', 'c[].days{key} type, c[].days{value}[] type'],
  ]

  test.each(wanted)('%s', async (text, outcome) => {
    const { values, reasons } = await judged(orders, [text])
    expect(reasons.get(0)?.join(', ') ?? values.get(0)).toEqual(outcome)
  })

  test('no message holds a value of the row', async () => {
    const found = await pool.use(async (engine) => {
      const body = `c\n${quoted('[{"sku":"secret","other":"secret","days":{"secret":["secret"]}}]')}\n`
      const { rejected } = await scanAll(engine, {
        inputs: [csvInput(engine, body, ['c'])],
        columns: columnsOf({ c: orders }),
      })
      return JSON.stringify(rejected, (_, value) => (typeof value === 'bigint' ? String(value) : value))
    })
    expect(found).toContain('c[].days{value}[]')
    expect(found).not.toContain('secret')
  })
})

test('the engine says and writes the same of any value as a plain walk over it', async () => {
  const cases = contracts.chain((contract) =>
    fc.tuple(fc.constant(contract), fc.array(jsonOf(contract), { minLength: 40, maxLength: 40 })),
  )
  await fc.assert(
    fc.asyncProperty(cases, async ([contract, values]) => {
      const wanted = values.map((json) => {
        // JSON's own null is no way to write NULL.
        const broken = json.kind === 'null' ? ['c type'] : brokenRules(contract, json, 'c')
        return [...new Set(broken)].sort().join(', ')
      })
      const { values: written, reasons } = await judged(
        contract,
        values.map((json, i) => printJson(json, i % 2 === 0 ? JSON.stringify : escaped)),
      )
      expect(values.map((_, i) => (reasons.get(i) ?? []).sort().join(', '))).toEqual(wanted)
      for (const [i, value] of written) expect(value).toEqual(writtenValue(contract, values[i] as Json))
    }),
    { numRuns: 30, endOnFailure: true },
  )
})

test('what is accepted comes out as it is', async () => {
  const plain = contractOf(
    'struct<a: list<list<integer>>, b: map<string, struct<x: boolean, y: double>>, c: map<string, string>>',
  )
  const text = fc.string({ unit: 'grapheme', maxLength: 4 })
  const value: fc.Arbitrary<unknown> = fc.record({
    a: fc.option(fc.array(fc.option(fc.array(fc.option(fc.integer()), { maxLength: 3 })), { maxLength: 3 })),
    b: fc.option(
      fc.dictionary(
        fc.string({ maxLength: 4 }),
        fc.option(fc.record({ x: fc.option(fc.boolean()), y: fc.option(fc.integer()) })),
        { maxKeys: 3, noNullPrototype: true },
      ),
    ),
    c: fc.option(fc.dictionary(text, fc.option(text), { maxKeys: 3, noNullPrototype: true })),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(value, { minLength: 20, maxLength: 20 }), async (rows) => {
      const { values, reasons } = await judged(
        plain,
        rows.map((row) => JSON.stringify(row)),
      )
      expect([...reasons]).toEqual([])
      const back = rows.map((_, i) => {
        const { a, ...maps } = values.get(i) as { a: unknown } & Record<'b' | 'c', [string, unknown][] | null>
        return { a, b: maps.b && Object.fromEntries(maps.b), c: maps.c && Object.fromEntries(maps.c) }
      })
      expect(back).toEqual(rows)
    }),
    { numRuns: 20, endOnFailure: true },
  )
})
