import { describe, expect, test } from 'vitest'
import type { Engine } from '../engine/engine.ts'
import { quoteLiterals } from '../engine/sql.ts'
import { columnsOf, csvInput, openTestPool, reasonsOf, scanAll } from './scan.suite.ts'
import type { ScanRequest } from './scan.ts'
import type { ColumnContract, RowRule } from './types.ts'

const pool = openTestPool(1)

async function scan(
  engine: Engine,
  contracts: Readonly<Record<string, ColumnContract>>,
  rules: readonly RowRule[],
  body: string,
  more: Partial<ScanRequest> = {},
) {
  const names = Object.keys(contracts)
  const input = csvInput(engine, `${names.join(',')}\n${body}`, names)
  const columns = columnsOf(contracts)
  return await scanAll(engine, { inputs: [input], columns, rules, pii_policy: 'preserve', ...more })
}

const flights = { departure: { type: 'integer' }, arrival: { type: 'integer' } } as const
const inTime: RowRule = { name: 'in_time', expr: 'Arrival >= departure -- as the timetable says' }

describe('a rule over the row', () => {
  test('rejects where it is false or NULL, and stays silent where a column has no value of its type', async () => {
    await pool.use(async (engine) => {
      const { result, accepted, rejected } = await scan(engine, flights, [inTime], '1,2\n3,2\n,2\nx,1\n')
      expect(accepted).toEqual([{ departure: 1, arrival: 2 }])
      expect(rejected.map((row) => [JSON.parse(row.raw!).departure, reasonsOf(row)])).toEqual([
        ['3', ['- row_rule']],
        [null, ['- row_rule']],
        ['x', ['departure type']],
      ])
      expect(rejected[0]!.reasons).toEqual([
        {
          code: 'contract.row_rule',
          column: null,
          rule: 'row_rule',
          name: 'in_time',
          message: 'breaks the rule in_time: Arrival >= departure -- as the timetable says',
        },
      ])
      expect(result.rejected!.by_reason).toEqual([
        { column: null, rule: 'row_rule', name: 'in_time', count: 2 },
        { column: 'departure', rule: 'type', count: 1 },
      ])
      expect(result.rules.at(-1)).toEqual({
        column: null,
        rule: 'row_rule',
        name: 'in_time',
        severity: 'error',
        count: 2,
      })
    })
  })

  test('what cannot be computed for a row breaks it, for that row alone', async () => {
    const rules = [{ name: 'sum', expr: 'departure + arrival < 9 AND CAST(departure AS TINYINT) + 1 > 0' }]
    await pool.use(async (engine) => {
      const { accepted, rejected } = await scan(engine, flights, rules, '1,2\n2147483647,1\n300,1\n2,2\n')
      expect(accepted).toEqual([
        { departure: 1, arrival: 2 },
        { departure: 2, arrival: 2 },
      ])
      expect(rejected).toHaveLength(2)
    })
  })

  test('reads columns by the names of the table, whatever the source and the scan call theirs', async () => {
    await pool.use(async (engine) => {
      const names = ['filename', 'order', 't0', 'file_row_number', 'Path']
      const input = csvInput(engine, `${names.join(',')}\n1,2,3,4,5\n5,4,3,2,1\n`, names)
      const columns = columnsOf(Object.fromEntries(names.map((name) => [name, { type: 'integer' }] as const)))
      const swapped = columns.map((column, i) => ({ ...column, source: names.at(-1 - i)! }))
      const expr = 'filename > "order" AND "order" > t0 AND T0 > file_row_number AND file_row_number > path'
      const rules = [{ name: 'falling', expr }]
      const { accepted, rejected } = await scanAll(engine, { inputs: [input], columns: swapped, rules })
      expect(accepted).toHaveLength(1)
      expect(Object.values(accepted[0]!)).toEqual([5, 4, 3, 2, 1])
      expect(rejected).toHaveLength(1)
    })
  })

  test.each<[string, RegExp]>([
    ['arrival', /it is of type INTEGER, not true or false/],
    ['landing > 1', /names landing, which is no column; the columns are departure, arrival/],
    ['arrival < random()', /calls random\(\)/],
    ['_sluice_t0 > 1', /names _sluice_t0, which is no column/],
  ])('%s is refused before anything is read', async (expr, why) => {
    await expect(
      pool.use((engine) => scan(engine, flights, [{ name: 'wrong', expr }], '1,2\n')),
    ).rejects.toMatchObject({
      name: 'ContractError',
      code: 'CONTRACT_RULE_INVALID',
      message: expect.stringMatching(why),
    })
  })
})

describe('a rule that warns', () => {
  const contracts = {
    id: { type: 'integer', nullable: false },
    age: { type: 'integer', min: 0, max: 150, nullable: false, severity: 'warn' },
    name: { type: 'string', max_length: 3, severity: 'warn' },
  } as const
  const rules: readonly RowRule[] = [
    { name: 'adult', expr: 'age >= 18', severity: 'warn' },
    { name: 'positive', expr: 'id > 0' },
  ]
  const body = '1,20,abc\n2,-1,abcd\n3,,a\n-4,200,b\n5,x,c\n,7,long\n6,30,\n'

  test('lets the row through and is counted, in rejected rows as well', async () => {
    await pool.use(async (engine) => {
      const { result, accepted, rejected } = await scan(engine, contracts, rules, body)
      expect(accepted.map(({ id }) => id)).toEqual([1, 2, 3, 6])
      expect(rejected.map((row) => [JSON.parse(row.raw!).age, reasonsOf(row)])).toEqual([
        ['200', ['- row_rule']],
        ['x', ['age type']],
        ['7', ['id nullable', '- row_rule']],
      ])
      const count = (column: string | null, rule: string, severity: string, n: number, name?: string) => ({
        column,
        rule,
        ...(name === undefined ? {} : { name }),
        severity,
        count: n,
      })
      expect(result.rules).toEqual([
        count('id', 'type', 'error', 0),
        count('id', 'nullable', 'error', 1),
        count('age', 'type', 'error', 1),
        count('age', 'nullable', 'warn', 1),
        count('age', 'min', 'warn', 1),
        count('age', 'max', 'warn', 1),
        count('name', 'max_length', 'warn', 2),
        // Rows 2 and 3, whose age is NULL, and the rejected one without an id; not the one whose age is no integer.
        count(null, 'row_rule', 'warn', 3, 'adult'),
        count(null, 'row_rule', 'error', 2, 'positive'),
      ])
      expect(result.rows_warned).toBe(2)
      expect(result.rejected!.by_reason.map(({ column, rule, name }) => [column, name ?? rule])).toEqual([
        [null, 'positive'],
        ['age', 'type'],
        ['id', 'nullable'],
      ])
    })
  })

  test('leaves no value of a row in the file that is loaded', async () => {
    await pool.use(async (engine) => {
      const { result } = await scan(engine, contracts, rules, body)
      const files = result.accepted.map(({ file }) => file)
      const notes = await engine.rows(
        `SELECT DISTINCT _sluice_judged AS note FROM read_parquet(${quoteLiterals(files)}) ORDER BY 1`,
      )
      expect(notes).toEqual([
        { note: '{"held":[true,true,true,false,true,true,true,false,true]}' },
        { note: '{"held":[true,true,true,true,false,true,false,false,true]}' },
        { note: null },
      ])
    })
  })

  test('alone rejects nothing, and all at once neither', async () => {
    await pool.use(async (engine) => {
      const only = { name: { type: 'string', max_length: 1, severity: 'warn' } } as const
      const { result, accepted } = await scan(engine, only, [], 'a\nbb\ncc\n')
      expect(accepted).toHaveLength(3)
      expect(result).toMatchObject({ rows_rejected: 0, rows_warned: 2 })
      expect(result.rules).toEqual([{ column: 'name', rule: 'max_length', severity: 'warn', count: 2 }])
    })
  })

  test('with nothing to judge has counts of zero', async () => {
    await pool.use(async (engine) => {
      const { result } = await scan(engine, contracts, rules, '')
      expect(result.rules.map(({ count }) => count)).toEqual(Array(9).fill(0))
      expect(result.rows_warned).toBe(0)
    })
  })
})
