import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sorted, withEachReader } from './both.ts'
import { currentSnapshot, openLake, type Says } from './lake.ts'
import type { Filter, Row } from './reader.ts'

const lake = openLake()
const snapshots: string[] = []

async function load(table: string, says: Says, csv: string): Promise<void> {
  await lake.load(table, says, csv)
  snapshots.push(currentSnapshot(lake.metadata(table)))
}

/** What comes after each load, oldest first; `x` is dropped, and a column of that name comes back later. */
const history: { says: Says; csv: string; columns: string[]; rows: Row[] }[] = [
  {
    says: {
      contract:
        '{ columns: { n: { type: integer }, d: { type: decimal, precision: 4, scale: 1 }, f: { type: float }, st: { type: struct, fields: { a: { type: integer }, z: { type: string } } } } }',
      type: 'overwrite',
    },
    csv: 'n,d,f,x,st\n1,-99.9,0.1,old,"{""a"":1,""z"":""gone""}"\n',
    columns: ['1 n int', '2 d decimal(4, 1)', '3 f float', '4 x string', '5 st struct'],
    rows: [{ n: '1', d: '-99.9', f: Math.fround(0.1), x: 'old', st: { a: '1', z: 'gone' } }],
  },
  {
    says: {
      contract:
        '{ columns: { n: { type: integer }, d: { type: decimal, precision: 4, scale: 1 }, f: { type: float }, st: { type: struct, fields: { a: { type: integer } } } } }',
      type: 'overwrite',
    },
    csv: 'n,d,f,st\n2,2.5,0.2,"{""a"":2}"\n',
    columns: ['1 n int', '2 d decimal(4, 1)', '3 f float', '5 st struct'],
    rows: [{ n: '2', d: '2.5', f: Math.fround(0.2), st: { a: '2' } }],
  },
  {
    says: {
      contract:
        '{ columns: { m: { type: bigint, rename_from: n }, d: { type: decimal, precision: 30, scale: 1 }, f: { type: double }, st: { type: struct, fields: { b: { type: string }, a: { type: bigint } } } } }',
      evolution: '{ column_order: load }',
    },
    csv: 'st,x,f,d,m\n"{""b"":""new"",""a"":5000000000}",back,1e300,12345678901234567890.5,5000000000\n',
    columns: ['5 st struct', '10 x string', '3 f double', '2 d decimal(30, 1)', '1 m long'],
    rows: [
      { m: '2', d: '2.5', f: Math.fround(0.2), st: { a: '2', b: null }, x: null },
      {
        m: '5000000000',
        d: '12345678901234567890.5',
        f: 1e300,
        st: { a: '5000000000', b: 'new' },
        x: 'back',
      },
    ],
  },
]

/** One load per spec, each with a row of this century and one of the last. */
const specs = [
  '"day(ts)"',
  '"month(ts)"',
  '"hour(ts)", "bucket(3, id)"',
  '',
  'id',
  '"truncate(10, id)"',
  '"day(ts)"',
  '"void(ts)", id',
  '"bucket(5, id)", "year(ts)"',
]

beforeAll(async () => {
  for (const { says, csv } of history) await load('evolved', says, csv)
  const contract = '{ columns: { id: { type: bigint }, ts: { type: timestamp } } }'
  for (const [i, spec] of specs.entries()) {
    const n = i + 1
    const csv = `id,ts\n${n},2024-01-0${n}T12:00:00\n-${n},19${60 + n}-12-31T23:59:59\n`
    await lake.load('respecified', { contract, physical: `{ partition_by: [${spec}] }` }, csv)
  }
  const byKey = (type: string) => ({
    contract: `{ columns: { k: { type: ${type} }, v: { type: string } } }`,
    physical: '{ partition_by: [k, "bucket(4, k)", "truncate(10, k)"] }',
  })
  await lake.load('widened', byKey('integer'), 'k,v\n-1,a\n7,b\n')
  await lake.load('widened', byKey('bigint'), 'k,v\n5000000000,c\n7,d\n')
})
afterAll(() => lake.close())

describe('evolved tables', () => {
  withEachReader(lake, (ask) => {
    it.each([0, 1, 2])('the snapshot of load %i has its own columns and rows', async (i) => {
      const { columns, rows } = await ask({ table: 't.evolved', snapshot: snapshots[i] as string })
      const own = columns.filter(({ name }) => !name.startsWith('_sluice_'))
      expect(own.map(({ id, name, type }) => `${id} ${name} ${type.replace(/<.*/, '')}`)).toEqual(
        history[i]?.columns,
      )
      const byName = (row: Row) =>
        Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))
      expect(sorted(rows).map(byName)).toEqual(sorted(history[i]?.rows ?? []).map(byName))
    })

    it.each([
      [['=', 'm', 2], '2'],
      [['=', 'm', { long: '5000000000' }], '5000000000'],
      [['<', 'd', '3.0'], '2'],
      [['>', 'f', 1e200], '5000000000'],
      [['=', 'x', 'back'], '5000000000'],
      [['=', 'st.b', 'new'], '5000000000'],
    ] as [Filter, string][])('%j, by bounds of either age', async (filter, m) => {
      const { rows } = await ask({ table: 't.evolved', filter })
      expect(rows.map((row) => row.m)).toEqual([m])
    })

    it('files of nine specs are one table', async () => {
      const found = async (filter?: Filter) => {
        const answer = await ask({ table: 't.respecified', ...(filter === undefined ? {} : { filter }) })
        return {
          files: answer.files.length,
          ids: answer.rows.map(({ id }) => Number(id)).toSorted((a, b) => a - b),
        }
      }
      expect((await found()).ids).toEqual([-9, -8, -7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9])
      for (const n of [-9, -6, -5, -3, 4, 7, 8]) expect((await found(['=', 'id', n])).ids).toEqual([n])
      expect(await found(['=', 'ts', '2024-01-05T12:00:00'])).toEqual({ files: 1, ids: [5] })
      // The fourth is a file without partitions, of both centuries.
      expect(await found(['<', 'ts', '1965-01-01T00:00:00'])).toEqual({ files: 4, ids: [-4, -3, -2, -1] })
    })

    it.each([
      [
        ['=', 'k', 7],
        ['b', 'd'],
      ],
      [['<', 'k', 0], ['a']],
      [['=', 'k', { long: '5000000000' }], ['c']],
    ] as [Filter, string[]][])('a partition column that was widened: %j', async (filter, expected) => {
      const { rows } = await ask({ table: 't.widened', filter })
      expect(rows.map(({ v }) => v).toSorted()).toEqual(expected)
    })
  })
})
