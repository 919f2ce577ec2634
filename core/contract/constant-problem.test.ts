import { describe, expect, test } from 'vitest'
import { constantProblem } from './constant-problem.ts'
import { parseSelects } from './parse-tree.ts'
import { openTestPool } from './scan.suite.ts'

const pool = openTestPool(1)

async function problem(expr: string) {
  return await pool.use(async (engine) => {
    const parsed = await parseSelects(engine, `SELECT ${expr} FROM t`)
    if (parsed.error !== undefined) throw new Error(parsed.error)
    return await constantProblem(engine, parsed.statements)
  })
}

describe('a constant of which no row can make a value', () => {
  test.each<[string, RegExp]>([
    [
      "s LIKE 'x%' ESCAPE 'ab'",
      /LIKE with an ESCAPE that is none: .*Escape string must be empty or one character/,
    ],
    ["s NOT ILIKE p ESCAPE 'é'", /ESCAPE that is none/],
    ["TRY(s LIKE 'x' ESCAPE 'ab')", /ESCAPE that is none/],
    ["s LIKE 'a!' ESCAPE '!'", /ends with its own escape/],
    ["s LIKE 'a!!!' ESCAPE '!'", /ends with its own escape/],
    ["regexp_replace(s, '(', '')", /calls regexp_replace\(\) with a constant .*missing \)/],
    ["regexp_extract(s, '(', 1)", /missing \)/],
    ["regexp_extract(s, '(', ['a'])", /missing \)/],
    ["regexp_matches(s, 'a', 'zz')", /Unrecognized Regex option z/],
    ["s SIMILAR TO '('", /missing \)/],
    ["a > 1 AND s !~ '['", /missing \]/],
    ["strptime(s, '%Q')", /Unrecognized format/],
    ["strptime(s, ['%Y', '%Q'])", /Unrecognized format/],
    ["strftime(m, '%Q')", /Unrecognized format/],
    ["date_trunc('foo', m)", /specifier "foo" not recognized/],
    ["date_diff('foo', m, n)", /specifier "foo" not recognized/],
    ['extract(foo FROM m)', /specifier "foo" not recognized/],
    ["m AT TIME ZONE 'Foo/Bar'", /Unknown TimeZone/],
    [
      "CAST('x' AS INTEGER)",
      /it has CAST\('x' AS INTEGER\), which is no value: .*Could not convert string 'x'/,
    ],
    ["m > DATE '2024-13-01'", /date field value out of range/],
    ["m + INTERVAL 'foo'", /which is no value/],
    ["s = 'x'::UUID", /which is no value/],
    ["a = '300'::INTEGER::TINYINT", /out of range/],
    ["a = '12.345'::DECIMAL(3,2)", /which is no value/],
    ["['1', 'x'::INTEGER]", /which is no value/],
    ["coalesce(regexp_extract_all(s, 'a('), [])", /missing \)/],
  ])('%s', async (expr, why) => {
    expect(await problem(expr)).toMatch(why)
  })
})

describe('nothing is said', () => {
  test.each([
    "s LIKE 'x!%' ESCAPE '!' OR s LIKE 'a!!' ESCAPE '!' OR s LIKE 'a' ESCAPE ''",
    'a LIKE b ESCAPE c',
    "s LIKE 'a' ESCAPE NULL",
    "TRY_CAST('x' AS INTEGER)",
    "TRY(CAST('x' AS INTEGER))",
    "CASE WHEN a > 1 THEN CAST('not so' AS INTEGER) END",
    "coalesce(a, CAST('not there' AS INTEGER))",
    "CAST(concat(y, '-', m, '-01') AS DATE)",
    "DATE '2024-02-29' + INTERVAL '1 day' > m AND TIMESTAMPTZ '2024-01-01 00:00:00+02' < z",
    "CAST(NULL AS DATE) IS NULL AND 9223372036854775807::BIGINT > a AND '9223372036854775807'::BIGINT > a",
    "'[1, 2]'::INTEGER[] = l AND '{\"a\": 1}'::JSON = j",
    "regexp_extract(s, '(a)(b)', ['x', 'y']) IS NULL OR regexp_extract(s, '(a)', 1) = '' OR regexp_extract(s, p, 1) = ''",
    "regexp_replace(s, 'a', '\\1', 'g') = regexp_replace(s, p, r)",
    "regexp_matches(s, p, 'i') AND regexp_matches('abc', p)",
    "strptime(s, ['%Y', '%d.%m.%Y']) > strptime(s, '%Y-%m-%d') AND strftime(DATE '2024-01-01', s) = ''",
    "extract(timezone_hour FROM z) = 1 AND date_part('epoch', m) > 0 AND date_part(['year', 'month'], m) IS NULL",
    "date_diff('day', d, DATE '2024-01-01') > 1 AND date_trunc('week', m) = m AND date_sub('hour', m, n) > 1",
    "m AT TIME ZONE 'Europe/Berlin' > m AT TIME ZONE zone AND timezone('UTC', m) = m",
    "date_part('year', '2024-01-01'::DATE) = 2024",
  ])('%s', async (expr) => {
    expect(await problem(expr)).toBeUndefined()
  })
})
