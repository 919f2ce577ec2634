import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { quoteLiteral } from '../engine/sql.ts'
import { scalarOf } from './column-types.ts'
import { oracle } from './grammar.suite.ts'
import { contractType } from './nested-contract.ts'
import { columnsOf, csvInput, openTestPool, reasonsOf, scanAll } from './scan.suite.ts'
import type { ColumnContract } from './types.ts'

const pool = openTestPool()

/** Scans one column of texts; `null` is an unquoted empty field. */
async function judge(contract: ColumnContract, values: readonly (string | null)[]) {
  return await pool.use(async (engine) => {
    const lines = values.map((value, i) => `${i},${value === null ? '' : `"${value.replaceAll('"', '""')}"`}`)
    const input = csvInput(engine, `n,v\n${lines.join('\n')}\n`, ['n', 'v'])
    const columns = columnsOf({ n: { type: 'integer' }, v: contract })
    const scan = await scanAll(engine, { inputs: [input], columns, pii_policy: 'preserve' })
    const byRow = new Map(scan.rejected.map((row) => [Number(JSON.parse(row.raw!).n), reasonsOf(row)]))
    return values.map((_, i) => byRow.get(i) ?? 'accepted')
  })
}

test('columns may be called as the scan calls its own parts', async () => {
  await pool.use(async (engine) => {
    const names = ['e', 'held', 'n', 't0', 'r0', 'v0', 'reasons', 'raw', 'row', 'file']
    const line = (first: string) => [first, ...names.slice(1).map(() => '1')].join(',')
    const input = csvInput(engine, `${names.join(',')}\n${line('7')}\n${line('x')}\n`, names)
    const columns = columnsOf(Object.fromEntries(names.map((name) => [name, { type: 'integer' as const }])))
    const scan = await scanAll(engine, { inputs: [input], columns, pii_policy: 'preserve' })
    expect(scan.accepted).toMatchObject([{ e: 7, held: 1 }])
    expect(scan.rejected).toMatchObject([{ reasons: [{ column: 'e', rule: 'type' }] }])
  })
})

describe('each rule, accepted and rejected with its reason', () => {
  test.each<[string, ColumnContract, readonly (readonly [string | null, 'accepted' | string[]])[]]>([
    [
      'nullable by default',
      { type: 'integer' },
      [
        [null, 'accepted'],
        ['1', 'accepted'],
        ['', ['v type']],
      ],
    ],
    [
      'not nullable',
      { type: 'integer', nullable: false },
      [
        [null, ['v nullable']],
        ['1', 'accepted'],
        ['x', ['v type']],
      ],
    ],
    [
      'an empty string is no NULL',
      { type: 'string', nullable: false },
      [
        ['', 'accepted'],
        [null, ['v nullable']],
      ],
    ],
    [
      'min and max',
      { type: 'integer', min: -1, max: 3 },
      [
        ['-2', ['v min']],
        ['-1', 'accepted'],
        ['3', 'accepted'],
        ['+4', ['v max']],
        [null, 'accepted'],
        ['2.9', ['v type']],
      ],
    ],
    [
      'decimal bounds',
      { type: 'decimal', precision: 5, scale: 2, min: '0.10', max: 9.99 },
      [
        ['0.1', 'accepted'],
        ['0.09', ['v min']],
        ['9.99', 'accepted'],
        ['10', ['v max']],
      ],
    ],
    [
      'double bounds',
      { type: 'double', min: 0.5 },
      [
        ['5e-1', 'accepted'],
        ['0.4999', ['v min']],
      ],
    ],
    [
      'date bounds',
      { type: 'date', min: '2024-01-01', max: '2024-12-31' },
      [
        ['2023-12-31', ['v min']],
        ['2024-01-01', 'accepted'],
        ['2025-01-01', ['v max']],
      ],
    ],
    [
      'timestamp bounds',
      { type: 'timestamp', min: '2024-01-01 00:00' },
      [
        ['2024-01-01T00:00:00', 'accepted'],
        ['2023-12-31T23:59:59.999999', ['v min']],
      ],
    ],
    [
      'zoned bounds',
      { type: 'timestamp_tz', max: '2024-01-01T00:00:00Z' },
      [
        ['2024-01-01T05:30:00+05:30', 'accepted'],
        ['2024-01-01T00:00-00:01', ['v max']],
      ],
    ],
    [
      'pattern',
      { type: 'string', pattern: '[A-Z]{3}' },
      [
        ['ABC', 'accepted'],
        ['ABCD', ['v pattern']],
        ['', ['v pattern']],
        [null, 'accepted'],
      ],
    ],
    [
      'lengths in code points, whatever their bytes, halves and marks',
      { type: 'string', min_length: 2, max_length: 3 },
      [
        ['ab', 'accepted'],
        ['a', ['v min_length']],
        ['abcd', ['v max_length']],
        ['😀😀😀', 'accepted'],
        ['😀', ['v min_length']],
        ['e\u0301', 'accepted'],
        ['', ['v min_length']],
        [null, 'accepted'],
      ],
    ],
    [
      'no longer than nothing',
      { type: 'string', max_length: 0 },
      [
        ['', 'accepted'],
        [' ', ['v max_length']],
        [null, 'accepted'],
      ],
    ],
    [
      'null among the accepted values changes nothing',
      { type: 'integer', accepted_values: [1, null] },
      [
        ['1', 'accepted'],
        ['2', ['v accepted_values']],
        [null, 'accepted'],
      ],
    ],
    [
      'null alone leaves no value',
      { type: 'date', accepted_values: [null] },
      [
        ['2024-01-05', ['v accepted_values']],
        [null, 'accepted'],
      ],
    ],
    [
      'accepted strings',
      { type: 'string', accepted_values: ['a', "it's"] },
      [
        ["it's", 'accepted'],
        ['A', ['v accepted_values']],
        [null, 'accepted'],
      ],
    ],
    [
      'accepted integers',
      { type: 'integer', accepted_values: [1, 2] },
      [
        ['+1', 'accepted'],
        ['3', ['v accepted_values']],
      ],
    ],
    [
      'accepted decimals',
      { type: 'decimal', precision: 4, scale: 2, accepted_values: [1.5] },
      [
        ['1.50', 'accepted'],
        ['1.51', ['v accepted_values']],
      ],
    ],
    [
      'accepted booleans',
      { type: 'boolean', accepted_values: [true] },
      [
        ['TRUE', 'accepted'],
        ['false', ['v accepted_values']],
      ],
    ],
    [
      'several at once',
      { type: 'string', pattern: 'a+', accepted_values: ['aa'] },
      [
        ['b', ['v pattern', 'v accepted_values']],
        ['a', ['v accepted_values']],
        ['aa', 'accepted'],
      ],
    ],
    [
      'tinyint range',
      { type: 'tinyint', max: 100 },
      [
        ['127', ['v max']],
        ['128', ['v type']],
        ['1', 'accepted'],
      ],
    ],
  ])('%s', async (_name, contract, cases) => {
    expect(
      await judge(
        contract,
        cases.map(([value]) => value),
      ),
    ).toEqual(cases.map(([, wanted]) => wanted))
  })
})

test('all that a scan gives, at once', async () => {
  await pool.use(async (engine) => {
    const input = csvInput(engine, 'id,Amt\n1,1.50\n2,x\n3,-1\n,2\n5,\n', ['id', 'Amt'])
    const columns = columnsOf({
      id: { type: 'integer', nullable: false },
      amount: { type: 'decimal', precision: 9, scale: 2, min: 0 },
    }).map((column) => (column.name === 'amount' ? { ...column, source: 'Amt', field_id: 7 } : column))
    const scan = await scanAll(engine, {
      inputs: [input],
      columns,
      constants: [
        { name: '_run', type: { type: 'string' }, field_id: 8, value: "r'1" },
        { name: '_at', type: { type: 'timestamp_tz' }, field_id: 9, value: '2024-01-05T10:00:00.123Z' },
      ],
    })
    const { accepted: files, rejected, ...counts } = scan.result
    expect(counts).toEqual({
      rows_read: 5,
      rows_accepted: 2,
      rows_deduplicated: 0,
      rows_filtered_by_rule: 0,
      rows_rejected: 3,
      rows_filtered: 0,
      rules: [
        { column: 'id', rule: 'type', severity: 'error', count: 0 },
        { column: 'id', rule: 'nullable', severity: 'error', count: 1 },
        { column: 'amount', rule: 'type', severity: 'error', count: 1 },
        { column: 'amount', rule: 'min', severity: 'error', count: 1 },
      ],
      watermark: {},
    })
    const own = { _run: "r'1", _at: '2024-01-05 10:00:00.123+00' }
    expect(scan.accepted).toEqual([
      { id: 1, amount: '1.50', ...own },
      { id: 5, amount: null, ...own },
    ])
    expect(rejected!.by_reason).toEqual([
      { column: 'amount', rule: 'min', count: 1 },
      { column: 'amount', rule: 'type', count: 1 },
      { column: 'id', rule: 'nullable', count: 1 },
    ])
    expect(rejected!.rows).toBe(3)
    expect(rejected!.bytes).toBeGreaterThan(0)
    expect(scan.rejected.map((row) => [row.source_file, row.source_row, row.source_line, row.raw])).toEqual(
      [2n, 3n, 4n].map((row) => ['landing/in.csv', row, null, null]),
    )
    expect(files).toHaveLength(1)
    expect(files[0]).toMatchObject({
      file: expect.stringContaining(join(engine.directory, 'accepted-')),
      rows: 2,
    })
    expect(files[0]!.columns.amount).toMatchObject({ min: '1.50', max: '1.50', nulls: 1 })
    expect(Object.keys(files[0]!.columns).sort()).toEqual(['_at', '_run', 'amount', 'id'])
    const ids = await engine.rows(
      `SELECT name, field_id FROM parquet_schema(${quoteLiteral(files[0]!.file)}) WHERE type IS NOT NULL`,
    )
    expect(ids.slice(0, 4)).toEqual([
      { name: 'id', field_id: 1n },
      { name: 'amount', field_id: 7n },
      { name: '_run', field_id: 8n },
      { name: '_at', field_id: 9n },
    ])
    expect(ids.every((row) => row.field_id !== null)).toBe(true)
  })
})

test('under reference_only no byte of the quarantine holds a value of a row', async () => {
  await pool.use(async (engine) => {
    const input = csvInput(engine, 'v,w\nsecret-4711,9999\nx,y,secret-4712\n', ['v', 'w'])
    const columns = columnsOf({ v: { type: 'integer' }, w: { type: 'integer', max: 5 } })
    const { result, rejected } = await scanAll(engine, { inputs: [input], columns })
    expect(rejected.map((row) => [reasonsOf(row), row.raw])).toEqual([
      [['- structure'], null],
      [['v type', 'w max'], null],
    ])
    const stored = JSON.stringify(rejected, (_k, v) => (typeof v === 'bigint' ? String(v) : v))
    expect(stored).not.toMatch(/secret|9999/)
    expect(existsSync(result.rejected!.file)).toBe(true)
  })
})

test('under preserve the raw row is JSON whatever a Parquet file holds: NaN and infinities are texts', async () => {
  await pool.use(async (engine) => {
    const path = join(engine.directory, 'a.parquet')
    const values = [`'NaN'::DOUBLE, 'Infinity'::FLOAT`, `1e30::DOUBLE, -0.5::FLOAT`, 'NULL, NULL']
    await engine.run(
      `COPY (SELECT *, 'x' AS n FROM (VALUES ${values.map((each) => `(${each})`).join(', ')}) t(d, f)) TO ${quoteLiteral(path)} (FORMAT parquet)`,
    )
    const { rejected } = await scanAll(engine, {
      inputs: [{ kind: 'parquet', source: 'a', path }],
      columns: columnsOf({
        d: { type: 'double', input: 'DOUBLE' },
        f: { type: 'float', input: 'FLOAT' },
        n: { type: 'integer', input: 'VARCHAR' },
      }),
      pii_policy: 'preserve',
    })
    expect(rejected.map(({ raw }) => JSON.parse(raw as string))).toEqual([
      { d: 'nan', f: 'inf', n: 'x' },
      { d: 1e30, f: -0.5, n: 'x' },
      { d: null, f: null, n: 'x' },
    ])
  })
})

test('under preserve the raw row is kept as JSON text, NULL and empty apart', async () => {
  await pool.use(async (engine) => {
    const input = csvInput(engine, 'a,b,c\nx,,""\n1,2\n', ['a', 'b', 'c'])
    const columns = columnsOf({ a: { type: 'integer' }, b: { type: 'string' }, c: { type: 'string' } })
    const { rejected } = await scanAll(engine, { inputs: [input], columns, pii_policy: 'preserve' })
    expect(rejected.map((row) => JSON.parse(row.raw!))).toEqual([
      { _line: '1,2' },
      { a: 'x', b: null, c: '' },
    ])
  })
})

test('a scan without a rule has no verdict and rejects nothing', async () => {
  await pool.use(async (engine) => {
    const input = csvInput(engine, 'a\nx\ny\n', ['a'])
    const columns = [
      { source: 'a', name: 'a', type: { type: 'string' } as const, input: 'text', field_id: 1 },
    ]
    const { result, accepted } = await scanAll(engine, { inputs: [input], columns })
    expect(accepted).toEqual([{ a: 'x' }, { a: 'y' }])
    expect(result.rejected).toBeUndefined()
  })
})

test('names that need quoting', async () => {
  await pool.use(async (engine) => {
    const names = ['select', 'a "b"', "it's", 'ü', '_ok', 't0', 'v0', 'filename']
    const input = csvInput(
      engine,
      `x1,x2,x3,x4,x5,x6,x7,x8\n${names.map((_, i) => i).join(',')}\nq,q,q,q,q,q,q,q\n`,
      names,
    )
    const columns = columnsOf(Object.fromEntries(names.map((name) => [name, { type: 'integer' }])))
    const { accepted, rejected } = await scanAll(engine, { inputs: [input], columns })
    expect(Object.values(accepted[0]!)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(rejected[0]!.reasons).toHaveLength(8)
  })
})

describe('accepted and rejected rows are the input, by an independent judge', () => {
  const contracts: Record<string, ColumnContract> = {
    i: { type: 'integer', nullable: false, min: -5, max: 50 },
    d: { type: 'decimal', precision: 6, scale: 2, min: 0 },
    s: { type: 'string', pattern: '[a-c]*', accepted_values: ['', 'a', 'ab', 'abc', 'cab'] },
    t: { type: 'timestamp' },
    f: { type: 'double', max: 100 },
    b: { type: 'boolean' },
  }
  const value = (name: string) => {
    const pools: Record<string, fc.Arbitrary<string>> = {
      i: fc.oneof(
        fc.integer({ min: -9, max: 60 }).map(String),
        fc.constantFrom('1.5', '1e1', ' 3', '+7', '007', 'x'),
      ),
      d: fc.oneof(
        fc.integer({ min: -999, max: 1299999 }).map((n) => String(n / 100)),
        fc.constantFrom('1.234', '.5', '0001.50'),
      ),
      s: fc.stringMatching(/^[a-d]{0,3}$/),
      t: fc.constantFrom(
        '2024-01-05',
        '2024-01-05T10:00',
        '2024-01-05 10:00:00.5',
        '2024-01-05T24:00',
        '2024-02-30T00:00',
      ),
      f: fc.oneof(
        fc.double({ noNaN: true }).map(String),
        fc.constantFrom('nan', 'inf', '1e2', '1e400', '1_0'),
      ),
      b: fc.constantFrom('true', 'FALSE', 'yes', '1'),
    }
    return fc.option(pools[name]!, { freq: 9, nil: null })
  }
  const row = fc.record(Object.fromEntries(Object.keys(contracts).map((name) => [name, value(name)])))

  /** The contract, judged without a word of the product's rules. */
  function wanted(values: Record<string, string | null>): string[] {
    const reasons: string[] = []
    for (const [name, contract] of Object.entries(contracts)) {
      const text = values[name]
      if (text === null || text === undefined) {
        if (contract.nullable === false) reasons.push(`${name} nullable`)
      } else if (!oracle(scalarOf(contractType(contract)), text)) reasons.push(`${name} type`)
      else {
        if (contract.min !== undefined && Number(text) < Number(contract.min)) reasons.push(`${name} min`)
        if (contract.max !== undefined && Number(text) > Number(contract.max)) reasons.push(`${name} max`)
        if (contract.pattern !== undefined && /[^abc]/.test(text)) reasons.push(`${name} pattern`)
        if (contract.accepted_values?.includes(text) === false) reasons.push(`${name} accepted_values`)
      }
    }
    return reasons
  }

  test('row by row', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 400 }), async (rows) => {
        const names = Object.keys(contracts)
        const lines = rows.map((r, i) => [String(i), ...names.map((n) => r[n] ?? null)])
        const body = lines.map((line) => line.map((v) => (v === null ? '' : `"${v}"`)).join(',')).join('\n')
        const columns = columnsOf({ n: { type: 'integer' }, ...contracts })
        const { result, accepted, rejected } = await pool.use((engine) =>
          scanAll(engine, {
            inputs: [csvInput(engine, `n,${names.join(',')}\n${body}\n`, ['n', ...names])],
            columns,
            pii_policy: 'preserve',
          }),
        )
        const verdicts = new Map<number, string[]>(accepted.map((r) => [r.n as number, []]))
        for (const r of rejected) {
          const n = Number(JSON.parse(r.raw!).n)
          expect(verdicts.has(n)).toBe(false)
          verdicts.set(n, reasonsOf(r))
        }
        expect(rows.map((_, i) => verdicts.get(i))).toEqual(rows.map(wanted))
        expect(verdicts.size).toBe(rows.length)
        expect(result).toMatchObject({
          rows_read: rows.length,
          rows_accepted: accepted.length,
          rows_rejected: rejected.length,
          rows_filtered: 0,
        })
      }),
      { numRuns: 12 },
    )
  })
})

describe('watermark', () => {
  const columns = columnsOf({
    id: { type: 'integer', max: 100 },
    at: { type: 'date', max: '2030-01-01' },
    s: { type: 'string' },
  })
  const body =
    'id,at,s\n1,2024-01-01,a\n2,2024-01-03,c\n3,2024-01-02,b\n4,,z\n5,2024-01-09 junk,d\n6,9999-01-01,e\n777,2024-01-05,f\n'

  const scan = (watermark: { name: string; after?: string }[]) =>
    pool.use(async (engine) => {
      const input = csvInput(engine, body, ['id', 'at', 's'])
      return await scanAll(engine, {
        inputs: [input],
        columns,
        watermark: { columns: watermark },
        pii_policy: 'preserve',
      })
    })

  test('the first read takes all, and its largest value leaves out what a rule refuses in that column', async () => {
    const { result, accepted, rejected } = await scan([{ name: 'at' }])
    expect(accepted.map((row) => row.id)).toEqual([1, 2, 3])
    expect(rejected.map((row) => reasonsOf(row)).sort()).toEqual([
      ['at max'],
      ['at type'],
      ['at watermark_null'],
      ['id max'],
    ])
    expect(result).toMatchObject({ rows_read: 7, rows_filtered: 0, watermark: { at: '2024-01-05' } })
  })

  test('the next read leaves old rows out and counts them', async () => {
    const { result, accepted } = await scan([{ name: 'at', after: '2024-01-02' }])
    expect(accepted.map((row) => row.id)).toEqual([2])
    expect(result).toMatchObject({ rows_read: 7, rows_accepted: 1, rows_rejected: 4, rows_filtered: 2 })
  })

  test('any of several columns beyond its mark is enough; strings are exact', async () => {
    const { result, accepted } = await scan([
      { name: 'at', after: '2024-01-02' },
      { name: 's', after: 'a' },
    ])
    expect(accepted.map((row) => row.id)).toEqual([2, 3, 4])
    expect(result.watermark).toEqual({ at: '2024-01-05', s: 'z' })
    expect(result.rows_filtered).toBe(1)
  })

  test('nothing new', async () => {
    const { result } = await scan([{ name: 's', after: 'zz' }])
    expect(result).toMatchObject({ rows_read: 7, rows_filtered: 7, accepted: [], watermark: { s: null } })
  })

  test('long strings and zoned timestamps come back in their grammar', async () => {
    const long = 'x'.repeat(300)
    const { watermark } = await pool.use(async (engine) => {
      const input = csvInput(
        engine,
        `z,l\n2024-01-05T10:00:00.5+05:30,${long}b\n2024-01-05T01:00Z,${long}a\n`,
        ['z', 'l'],
      )
      const both = columnsOf({ z: { type: 'timestamp_tz' }, l: { type: 'string' } })
      const marks = { columns: [{ name: 'z' }, { name: 'l' }] }
      return (await scanAll(engine, { inputs: [input], columns: both, watermark: marks })).result
    })
    expect(watermark).toEqual({ z: '2024-01-05 04:30:00.5Z', l: `${long}b` })
    expect(oracle({ type: 'timestamp_tz' }, watermark.z!)).toBe(true)
  })

  test('a stored mark that is no value of the column’s type is refused', async () => {
    await expect(scan([{ name: 'at', after: 'yesterday' }])).rejects.toMatchObject({
      code: 'SCAN_REQUEST_INVALID',
    })
  })
})

test('under masked the columns and NULLs of a row are kept, with a token in place of each value', async () => {
  await pool.use(async (engine) => {
    const input = csvInput(engine, 'v,w,u\nsecret-4711,9999,\nx,y,z,secret-4712\n', ['v', 'w', 'u'])
    const columns = columnsOf({
      v: { type: 'integer' },
      w: { type: 'integer', max: 5 },
      u: { type: 'string' },
    })
    const { rejected } = await scanAll(engine, { inputs: [input], columns, pii_policy: 'masked' })
    expect(rejected.map((row) => JSON.parse(row.raw!))).toEqual([
      { _line: '[masked line]' },
      { v: '[masked text]', w: '[masked text]', u: null },
    ])
    const stored = JSON.stringify(rejected, (_k, v) => (typeof v === 'bigint' ? String(v) : v))
    expect(stored).not.toMatch(/secret|9999/)
  })
})
