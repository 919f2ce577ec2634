import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openTestPool, reasonsOf } from '../contract/scan.suite.ts'
import { type Cell, type Made, makeRows } from './made.suite.ts'
import type { Transformers } from './types.ts'

const pool = openTestPool()

const contract = { k: { type: 'bigint' }, at: { type: 'date' }, n: { type: 'integer', max: 90 } } as const
const columns = ['k', 'at', 'n', 'note']

const made = (transformers: Transformers, rows: readonly (readonly Cell[])[], more: Partial<Made> = {}) =>
  makeRows(pool, { transformers, contract, columns, rows, ...more })

const latest = { columns: ['k'], latest_by: ['at'], keep_ties: false }

const counts = ({ result }: Awaited<ReturnType<typeof made>>) => {
  const { rows_read, rows_accepted, rows_rejected, rows_filtered, rows_filtered_by_rule, rows_deduplicated } =
    result
  return { rows_read, rows_accepted, rows_rejected, rows_filtered, rows_filtered_by_rule, rows_deduplicated }
}

describe('deduplicate', () => {
  test('the latest stays, NULL is the earliest, equal values in other spellings are equal', async () => {
    const scanned = await made({ deduplicate: latest }, [
      ['1', '2024-01-01', '1', 'old'],
      ['001', '2024-01-02', '2', 'new'],
      ['1', null, '3', 'null'],
      ['2', '2024-01-01', '4', 'alone'],
    ])
    expect(scanned.accepted.map(({ note }) => note).sort()).toEqual(['alone', 'new'])
    expect(counts(scanned)).toMatchObject({
      rows_read: 4,
      rows_accepted: 2,
      rows_deduplicated: 2,
      rows_filtered: 0,
    })
  })

  test('a newest row that is bad does not let an older one through', async () => {
    const scanned = await made({ deduplicate: latest }, [
      ['1', '2024-01-01', '1', 'old'],
      ['1', '2024-01-02', '99', 'new'],
    ])
    expect(scanned.accepted).toEqual([])
    expect(scanned.rejected.map(reasonsOf)).toEqual([['n max']])
    expect(counts(scanned)).toMatchObject({ rows_rejected: 1, rows_deduplicated: 1 })
  })

  test('rows without a key, or with a key or a date that is none, are compared with nothing and judged', async () => {
    const scanned = await made({ deduplicate: latest }, [
      [null, '2024-01-01', '1', 'a'],
      [null, '2024-01-01', '1', 'b'],
      ['1', '2024-01-01', '1', 'c'],
      ['1', '9999', '1', 'd'],
      ['1.7', '2024-01-01', '1', 'e'],
    ])
    expect(scanned.accepted.map(({ note }) => note).sort()).toEqual(['a', 'b', 'c'])
    expect(scanned.rejected.map(reasonsOf).sort()).toEqual([['at type'], ['k type']])
  })

  test('of ties the greatest stays by the columns in their order, or all of them', async () => {
    const rows = [
      ['1', '2024-01-01', '5', 'a'],
      ['1', '2024-01-01', '5', 'c'],
      ['1', '2024-01-01', null, 'z'],
      ['1', '2023-01-01', '9', 'd'],
    ]
    for (const order of [rows, rows.toReversed()]) {
      const one = await made({ deduplicate: latest }, order)
      expect(one.accepted.map(({ note }) => note)).toEqual(['c'])
      const all = await made({ deduplicate: { ...latest, keep_ties: true } }, order)
      expect(all.accepted.map(({ note }) => note).sort()).toEqual(['a', 'c', 'z'])
      expect(counts(all)).toMatchObject({ rows_deduplicated: 1, rows_accepted: 3 })
    }
  })

  test('rows at or before the watermark take no part, and the watermark goes by all rows that do', async () => {
    const scanned = await made(
      { deduplicate: { columns: ['k'], latest_by: ['n'], keep_ties: false } },
      [
        ['1', '2024-01-01', '9', 'old, and greater'],
        ['1', '2024-01-02', '1', 'new'],
        ['2', '2024-01-05', '1', 'replaced, and the newest'],
        ['2', '2024-01-03', '2', 'greater'],
      ],
      { after: { at: '2024-01-01' } },
    )
    expect(scanned.accepted.map(({ note }) => note).sort()).toEqual(['greater', 'new'])
    expect(scanned.result.watermark).toEqual({ at: '2024-01-05' })
    expect(counts(scanned)).toMatchObject({
      rows_read: 4,
      rows_filtered: 1,
      rows_filtered_by_rule: 0,
      rows_deduplicated: 1,
    })
  })

  test('by what values and formats have made', async () => {
    const { accepted } = await makeRows(pool, {
      transformers: {
        values: [{ operation: 'lower', columns: ['k'] }],
        formats: { at: 'dd/MM/yyyy' },
        deduplicate: latest,
      },
      columns: ['k', 'at'],
      rows: [
        ['A', '31/01/2024'],
        ['a', '01/02/2024'],
      ],
    })
    expect(accepted).toEqual([{ k: 'a', at: '2024-02-01' }])
  })
})

describe('computed and filter', () => {
  test('columns are typed, and each sees those before it', async () => {
    const typed = await made(
      {
        computed: [
          { name: 'Double N', expr: 'n * 2' },
          { name: 'label', expr: `note || '-' || double_n` },
        ],
      },
      [['1', '2024-01-01', '007', 'x']],
    )
    expect(typed.accepted).toMatchObject([{ n: 7, double_n: 14, label: 'x-14' }])
    expect(typed.plan.lineage.slice(4)).toEqual([
      { column: 'double_n', from: ['n'], by: ['computed'] },
      { column: 'label', from: ['note', 'n'], by: ['computed'] },
    ])
  })

  test('a row for which an expression fails is rejected, and its values are in no message', async () => {
    const scanned = await made(
      {
        computed: [{ name: 'c', expr: 'CAST(note AS INTEGER)' }],
        filter: 'c > 1 OR CAST(note AS INTEGER) > 1',
      },
      [
        ['1', '2024-01-01', '1', 'secret'],
        ['2', '2024-01-01', '1', '5'],
        ['3', '2024-01-01', '1', null],
      ],
    )
    expect(scanned.accepted.map(({ c }) => c)).toEqual([5])
    expect(scanned.rejected.map(reasonsOf)).toEqual([['c type', '- filter']])
    expect(JSON.stringify(scanned.rejected, (_, v) => (typeof v === 'bigint' ? Number(v) : v))).not.toContain(
      'secret',
    )
    expect(counts(scanned)).toMatchObject({ rows_filtered: 1, rows_filtered_by_rule: 1 })
  })

  test('a row that is not true leaves; one whose value is none of its type is rejected instead', async () => {
    const scanned = await made({ filter: 'n > 5' }, [
      ['1', '2024-01-01', '6', 'true'],
      ['2', '2024-01-01', '5', 'false'],
      ['3', '2024-01-01', null, 'null'],
      ['4', '2024-01-01', '5.5', 'no integer'],
      ['5', '2024-01-01', '95', 'beyond'],
    ])
    expect(scanned.accepted.map(({ note }) => note)).toEqual(['true'])
    expect(scanned.rejected.map(reasonsOf).sort()).toEqual([['n max'], ['n type']])
    expect(counts(scanned)).toMatchObject({ rows_read: 5, rows_filtered: 2, rows_filtered_by_rule: 2 })
  })

  test.each<[Transformers, RegExp]>([
    [{ filter: 'n' }, /filter cannot be computed: it is of type INTEGER/],
    [{ filter: 'nn > 1' }, /names nn, which is no column/],
    [{ computed: [{ name: 'c', expr: 'now()' }] }, /computed \(c\) .*now/],
    [{ computed: [{ name: 'c', expr: 'sum(n)' }] }, /sum\(\)/],
    [
      {
        computed: [
          { name: 'c', expr: 'd' },
          { name: 'd', expr: '1' },
        ],
      },
      /names d/,
    ],
  ])('%j is refused', async (transformers, message) => {
    const attempt = made(transformers, [['1', '2024-01-01', '6', 'x']])
    await expect(attempt).rejects.toThrow(expect.objectContaining({ code: 'TRANSFORMER_EXPRESSION_INVALID' }))
    await expect(attempt).rejects.toThrow(message)
  })
})

/** A second opinion, in TypeScript: what becomes of each row. */
function model(rows: readonly Row[], given: Given): Record<string, number> {
  const valid = (text: string | null) => text === null || /^\d+$/.test(text)
  const number = (text: string | null) => (text === null || !valid(text) ? null : Number(text))
  const isFresh = (n: string | null) => n === null || Number.isNaN(Number(n)) || Number(n) > given.after!
  const fresh = rows.filter(({ n }) => given.after === null || isFresh(n))
  const compared = fresh.filter(({ k, n }) => k !== null && valid(k) && valid(n))
  const order = (row: Row) => [number(row.n), row.k, row.n, row.note]
  const winners = new Set(
    [...Map.groupBy(compared, ({ k }) => number(k)).values()].flatMap((group) => {
      const sorted = group.toSorted((a, b) => compare(order(b), order(a)))
      const top = sorted[0]!
      return given.keep_ties ? group.filter(({ n }) => number(n) === number(top.n)) : [top]
    }),
  )
  const left = given.deduplicate ? fresh.filter((row) => !compared.includes(row) || winners.has(row)) : fresh
  const out = given.filter ? left.filter(({ n }) => valid(n) && !((number(n) ?? Number.NaN) > 2)) : []
  const judged = left.filter((row) => !out.includes(row))
  const isBad = ({ k, n }: Row) => !valid(k) || !valid(n) || n === null || Number(n) > 8
  const rejected = judged.filter(isBad)
  return {
    rows_read: rows.length,
    rows_accepted: judged.length - rejected.length,
    rows_rejected: rejected.length,
    rows_filtered: rows.length - fresh.length + out.length,
    rows_filtered_by_rule: out.length,
    rows_deduplicated: fresh.length - left.length,
  }
}

function compare(a: readonly (string | number | null)[], b: readonly (string | number | null)[]): number {
  for (const [i, left] of a.entries()) {
    const right = b[i] ?? null
    if (left === right) continue
    if (left === null) return -1
    if (right === null) return 1
    return left < right ? -1 : 1
  }
  return 0
}

const row = fc.record({
  k: fc.constantFrom('1', '2', '02', null, 'x'),
  n: fc.constantFrom('0', '1', '2', '3', '4', '9', null, 'x', '2.5'),
  note: fc.constantFrom('a', 'b', null),
})
type Row = { readonly k: string | null; readonly n: string | null; readonly note: string | null }
const given = fc.record({
  deduplicate: fc.boolean(),
  keep_ties: fc.boolean(),
  filter: fc.boolean(),
  after: fc.constantFrom(null, 1),
})
type Given = typeof given extends fc.Arbitrary<infer T> ? T : never

test('rows read are those accepted, rejected, filtered and deduplicated, as a model has them', async () => {
  const check = async (rows: readonly Row[], one: Given) => {
    const transformers: Transformers = {
      computed: [{ name: 'twice', expr: 'n * 2' }],
      ...(one.deduplicate
        ? { deduplicate: { columns: ['k'], latest_by: ['n'], keep_ties: one.keep_ties } }
        : {}),
      ...(one.filter ? { filter: 'n > 2' } : {}),
    }
    const scanned = await makeRows(pool, {
      transformers,
      contract: { k: { type: 'integer' }, n: { type: 'integer', nullable: false, max: 8 } },
      columns: ['k', 'n', 'note'],
      rows: rows.map(({ k, n, note }) => [k, n, note]),
      ...(one.after === null ? {} : { after: { n: String(one.after) } }),
    })
    const found = counts(scanned)
    expect(found).toEqual(model(rows, one))
    expect(found.rows_read).toBe(
      found.rows_accepted + found.rows_rejected + found.rows_filtered + found.rows_deduplicated,
    )
    expect(scanned.accepted).toHaveLength(found.rows_accepted)
  }
  await fc.assert(fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 12 }), given, check), {
    numRuns: 60,
  })
}, 60_000)
