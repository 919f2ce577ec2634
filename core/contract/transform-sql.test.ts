import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { quoteLiteral } from '../engine/sql.ts'
import { describeParquet, describeSql, discoverJsonColumns } from './describe.ts'
import { columnType } from './input-type.ts'
import { openTestPool, scanAll } from './scan.suite.ts'
import type { ScanRelation } from './scan.ts'
import { checkTransformSql } from './transform-sql.ts'

const pool = openTestPool(1)
const check = (sql: string) => pool.use((engine) => checkTransformSql(engine, sql, ['flights', 'airports']))

describe('what a transform may be', () => {
  test.each([
    'SELECT * FROM flights',
    'FROM flights',
    'select count(*) from Flights f join "airports" a on f.o = a.o where f.d in (select d from airports);',
    'WITH c AS (SELECT * FROM flights), d AS (SELECT * FROM c) SELECT * FROM c, d, range(5), unnest([1, 2])',
    'WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r -- so',
    'SELECT * FROM flights UNION ALL BY NAME SELECT * FROM airports ORDER BY 1 LIMIT 3',
    'SELECT (SELECT max(x) FROM airports), row_number() OVER (PARTITION BY a ORDER BY b) FROM flights QUALIFY true',
    'SELECT * FROM (VALUES (1), (2)) v(a) LEFT JOIN LATERAL (SELECT * FROM flights WHERE x = a) ON true',
    'SELECT list_transform([1, 2], lambda x: x + 1), CASE WHEN true THEN 1 END, * EXCLUDE (a) FROM flights TABLESAMPLE 10%',
    'SELECT 1',
    'SELECT a FROM flights WHERE EXISTS (WITH flights AS (SELECT 1 AS z) SELECT z FROM flights)',
  ])('%s', async (sql) => {
    await expect(check(sql)).resolves.toBeUndefined()
  })

  test.each<[string, RegExp]>([
    ['', /0 statements/],
    ['SELECT 1; SELECT 2', /2 statements/],
    ['SELEC 1', /syntax error/],
    ['DROP TABLE flights', /a statement that is no SELECT/],
    ['INSERT INTO flights VALUES (1)', /a statement that is no SELECT/],
    ["COPY flights TO '/tmp/x'", /a statement that is no SELECT/],
    ["ATTACH 'x.db'", /a statement that is no SELECT/],
    ['SET threads = 1', /a statement that is no SELECT/],
    ['EXPLAIN SELECT 1', /a statement that is no SELECT/],
    ['SELECT * FROM secrets', /reads secrets, which is none of its relations \(flights, airports\)/],
    ["SELECT * FROM 'x.csv'", /reads x\.csv/],
    ['SELECT * FROM "/etc/passwd"', /reads \/etc\/passwd/],
    ["SELECT * FROM read_csv('x')", /read_csv\(\)/],
    ["SELECT * FROM read_text('x')", /read_text\(\)/],
    ["SELECT * FROM glob('*')", /glob\(\)/],
    ["SELECT * FROM query('SELECT 1')", /query\(\)/],
    ["SELECT * FROM query_table('flights')", /query_table\(\)/],
    ['SELECT * FROM duckdb_settings()', /duckdb_settings\(\)/],
    ['SELECT * FROM information_schema.tables', /information_schema\.tables/],
    ['SELECT * FROM memory.main.flights', /memory\.main\.flights/],
    ['SELECT * FROM main.flights', /main\.flights/],
    ['SELECT * FROM flights AT (VERSION => 1)', /another version/],
    ['DESCRIBE flights', /SHOW_REF/],
    ['SUMMARIZE flights', /SHOW_REF/],
    ['SHOW TABLES', /SHOW_REF/],
    ['SELECT $1', /parameter/],
    ['SELECT ? FROM flights', /parameter/],
    ["SELECT current_setting('threads')", /current_setting\(\)/],
    ["SELECT a FROM flights WHERE getvariable('x') = 1", /getvariable\(\)/],
    ["SELECT nextval('s')", /nextval\(\)/],
    ['WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a', /reads b,/],
    ['SELECT (WITH c AS (SELECT 1) SELECT * FROM c), x FROM c', /reads c,/],
    ['SELECT a FROM flights WHERE a IN (SELECT b FROM secrets)', /reads secrets/],
    ['SELECT * FROM flights JOIN secrets USING (a)', /reads secrets/],
    ['PIVOT secrets ON a USING sum(b)', /./],
  ])('refused: %s', async (sql, why) => {
    await expect(check(sql)).rejects.toMatchObject({
      code: 'TRANSFORM_REFUSED',
      name: 'ManifestError',
      message: expect.stringMatching(why),
    })
  })
})

describe('relations', () => {
  test('are read by field id: renamed, added and widened columns come out right, without files too', async () => {
    await pool.use(async (engine) => {
      const [old, now] = ['old', 'now'].map((name) => join(engine.directory, `${name}.parquet`)) as [
        string,
        string,
      ]
      await engine.run(`COPY (SELECT 1 AS a, 'x' AS b) TO ${quoteLiteral(old)} (FORMAT parquet, FIELD_IDS {a: 1, b: 2});
        COPY (SELECT 'y' AS "b new", 2::BIGINT AS a, true AS c) TO ${quoteLiteral(now)} (FORMAT parquet, FIELD_IDS {"b new": 2, a: 1, c: 3})`)
      const columns: ScanRelation['columns'] = [
        { source: 'a', name: 'a', type: { type: 'bigint' }, field_id: 1 },
        { source: 'b new', name: 'b new', type: { type: 'string' }, field_id: 2 },
        { source: 'c', name: 'c', type: { type: 'boolean' }, field_id: 3 },
      ]
      const sql = 'SELECT a, "b new" AS b, c FROM t'
      const transform = { sql, relations: { t: { paths: [old, now], columns } } }
      const described = await describeSql(engine, transform)
      expect(described).toEqual([
        { name: 'a', input: 'BIGINT' },
        { name: 'b', input: 'VARCHAR' },
        { name: 'c', input: 'BOOLEAN' },
      ])
      const scanColumns = described.map(({ name, input }, i) => ({
        source: name,
        name,
        input,
        type: columnType(input, name),
        field_id: i + 1,
      }))
      const { result, accepted } = await scanAll(engine, {
        inputs: [{ kind: 'sql', source: 'gold', ...transform }],
        columns: scanColumns,
      })
      expect(accepted).toEqual([
        { a: 1n, b: 'x', c: null },
        { a: 2n, b: 'y', c: true },
      ])
      expect(result.rows_read).toBe(2)
      expect(await describeSql(engine, { sql, relations: { t: { paths: [], columns } } })).toEqual(described)
    })
  })

  test('an aggregate counts the rows that leave it, and its rules apply', async () => {
    await pool.use(async (engine) => {
      const sql = 'SELECT range % 3 AS k, sum(range) AS s FROM range(10) GROUP BY ALL -- end'
      const columns = [
        {
          source: 'k',
          name: 'k',
          input: 'BIGINT',
          type: columnType('BIGINT', 'k'),
          field_id: 1,
          contract: { type: 'bigint', max: 1 } as const,
        },
        { source: 's', name: 's', input: 'HUGEINT', type: columnType('HUGEINT', 's'), field_id: 2 },
      ]
      const { result, accepted, rejected } = await scanAll(engine, {
        inputs: [{ kind: 'sql', source: 'gold.x', sql, relations: {} }],
        columns,
      })
      expect(accepted).toEqual([
        { k: 0n, s: '18' },
        { k: 1n, s: '12' },
      ])
      expect(rejected[0]).toMatchObject({ source_file: 'gold.x', source_line: null })
      expect(result).toMatchObject({ rows_read: 3, rows_rejected: 1 })
    })
  })

  test('a column that does not exist is named', async () => {
    await pool.use(async (engine) => {
      await expect(describeSql(engine, { sql: 'SELECT nope FROM range(3)', relations: {} })).rejects.toThrow(
        /nope/,
      )
    })
  })
})

test('Parquet columns are the union over all files', async () => {
  await pool.use(async (engine) => {
    const files = ['p', 'q'].map((name) => ({ source: `in/${name}`, path: join(engine.directory, name) }))
    await engine.run(
      `COPY (SELECT 1 AS a) TO ${quoteLiteral(files[0]!.path)} (FORMAT parquet); COPY (SELECT 1::BIGINT AS a, 'x' AS b) TO ${quoteLiteral(files[1]!.path)} (FORMAT parquet)`,
    )
    expect(await describeParquet(engine, files)).toEqual([
      { name: 'a', input: 'BIGINT' },
      { name: 'b', input: 'VARCHAR' },
    ])
    writeFileSync(files[1]!.path, 'no parquet')
    await expect(describeParquet(engine, files)).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining('in/q'),
    })
  })
})

test('a JSON key that only the last of many objects has is a column', async () => {
  await pool.use(async (engine) => {
    const path = join(engine.directory, 'x.json')
    const objects = [...Array.from({ length: 50_000 }, (_, i) => `{"a":${i}}`), '{"zz":1,"b c":null}']
    writeFileSync(path, objects.join('\n'))
    const file = { source: 'in/x.json', path, compression: 'none' as const }
    expect(await discoverJsonColumns(engine, { ...file, format: 'ndjson' })).toEqual(['a', 'b c', 'zz'])
    writeFileSync(path, `[${objects.join(',')}]`)
    expect(await discoverJsonColumns(engine, { ...file, format: 'array' })).toEqual(['a', 'b c', 'zz'])
    writeFileSync(path, '{"a":1}\n{"a"')
    await expect(discoverJsonColumns(engine, { ...file, format: 'ndjson' })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
    })
  })
})
