import { expect, test } from 'vitest'
import { type CheckRelation, columnsNamed, countViolations, verifyCheckSql } from './check-sql.ts'
import { openTestPool } from './scan.suite.ts'

const pool = openTestPool(1)

const load: CheckRelation = {
  name: '_load_',
  columns: [
    { name: 'k', type: { type: 'string' } },
    { name: 'n', type: { type: 'integer' } },
    { name: 'day', type: { type: 'date' } },
  ],
}
const other: CheckRelation = { name: 'o', columns: [{ name: 'k', type: { type: 'string' } }] }

const verify = (sql: string) => pool.use((engine) => verifyCheckSql(engine, sql, [load, other]))

test.each([
  'SELECT * FROM "_load_" WHERE n < 0',
  'SELECT k FROM _load_ EXCEPT SELECT k FROM o',
  'SELECT k, sum(n) FROM _load_ GROUP BY k HAVING sum(n) <> 0',
  'WITH d AS (SELECT day, count(*) AS c FROM _load_ GROUP BY day) SELECT * FROM d WHERE c < 2',
  "SELECT 1 FROM _load_ l WHERE day > DATE '2024-01-01' AND l.n > (SELECT max(n) FROM _load_) / 2",
  'SELECT first(k ORDER BY n) FROM _load_',
  'SELECT row_number() OVER (PARTITION BY k ORDER BY day) AS r FROM _load_ QUALIFY r > 1',
  '-- a comment\nFROM _load_ -- another one',
])('%s is fine', async (sql) => {
  await expect(verify(sql)).resolves.toBeUndefined()
})

test.each([
  ['SELECT * FROM _load_ WHERE day > current_date', 'it reads current_date, which is the clock'],
  ['SELECT * FROM _load_ WHERE day > CURRENT_TIMESTAMP', 'it reads CURRENT_TIMESTAMP'],
  ['SELECT * FROM _load_ WHERE day > now()', 'it calls now()'],
  ['SELECT * FROM _load_ WHERE day > today()', 'it calls today()'],
  ['SELECT * FROM _load_ WHERE age(day) > INTERVAL 1 DAY', 'it calls age() of one argument'],
  ['SELECT * FROM _load_ WHERE random() < 0.5', 'it calls random()'],
  ['SELECT gen_random_uuid() FROM _load_', 'it calls gen_random_uuid()'],
  ['SELECT * FROM _load_ USING SAMPLE 3', 'it takes a sample'],
  ['SELECT * FROM _load_ TABLESAMPLE 10%', 'it takes a sample'],
  ['SELECT any_value(k) FROM _load_', "any of the rows'"],
  ['SELECT approx_count_distinct(k) FROM _load_', 'which guesses'],
  ["SELECT current_setting('threads') FROM _load_", 'it calls current_setting()'],
  ['SELECT * FROM flights', 'it reads flights, which is none of its relations'],
  ["SELECT * FROM read_csv('x')", 'it reads read_csv()'],
  ['DELETE FROM _load_', 'a statement that is no SELECT'],
  ['SELECT 1; SELECT 2', 'it has 2 statements'],
  ['SELECT z FROM _load_', 'z'],
  ['SELECT k + n FROM _load_ WHERE', 'syntax error'],
])('%s is refused', async (sql, why) => {
  const refused = { name: 'ManifestError', code: 'CHECK_SQL_REFUSED', message: expect.stringContaining(why) }
  await expect(verify(sql)).rejects.toMatchObject(refused)
})

test.each<[string, readonly string[]]>([
  ['SELECT * FROM _load_ WHERE n < 0', ['n']],
  ['FROM _load_', ['k']],
  ['SELECT count(*) FROM _load_', ['k']],
  ['SELECT 1 FROM _load_ a JOIN o USING (K) ORDER BY a."Day"', ['k', 'day']],
  ['SELECT * EXCLUDE (day) FROM _load_ WHERE n = 1', ['n', 'day']],
  ['SELECT DISTINCT * FROM _load_', ['k', 'n', 'day']],
  ['SELECT * FROM _load_ GROUP BY ALL', ['k', 'n', 'day']],
  ['SELECT 1 FROM (SELECT DISTINCT * FROM _load_)', ['k', 'n', 'day']],
  ['SELECT * FROM _load_ UNION SELECT * FROM _load_', ['k', 'n', 'day']],
  ['SELECT 1 FROM _load_ NATURAL JOIN o', ['k', 'n', 'day']],
  ['SELECT l FROM _load_ l', ['k', 'n', 'day']],
  ['SELECT 1 FROM _load_ WHERE COLUMNS(*) IS NULL', ['k', 'n', 'day']],
])('%s needs %j', async (sql, names) => {
  const found = await pool.use((engine) => columnsNamed(engine, sql, load.columns))
  expect(found.map(({ name }) => name)).toEqual(names)
})

test('rows are counted; what the engine says of their values is not told', async () => {
  const select = "SELECT * FROM (VALUES ('secret', 1), ('b', -1), (NULL, -2)) t(k, n)"
  const relations = [{ name: '_load_', select }]
  const count = (sql: string) => pool.use((engine) => countViolations(engine, sql, relations))
  expect(await count('SELECT k FROM _load_ WHERE n < 0 -- each')).toBe(2)
  expect(await count('SELECT k FROM _load_ WHERE false')).toBe(0)
  const failed = await count('SELECT * FROM _load_ WHERE CAST(k AS INTEGER) > 1').catch((error) => error)
  expect(failed).toMatchObject({
    code: 'CHECK_SQL_FAILED',
    message: expect.stringContaining('Conversion Error'),
  })
  expect(failed.message).not.toContain('secret')
})
