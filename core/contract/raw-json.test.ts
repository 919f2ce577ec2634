import { join } from 'node:path'
import { expect, test } from 'vitest'
import { quoteLiteral } from '../engine/sql.ts'
import { contractOf } from './nested.suite.ts'
import { rawJson } from './raw-json.ts'
import { columnsOf, openTestPool, reasonsOf, scanAll } from './scan.suite.ts'

const pool = openTestPool(1)

/** The column `v` of a Parquet file, judged as `type`: what is kept of its rows, and what the replay of these is told. */
async function rejectedOf(input: string, type: string, values: readonly string[]) {
  return await pool.use(async (engine) => {
    const path = join(engine.directory, 'in.parquet')
    const rows = values.map((value) => `SELECT CAST(${value} AS ${input}) AS v, 'x' AS n`)
    await engine.run(`COPY (${rows.join(' UNION ALL ')}) TO ${quoteLiteral(path)} (FORMAT parquet)`)
    const scan = async (inputs: Parameters<typeof scanAll>[1]['inputs'], v: string, n: string) => {
      const columns = columnsOf({
        v: { ...contractOf(type), input: v },
        n: { type: 'integer', input: n },
      })
      return (await scanAll(engine, { inputs, columns, pii_policy: 'preserve' })).rejected
    }
    const rejected = await scan([{ kind: 'parquet', source: 'p', path }], input, 'VARCHAR')
    const kept = rejected.map(({ raw }) => raw as string)
    const lines = `SELECT raw ->> 'v' AS v, raw ->> 'n' AS n FROM (SELECT unnest([${kept.map(quoteLiteral).join(', ')}]) AS raw)`
    const again = await scan([{ kind: 'sql', source: 't', sql: lines, relations: {} }], 'text', 'VARCHAR')
    return { kept: kept.map((raw) => JSON.parse(raw).v), again: again.map(reasonsOf) }
  })
}

test.each<[string, string, Record<string, unknown>]>([
  [
    'DOUBLE[]',
    'list<double>',
    { "['nan'::DOUBLE, 1e30, NULL]": ['nan', 1e30, null], "['-inf']": ['-inf'], '[]': [], NULL: null },
  ],
  [
    'STRUCT(a FLOAT, "b c" VARCHAR, d STRUCT(e DOUBLE[][]))',
    'struct<a: float, d: struct<e: list<list<double>>>>',
    {
      "{'a': 'inf', 'b c': 'y', 'd': {'e': [['nan'::DOUBLE, 0.5], NULL]}}": {
        a: 'inf',
        'b c': 'y',
        d: { e: [['nan', 0.5], null] },
      },
      "{'a': NULL, 'b c': NULL, 'd': NULL}": { a: null, 'b c': null, d: null },
      NULL: null,
    },
  ],
  [
    'MAP(INTEGER, DOUBLE)',
    'map<integer, double>',
    { "MAP {1: 'nan'::DOUBLE, 2: 0.5, 3: NULL}": { 1: 'nan', 2: 0.5, 3: null }, 'MAP {}': {}, NULL: null },
  ],
  [
    'MAP(VARCHAR, STRUCT(x DOUBLE)[])',
    'map<string, list<struct<x: double>>>',
    { "MAP {'a': [{'x': '-inf'}, NULL], 'b': NULL}": { a: [{ x: '-inf' }, null], b: null } },
  ],
])(
  'what is kept of %s is JSON with NaN and infinities as texts, and can be judged again',
  async (input, type, cases) => {
    const { kept, again } = await rejectedOf(input, type, Object.keys(cases))
    expect(kept).toEqual(Object.values(cases))
    expect(again).toHaveLength(kept.length)
  },
)

test.each(['VARCHAR', 'text', 'INTEGER[]', 'STRUCT(a MAP(DOUBLE, DATE))', "ENUM('DOUBLE')[]"])(
  'of %s nothing is taken apart',
  (input) => {
    expect(rawJson(input, 'r')).toBe('r')
  },
)
