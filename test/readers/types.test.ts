import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sorted, withEachReader } from './both.ts'
import { openLake } from './lake.ts'
import type { Filter } from './reader.ts'

const contract = `{ columns: {
  id: { type: bigint, nullable: false }, ti: { type: tinyint }, i: { type: integer },
  d: { type: decimal, precision: 38, scale: 10 }, small: { type: decimal, precision: 5, scale: 5 },
  f: { type: float }, g: { type: double }, b: { type: boolean }, dt: { type: date }, ts: { type: timestamp },
  tz: { type: timestamp_tz }, tm: { type: time }, u: { type: uuid }, bin: { type: binary }, j: { type: json },
  s: { type: string }, l: { type: list, items: { type: date } },
  st: { type: struct, fields: { a: { type: string }, n: { type: list, items: { type: decimal, precision: 9, scale: 2 } } } },
  m: { type: map, keys: { type: string }, values: { type: timestamp_tz } } } }`

const header = 'id,ti,i,d,small,f,g,b,dt,ts,tz,tm,u,bin,j,s,l,st,m\n'
const largest =
  '9223372036854775807,127,2147483647,9999999999999999999999999999.9999999999,0.99999,3.4e38,1e308,true,9999-12-31,9999-12-31T23:59:59.999999,9999-12-31T23:59:59.999999Z,23:59:59.999999,ffffffff-ffff-ffff-ffff-ffffffffffff,ff00,"{""a"":1}",ünïcødé 😀,"[""2024-01-01"",null]","{""a"":""x"",""n"":[1.5,null]}","{""k"":""2024-01-01T00:00:00Z"",""z"":null}"\n'
const least =
  '-9223372036854775808,-128,-2147483648,-9999999999999999999999999999.9999999999,-0.99999,-3.4e38,-1e308,false,0001-01-01,0001-01-01 00:00:00,0001-01-01T00:00:00Z,00:00,00000000-0000-0000-0000-000000000000,00,null,"","[]","{""a"":null,""n"":[]}","{}"\n'
const middle =
  '4,0,0,0,0,0.1,0.1,true,1969-12-31,1969-12-31T23:59:59.999999,1970-01-01T00:00:00+05:30,00:00:00.000001,a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,,[],aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,,,\n'
const none = '3,,,,,,,,,,,,,,,,,,\n'

const empty = Object.fromEntries(
  header
    .trim()
    .split(',')
    .map((name) => [name, null]),
)
/** By their id: what each line is in the common form. */
const rows = {
  largest: {
    id: '9223372036854775807',
    ti: '127',
    i: '2147483647',
    d: '9999999999999999999999999999.9999999999',
    small: '0.99999',
    f: Math.fround(3.4e38),
    g: 1e308,
    b: 'true',
    dt: '2932896',
    ts: '253402300799999999',
    tz: '253402300799999999',
    tm: '86399999999',
    u: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    bin: 'ff00',
    j: '{"a":1}',
    s: 'ünïcødé 😀',
    l: ['19723', null],
    st: { a: 'x', n: ['1.50', null] },
    m: [
      ['k', '1704067200000000'],
      ['z', null],
    ],
  },
  least: {
    id: '-9223372036854775808',
    ti: '-128',
    i: '-2147483648',
    d: '-9999999999999999999999999999.9999999999',
    small: '-0.99999',
    f: Math.fround(-3.4e38),
    g: -1e308,
    b: 'false',
    dt: '-719162',
    ts: '-62135596800000000',
    tz: '-62135596800000000',
    tm: '0',
    u: '00000000-0000-0000-0000-000000000000',
    bin: '00',
    j: 'null',
    s: '',
    l: [],
    st: { a: null, n: [] },
    m: [],
  },
  middle: {
    ...empty,
    id: '4',
    ti: '0',
    i: '0',
    d: '0.0000000000',
    small: '0.00000',
    f: Math.fround(0.1),
    g: 0.1,
    b: 'true',
    dt: '-1',
    ts: '-1',
    tz: '-19800000000',
    tm: '1',
    u: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    j: '[]',
    s: 'a'.repeat(32),
  },
  none: { ...empty, id: '3' },
}

const lake = openLake()
beforeAll(async () => {
  await lake.load('types', { contract }, header + largest)
  await lake.load('types', { contract }, header + least)
  // Apart from the others: to Java's row filter NULL is less than anything.
  await lake.load('types', { contract }, header + none)
  await lake.load('types', { contract }, header + middle)
})
afterAll(() => lake.close())

/** The row of which file each filter is to find. */
const filters: [Filter, keyof typeof rows][] = [
  [['=', 'id', { long: '9223372036854775807' }], 'largest'],
  [['<', 'id', 0], 'least'],
  [['=', 'ti', 0], 'middle'],
  [['>=', 'i', 2147483647], 'largest'],
  [['=', 'd', '-9999999999999999999999999999.9999999999'], 'least'],
  [['=', 'd', '0.0000000000'], 'middle'],
  [['<', 'small', '-0.99998'], 'least'],
  [['>', 'f', 1e38], 'largest'],
  [['=', 'g', 0.1], 'middle'],
  [['=', 'b', false], 'least'],
  [['=', 'dt', '1969-12-31'], 'middle'],
  [['>', 'ts', '2024-01-01T00:00:00'], 'largest'],
  [['=', 'ts', '1969-12-31T23:59:59.999999'], 'middle'],
  [['=', 'tz', '1969-12-31T18:30:00+00:00'], 'middle'],
  [['<', 'tz', '0002-01-01T00:00:00+00:00'], 'least'],
  [['=', 'bin', { hex: 'ff00' }], 'largest'],
  [['starts_with', 's', 'ünï'], 'largest'],
  [['=', 's', 'a'.repeat(32)], 'middle'],
  [['=', 'j', '[]'], 'middle'],
  [['and', ['is_null', 'b'], ['is_null', 'bin']], 'none'],
  [['=', 'st.a', 'x'], 'largest'],
]

describe('every type', () => {
  withEachReader(lake, (ask, name) => {
    it('comes back as it was loaded', async () => {
      const { columns, rows: found } = await ask({ table: 't.types' })
      expect(sorted(found)).toEqual(sorted(Object.values(rows)))
      expect(columns.slice(0, 16).map(({ id, name, type }) => `${id} ${name} ${type}`)).toEqual([
        '1 id long',
        '2 ti int',
        '3 i int',
        '4 d decimal(38, 10)',
        '5 small decimal(5, 5)',
        '6 f float',
        '7 g double',
        '8 b boolean',
        '9 dt date',
        '10 ts timestamp',
        '11 tz timestamptz',
        '12 tm time',
        '13 u uuid',
        '14 bin binary',
        '15 j string',
        '16 s string',
      ])
    })

    it.each(filters)('%j finds its row, and opens no other file', async (filter, row) => {
      const { rows: found, files } = await ask({ table: 't.types', filter })
      expect(sorted(found)).toEqual([rows[row]])
      expect(files).toHaveLength(filter[1] === 'st.a' && name === 'pyiceberg' ? files.length : 1)
    })

    it('a time is found where it lies between the bounds', async () => {
      const { rows: found } = await ask({ table: 't.types', filter: ['=', 'tm', '00:00:00.000001'] })
      expect(sorted(found)).toEqual([rows.middle])
    })

    it.each([rows.largest.u, rows.middle.u, rows.least.u])(
      'the file with the uuid %s is opened',
      async (u) => {
        expect((await ask({ table: 't.types', filter: ['=', 'u', u] })).rows).toHaveLength(1)
      },
    )
  })
})
