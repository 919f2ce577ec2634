import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withEachReader } from './both.ts'
import { openLake } from './lake.ts'
import type { Filter } from './reader.ts'

const contract = `{ columns: { id: { type: bigint }, i: { type: integer }, d: { type: decimal, precision: 9, scale: 2 },
  b: { type: boolean }, dt: { type: date }, ts: { type: timestamp }, tz: { type: timestamp_tz }, tm: { type: time },
  u: { type: uuid }, bin: { type: binary }, s: { type: string } } }`
const columns = ['id', 'i', 'd', 'b', 'dt', 'ts', 'tz', 'tm', 'u', 'bin', 's'] as const

/** In the order of the columns. Before 1970, below zero, beyond 2^53, not ASCII, made of what paths are made of. */
const rows = `
1 5 12.34 true 2024-02-29 2024-02-29T12:34:56.789012 2024-02-29T23:30:00-01:00 12:34:56 a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11 00ff10 iceberg
-7 -5 -12.34 false 1969-12-31 1969-12-31T23:59:59.999999 1969-12-31T23:59:59+00:00 00:00:00 00000000-0000-0000-0000-000000000000 ff ünïcødé😀
9007199254740993 -2147483640 9999999.99 true 0001-01-02 0001-01-02T00:00:00 0001-01-02T00:00:00+00:00 23:59:59.999999 ffffffff-ffff-ffff-ffff-ffffffffffff 01 a=b/c%2F:d
-9223372036854775800 2147483647 -0.01 false 9998-12-31 9998-12-31T23:59:59.999999 9998-12-31T23:59:59.999999+00:00 12:00:00 f79c3e09-677c-4bbd-a479-3f349cb785e7 00010203 😀😀😀😀😀`
  .trim()
  .split('\n')
  .map((line) => line.split(' '))
const csv = `${columns.join(',')}\n${rows.map((row) => row.join(',')).join('\n')}\n0,,,,,,,,,,\n`

/** Each transform of every type that it is written for, in as few tables as one cut by time per column allows. */
const tables = {
  identity: ['id', 'i', 'd', 'b', 'dt', 'ts', 'tz', 'tm', 'bin', 's'],
  bucket: ['id', 'i', 'd', 'dt', 'ts', 'tz', 'tm', 'u', 'bin', 's'].map((column) => `bucket(7, ${column})`),
  truncate: ['truncate(10, id)', 'truncate(10, i)', 'truncate(10, d)', 'truncate(2, s)', 'truncate(1, bin)'],
  years: ['year(dt)', 'year(ts)', 'year(tz)'],
  months: ['month(dt)', 'month(ts)', 'month(tz)'],
  days: ['day(dt)', 'day(ts)', 'day(tz)', 'void(s)'],
  hours: ['hour(ts)', 'hour(tz)'],
} as const

const lake = openLake()
beforeAll(async () => {
  for (const [table, terms] of Object.entries(tables)) {
    const physical = `{ partition_by: [${terms.map((term) => `"${term}"`).join(', ')}] }`
    await lake.load(table, { contract, physical }, csv)
  }
})
afterAll(() => lake.close())

function literal(column: (typeof columns)[number], text: string) {
  if (column === 'id') return { long: text }
  if (column === 'i') return Number(text)
  if (column === 'b') return text === 'true'
  return column === 'bin' ? { hex: text } : text
}

describe('partitions', () => {
  withEachReader(lake, (ask) => {
    const ids = async (table: string, filter?: Filter) => {
      const answer = await ask({ table: `t.${table}`, ...(filter === undefined ? {} : { filter }) })
      return { ...answer, ids: answer.rows.map(({ id }) => String(id)).toSorted() }
    }

    it.each(Object.keys(tables))('%s: all rows are there', async (table) => {
      const all = await ids(table)
      expect(all.ids).toEqual([...rows.map((row) => row[0]), '0'].toSorted())
    })

    it.each(
      Object.entries(tables).flatMap(([table, terms]) =>
        terms.map((term) => [table, term, /(\w+)\)?$/.exec(term)?.[1] as (typeof columns)[number]] as const),
      ),
    )('%s: %s leads to each row of its own', async (table, _term, column) => {
      const at = columns.indexOf(column)
      for (const row of rows) {
        const value = row[at] as string
        const equal = rows.filter((other) => other[at] === value).map(([id]) => id)
        const found = await ids(table, ['=', column, literal(column, value)])
        expect([value, found.ids]).toEqual([value, equal.toSorted()])
        // Bounds or partitions leave no more than the rows of the same value, and one that shares their bucket.
        expect(found.files.length).toBeLessThanOrEqual(equal.length + (table === 'bucket' ? 1 : 0))
      }
      const isNull = await ids(table, ['is_null', column])
      expect(isNull.ids).toEqual(column === 'id' ? [] : ['0'])
    })

    it.each([
      ['identity', ['<', 'd', '0.00'], ['-7', '-9223372036854775800']],
      ['truncate', ['<', 'i', -5], ['9007199254740993']],
      ['truncate', ['starts_with', 's', '😀😀😀'], ['-9223372036854775800']],
      ['years', ['<', 'dt', '1970-01-01'], ['-7', '9007199254740993']],
      ['months', ['>=', 'ts', '1969-12-31T23:59:59.999999'], ['-7', '1', '-9223372036854775800']],
      ['days', ['<', 'tz', '1970-01-01T00:00:00+00:00'], ['-7', '9007199254740993']],
      ['hours', ['in', 'ts', ['1969-12-31T23:59:59.999999', '2024-02-29T12:34:56.789012']], ['-7', '1']],
    ] as [string, Filter, string[]][])('%s: %j', async (table, filter, expected) => {
      expect((await ids(table, filter)).ids).toEqual(expected.toSorted())
    })
  })
})
