import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Engine } from '../engine/engine.ts'
import { quoteLiteral } from '../engine/sql.ts'
import { describeParquet } from './describe.ts'
import { columnsOf, csvInput, openTestPool, scanAll } from './scan.suite.ts'
import type { ScanInput } from './scan.ts'

const pool = openTestPool()
const bodies = ['a,FileName\n1,mine\n-1,mine\n', 'a,FileName\n-2,yours\n2,yours\n']

const csv = (engine: Engine): ScanInput[] =>
  bodies.map((body, i) => csvInput(engine, body, ['a', 'FileName'], { name: `${i}.csv` }))

const json = (engine: Engine): ScanInput[] =>
  bodies.map((body, i) => {
    const path = join(engine.directory, `${i}.json`)
    const rows = body
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(','))
    writeFileSync(
      path,
      rows.map(([a, name]) => `${JSON.stringify({ a: Number(a), FileName: name })}\n`).join(''),
    )
    const columns = ['a', 'FileName']
    return { kind: 'json', source: `landing/${i}.json`, path, columns, format: 'ndjson', compression: 'none' }
  })

const parquet = async (engine: Engine): Promise<ScanInput[]> => {
  const inputs: ScanInput[] = []
  for (const [i, input] of csv(engine).entries()) {
    const path = join(engine.directory, `${i}.parquet`)
    const from = `read_csv(${quoteLiteral((input as { path: string }).path)}, columns = {a: 'INTEGER', "FileName": 'VARCHAR'})`
    await engine.run(`COPY (FROM ${from}) TO ${quoteLiteral(path)} (FORMAT parquet)`)
    inputs.push({ kind: 'parquet', source: `landing/${i}.parquet`, path })
  }
  return inputs
}

test.each([
  ['csv', csv, 'text'],
  ['json', json, 'text'],
  ['parquet', parquet, undefined],
] as const)(
  'a column that is called filename stays one, in several files of %s',
  async (kind, inputsOf, input) => {
    await pool.use(async (engine) => {
      const columns = columnsOf({
        a: { type: 'integer', min: 0, input: input ?? 'INTEGER' },
        FileName: { type: 'string', input: input ?? 'VARCHAR' },
      })
      const inputs = await inputsOf(engine)
      const { accepted, rejected } = await scanAll(engine, { inputs, columns })
      expect(accepted).toEqual([
        { a: 1, FileName: 'mine' },
        { a: 2, FileName: 'yours' },
      ])
      expect(rejected.map(({ source_file }) => source_file)).toEqual([
        `landing/0.${kind}`,
        `landing/1.${kind}`,
      ])
    })
  },
)

test('a Parquet column by which the reader numbers rows is refused by name', async () => {
  await pool.use(async (engine) => {
    const path = join(engine.directory, 'x.parquet')
    await engine.run(`COPY (SELECT 1 AS "File_Row_Number") TO ${quoteLiteral(path)} (FORMAT parquet)`)
    await expect(describeParquet(engine, [{ source: 'x.parquet', path }])).rejects.toMatchObject({
      code: 'COLUMN_RESERVED',
      message: expect.stringContaining('Column File_Row_Number has the name'),
    })
  })
})

test('Parquet columns that differ by case alone are refused, of which the engine would rename one', async () => {
  await pool.use(async (engine) => {
    const path = join(engine.directory, 'x.parquet')
    await engine.run(
      `COPY (SELECT {'a': 1, 'n': 2} AS s_1, 3 AS a, 4 AS n) TO ${quoteLiteral(path)} (FORMAT parquet)`,
    )
    const described = () => describeParquet(engine, [{ source: 'x.parquet', path }])
    expect((await described()).map(({ name }) => name)).toEqual(['s_1', 'a', 'n'])
    // The footer has the names in their order, each behind its length: the second `n` is the column.
    const bytes = readFileSync(path).toString('latin1')
    const schema = bytes.indexOf('duckdb_schema')
    const at = bytes.indexOf('\x01n', bytes.indexOf('\x01n', schema) + 1)
    writeFileSync(path, Buffer.from(`${bytes.slice(0, at)}\x01A${bytes.slice(at + 2)}`, 'latin1'))
    await expect(described()).rejects.toMatchObject({
      code: 'COLUMN_COLLISION',
      message: expect.stringContaining('x.parquet has two columns a and A'),
    })
  })
})
