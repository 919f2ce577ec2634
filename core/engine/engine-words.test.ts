import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openTestPool } from '../contract/scan.suite.ts'
import type { Engine } from './engine.ts'
import { quoteLiteral } from './sql.ts'

const pool = openTestPool()

const failure = async (engine: Engine, sql: string): Promise<{ code: string; message: string }> => {
  try {
    await engine.rows(sql)
  } catch (error) {
    return error as Error & { code: string }
  }
  throw new Error(`${sql} ran`)
}

/** Looks like the ends of DuckDB's own sentences, so that what is cut out of them must be cut out whole. */
const value = `SECRET' to INT32 when casting from source column SECRET\n\nLINE 1: SELECT SECRET\n   ^`

describe('errors of values say what is wrong, and quote none', () => {
  test.each([
    ['p::INTEGER', 'Conversion Error: a value cannot be converted to INT32, column p'],
    ['p::DECIMAL(9,2)', 'a value cannot be converted to DECIMAL(9,2), column p'],
    ['p::DATE', 'Conversion Error: a text cannot be read as date, column p'],
    ['p::TIMESTAMPTZ', 'a text cannot be read as timestamp, column p'],
    ['p::JSON', 'Conversion Error (the rest'],
    ['p::STRUCT(a INTEGER)', 'a value cannot be converted to STRUCT, column p'],
    ['from_base64(p)', 'Conversion Error (the rest'],
    ['(n * 8675309)::TINYINT', 'a value cannot be converted to INT8'],
    ['n::INTEGER * 8675309 * 8675309::INTEGER', 'overflow in multiplication of INT32'],
    ['make_date(n * 8675309, 1, 1)', 'Date out of range'],
    ['error(p)', 'Invalid Input Error (the rest'],
    [`strptime(p, '%Y')`, 'Invalid Input Error (the rest'],
    [`json_extract(p, '$')`, 'Invalid Input Error (the rest'],
    [`timezone(p, TIMESTAMP '2024-01-01')`, 'Not implemented Error (the rest'],
    [`regexp_matches('a', '(' || p)`, 'Invalid Input Error (the rest'],
    ['(SELECT p FROM r)', 'More than one row returned by a subquery'],
  ])('%s', async (expression, words) => {
    await pool.use(async (engine) => {
      await engine.run(`CREATE TABLE r AS SELECT ${quoteLiteral(value)} AS p, n FROM range(1, 3) t(n)`)
      const { code, message } = await failure(engine, `SELECT ${expression} FROM r`)
      expect(code).toBe('ENGINE_STATEMENT')
      expect(message).toContain(words)
      expect(message).not.toMatch(/SECRET|8675309/)
    })
  })

  test('a value that holds the word of a file’s errors makes no damaged file of it', async () => {
    await pool.use(async (engine) => {
      const { code, message } = await failure(
        engine,
        `SELECT p::INTEGER FROM (VALUES ('corrupt Parquet file')) t(p)`,
      )
      expect(code).toBe('ENGINE_STATEMENT')
      expect(message).toContain('TRY_CAST')
    })
  })
})

describe('errors of files say where, and quote nothing that stands there', () => {
  test.each([
    ['a string', '{"a":"b"}\n"SECRET"\n', 'in line 2: Expected OBJECT, but got VARCHAR'],
    ['an array', '["SECRET"]\n', 'in line 1: Expected OBJECT, but got ARRAY'],
    ['a key twice', '{"a":"b"}\n{"a":"SECRET","a":"c"}\n', 'in line 2: an object has a key twice'],
    ['an open string', '{"a":"SECRET\n', 'Malformed JSON in file'],
    ['a surrogate alone', '{"a":"SECRET\\ud800"}\n', 'no low surrogate in string'],
  ])('NDJSON: %s', async (_title, text, words) => {
    await pool.use(async (engine) => {
      const path = join(engine.directory, 'a.ndjson')
      writeFileSync(path, text)
      const options = `format = 'newline_delimited', auto_detect = false, records = true, columns = {a: 'VARCHAR'}`
      const { code, message } = await failure(
        engine,
        `SELECT * FROM read_json(${quoteLiteral(path)}, ${options})`,
      )
      expect(code).toBe('SOURCE_UNREADABLE')
      expect(message).toContain(words)
      expect(message).not.toContain('SECRET')
    })
  })

  test('Parquet: a text that is no UTF-8', async () => {
    await pool.use(async (engine) => {
      const path = join(engine.directory, 'a.parquet')
      await engine.run(
        `COPY (SELECT 'SECRET-TEXT' AS p) TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION uncompressed)`,
      )
      const body = readFileSync(path)
      for (let at = body.indexOf('TEXT'); at >= 0; at = body.indexOf('TEXT', at + 1)) body[at] = 0xff
      writeFileSync(path, body)
      const { code, message } = await failure(engine, `SELECT * FROM read_parquet(${quoteLiteral(path)})`)
      expect(code).toBe('SOURCE_UNREADABLE')
      expect(message).toContain('a text is not valid UTF-8')
      expect(message).not.toContain('SECRET')
    })
  })
})
