import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type DataFile, dataFileFromStats, type FileStats } from './data-file.ts'
import { copyTo, openDuckdb } from './duckdb.suite.ts'
import { openLake } from './lake.suite.ts'
import { decodeBounds } from './scan.ts'
import { assignFieldIds } from './schema.ts'
import type { IcebergType, NestedField, Schema } from './types.ts'

const { directory } = openLake()
const duckdb = await openDuckdb()

const column = (name: string, type: IcebergType): NestedField => ({ id: 0, name, required: false, type })
const schemaOf = (columns: Record<string, IcebergType>): Schema =>
  assignFieldIds(Object.entries(columns).map(([name, type]) => column(name, type))).schema

let files = 0
async function describeQuery(
  query: string,
  schema: Schema,
  options = '',
  nanFree?: 'all',
): Promise<DataFile> {
  files += 1
  const stats = await copyTo(duckdb, query, join(directory, `${files}.parquet`), options)
  return dataFileFromStats(stats, schema, 'file:///x.parquet', { nanFree })
}

const every = schemaOf({
  b: { kind: 'boolean' },
  i: { kind: 'int' },
  l: { kind: 'long' },
  f: { kind: 'float' },
  d: { kind: 'double' },
  d4: { kind: 'decimal', precision: 4, scale: 2 },
  d18: { kind: 'decimal', precision: 18, scale: 18 },
  d38: { kind: 'decimal', precision: 38, scale: 2 },
  dt: { kind: 'date' },
  t: { kind: 'time' },
  ts: { kind: 'timestamp' },
  tz: { kind: 'timestamptz' },
  s: { kind: 'string' },
  u: { kind: 'uuid' },
  bin: { kind: 'binary' },
})

describe('a real RETURN_STATS row', () => {
  test('gives counts, sizes and the bounds of every type', async () => {
    const file = await describeQuery(
      `SELECT i = 1 AS b, (i - 1)::INTEGER AS i, (i * 5000000000000000000 - 5000000000000000000)::BIGINT AS l,
        (i / 3)::FLOAT AS f, (i * 1e300 - 1e300)::DOUBLE AS d, (i - 1.25)::DECIMAL(4,2) AS d4,
        ((i - 1) * 0.05)::DECIMAL(18,18) AS d18, (i * 123456789012345678901234567890 - 1.01)::DECIMAL(38,2) AS d38,
        DATE '1969-12-31' + i::INTEGER AS dt, TIME '23:59:58.5' + to_seconds(i) AS t,
        TIMESTAMP '0001-01-01 00:00:00' + to_microseconds(i) AS ts, TIMESTAMPTZ '2024-01-05 10:00:00+05:30' + to_hours(i) AS tz,
        CASE WHEN i = 0 THEN 'a longer text than sixteen' ELSE 'zzzzzzzzzzzzzzzzz' END AS s,
        (CASE i WHEN 0 THEN '0' ELSE 'f' END || 'fffffff-0000-4000-8000-000000000000')::UUID AS u,
        unhex('00ff') AS bin, 'helper' AS _errors
       FROM range(2) r(i)`,
      every,
      '',
      'all',
    )
    const names = every.fields.map((field) => field.name)
    const bounds = decodeBounds(file, every)
    expect(Object.fromEntries(names.map((name, n) => [name, bounds.get(n + 1)]))).toEqual({
      b: { lower: false, upper: true },
      i: { lower: -1, upper: 0 },
      l: { lower: -5000000000000000000n, upper: 0n },
      f: { lower: -0, upper: Math.fround(1 / 3) },
      d: { lower: -1e300, upper: 0 },
      d4: { lower: -125n, upper: -25n },
      d18: { lower: -50000000000000000n, upper: 0n },
      d38: { lower: -101n, upper: 12345678901234567890123456788899n },
      dt: { lower: -1, upper: 0 },
      t: { lower: 86_398_500_000n, upper: 86_399_500_000n },
      ts: { lower: -62135596800000000n, upper: -62135596799999999n },
      tz: { lower: 1704429000000000n, upper: 1704432600000000n },
      s: { lower: 'a longer text th', upper: 'zzzzzzzzzzzzzzz{' },
      bin: { lower: Buffer.from('00ff', 'hex'), upper: Buffer.from('00ff', 'hex') },
      // Readers do not agree on the order of UUIDs.
      u: undefined,
    })
    expect([file.recordCount, file.content, file.fileFormat]).toEqual([2n, 'data', 'PARQUET'])
    expect(file.fileSizeInBytes).toBeGreaterThan(1000n)
    expect([...(file.valueCounts?.keys() ?? [])]).toEqual(every.fields.map((field) => field.id))
    expect(new Set(file.nullValueCounts?.values())).toEqual(new Set([0n]))
    expect([...(file.columnSizes?.values() ?? [])].every((size) => size > 0n)).toBe(true)
  })

  test('columns in structs have bounds, columns in lists and maps counts only, by their quoted paths', async () => {
    const schema = schemaOf({
      'odd "name".x': { kind: 'int' },
      p: { kind: 'struct', fields: [column('x', { kind: 'int' }), column('a.b', { kind: 'string' })] },
      li: { kind: 'list', elementId: 0, elementRequired: false, element: { kind: 'int' } },
      m: {
        kind: 'map',
        keyId: 0,
        key: { kind: 'string' },
        valueId: 0,
        valueRequired: false,
        value: { kind: 'int' },
      },
    })
    const file = await describeQuery(
      `SELECT 5 AS "odd ""name"".x", {'x': i, 'a.b': 'q'} AS p, [i, i] AS li, MAP {'k': i} AS m FROM range(3) r(i)`,
      schema,
    )
    expect(Object.fromEntries(decodeBounds(file, schema))).toEqual({
      1: { lower: 5, upper: 5 },
      5: { lower: 0, upper: 2 },
      6: { lower: 'q', upper: 'q' },
    })
    expect(Object.fromEntries(file.valueCounts as Map<number, bigint>)).toEqual({
      1: 3n,
      5: 3n,
      6: 3n,
      7: 6n,
      8: 3n,
      9: 3n,
    })
  })

  test('nulls count, and a column of nulls has no bounds', async () => {
    const schema = schemaOf({ n: { kind: 'int' }, s: { kind: 'string' } })
    const file = await describeQuery(`SELECT NULL::INTEGER AS n, unnest(['a', NULL, 'b']) AS s`, schema)
    expect(file.nullValueCounts).toEqual(
      new Map([
        [1, 3n],
        [2, 1n],
      ]),
    )
    expect(decodeBounds(file, schema)).toEqual(new Map([[2, { lower: 'a', upper: 'b' }]]))
  })

  test('an infinite date or timestamp leaves its bound open', async () => {
    const schema = schemaOf({ d: { kind: 'date' }, t: { kind: 'timestamp' } })
    const query = `SELECT unnest(['-infinity', '2024-01-01'])::DATE AS d, unnest(['infinity', '2024-01-01'])::TIMESTAMP AS t`
    expect(decodeBounds(await describeQuery(query, schema), schema)).toEqual(
      new Map<number, object>([
        [1, { upper: 19723 }],
        [2, { lower: 1704067200000000n }],
      ]),
    )
  })

  test('the bounds enclose every value that was written', async () => {
    const schema = schemaOf({
      s: { kind: 'string' },
      d: { kind: 'double' },
      c: { kind: 'decimal', precision: 20, scale: 3 },
    })
    const row = fc.record({
      s: fc.string({
        maxLength: 24,
        unit: fc.constantFrom('a', 'b', 'é', '￿', '😀', '\u{10ffff}', ' ', "'"),
      }),
      d: fc.double({ noNaN: true, noDefaultInfinity: true }),
      c: fc.bigInt({ min: -(10n ** 20n) + 1n, max: 10n ** 20n - 1n }),
    })
    const property = fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
      const values = rows.map(({ s, d, c }) => {
        const text = `${c < 0n ? '-' : ''}${(c < 0n ? -c : c) / 1000n}.${String((c < 0n ? -c : c) % 1000n).padStart(3, '0')}`
        return `('${s.replaceAll("'", "''")}', '${d}'::DOUBLE, '${text}'::DECIMAL(20,3))`
      })
      const file = await describeQuery(
        `SELECT * FROM (VALUES ${values.join(',')}) v(s, d, c)`,
        schema,
        '',
        'all',
      )
      const [s, d, c] = [1, 2, 3].map((id) => decodeBounds(file, schema).get(id))
      const utf8 = (text: unknown) => Buffer.from(text as string)
      for (const one of rows) {
        expect(utf8(s?.lower).compare(utf8(one.s))).toBeLessThanOrEqual(0)
        if (s?.upper !== undefined) expect(utf8(s.upper).compare(utf8(one.s))).toBeGreaterThanOrEqual(0)
        expect([d?.lower as number, one.d, d?.upper as number].toSorted((a, b) => a - b)[1]).toBe(one.d)
        expect((c?.lower as bigint) <= one.c && one.c <= (c?.upper as bigint)).toBe(true)
      }
      expect([d?.lower, d?.upper].map((x) => (x as number) + 0)).toEqual([
        Math.min(...rows.map((one) => one.d)) + 0,
        Math.max(...rows.map((one) => one.d)) + 0,
      ])
    })
    await fc.assert(property, { numRuns: 40 })
  })
})

describe('NaN', () => {
  const schema = schemaOf({ d: { kind: 'double' } })
  const withNan = `SELECT CASE WHEN i = 3 THEN 'nan' ELSE i::VARCHAR END::DOUBLE AS d FROM range(6144) r(i)`

  test('DuckDB reports it for the last row group only, so has_nan = false proves nothing', async () => {
    const stats = await copyTo(duckdb, withNan, join(directory, 'nan.parquet'), ', ROW_GROUP_SIZE 2048')
    expect(stats.columns['"d"']).toMatchObject({ has_nan: false, min: '0.0', max: '6143.0' })
  })

  test('therefore only columns known to be free of it get bounds and a NaN count', async () => {
    const unknown = await describeQuery('SELECT 1.5::DOUBLE AS d', schema)
    expect([unknown.lowerBounds?.size, unknown.upperBounds?.size, unknown.nanValueCounts?.size]).toEqual([
      0, 0, 0,
    ])
    const known = await describeQuery('SELECT 1.5::DOUBLE AS d', schema, '', 'all')
    expect(decodeBounds(known, schema).get(1)).toEqual({ lower: 1.5, upper: 1.5 })
    expect(known.nanValueCounts).toEqual(new Map([[1, 0n]]))
  })

  test('a NaN where none can be is refused', async () => {
    await expect(describeQuery(`SELECT 'nan'::DOUBLE AS d`, schema, '', 'all')).rejects.toThrowError(
      expect.objectContaining({ code: 'FILE_STATS_CONTRADICTORY' }),
    )
  })

  test('zero bounds include the zero of the other sign', async () => {
    const file = await describeQuery('SELECT 0.0::DOUBLE AS d', schema, '', 'all')
    expect(decodeBounds(file, schema).get(1)).toEqual({ lower: -0, upper: 0 })
  })
})

describe('stats by bare names', () => {
  const schema = schemaOf({ a: { kind: 'int' }, b: { kind: 'int' } })
  const stats: FileStats = {
    rows: 2,
    bytes: 100,
    columns: {
      b: { values: 2, nulls: 0, min: '1', max: '2' },
      _errors: { values: 2 },
      a: { values: 2, min: '3' },
    },
  }

  test('are in the order of field ids, without columns that the schema does not have', () => {
    const file = dataFileFromStats(stats, schema, 'file:///x')
    expect([...(file.valueCounts as Map<number, bigint>)]).toEqual([
      [1, 2n],
      [2, 2n],
    ])
    expect(decodeBounds(file, schema)).toEqual(
      new Map<number, object>([
        [1, { lower: 3 }],
        [2, { lower: 1, upper: 2 }],
      ]),
    )
  })

  test('that contradict the row count are refused', () => {
    expect(() => dataFileFromStats({ ...stats, rows: 3 }, schema, 'file:///x')).toThrowError(
      expect.objectContaining({ code: 'FILE_STATS_CONTRADICTORY' }),
    )
  })
})
