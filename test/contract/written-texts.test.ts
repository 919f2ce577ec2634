import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writtenProblem } from '../../core/contract/written.ts'
import { type Engine, openEnginePool } from '../../core/engine/engine.ts'
import { loadManifest } from '../../core/manifest/load.ts'
import type { Problem } from '../../core/manifest/problems.ts'
import type { JudgeTexts } from '../../core/manifest/written-texts.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-written-'))
const pool = openEnginePool({ directory, size: 1, threads: 1 })
let asked = 0

const judge: JudgeTexts = async (texts) => {
  asked += texts.length
  const all = async (engine: Engine) => {
    const problems: (string | undefined)[] = []
    for (const text of texts) problems.push(await writtenProblem(engine, text))
    return problems
  }
  return await pool.use(all)
}

beforeAll(async () => await pool.use(async (engine) => await engine.run('SELECT 1')))
afterAll(async () => {
  await pool.close()
  rmSync(directory, { recursive: true })
})

/** `line:column path: message` of a manifest whose first dataflow begins in line 7. */
async function problems(dataflows: string, defaults = ''): Promise<string[]> {
  const file = join(directory, 'sluice.yaml')
  writeFileSync(
    file,
    `version: 1
project: shop
connections: { landing: { type: files, path: ./landing }, lake: { type: lake } }
defaults: { sink: { connection: lake }${defaults} }
dataflows:
${dataflows}`,
  )
  asked = 0
  const error = await loadManifest(file, judge).then(
    () => undefined,
    (thrown) => thrown,
  )
  const found = (error?.details.problems ?? []) as readonly Problem[]
  return found.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`)
}

const columns =
  'a: { type: integer }, s: { type: string }, d: { type: date }, current_date: { type: date }, "X y": { type: boolean }'

const flow = (rest: string, more = '') => `  - name: f
    source: { connection: landing, path: a.csv, format: csv }
    contract: ${rest}${more}
    sink: { table: t.a, load_type: append }
`

describe('rules over the row', () => {
  const said = async (expr: string, own = columns) =>
    (
      await problems(flow(`{ columns: { ${own} }, rules: [{ name: r, expr: ${JSON.stringify(expr)} }] }`))
    ).map((line) =>
      line.replace(/^\d+:\d+ dataflows\.f\.contract\.rules\[0\]\.expr: the expression is refused: /, ''),
    )

  test.each([
    'a > 1',
    'A > 1 AND x_y',
    'd < current_date',
    "other = 'x' AND a > 1",
    'list_transform(parts, lambda p: p + 1)[1] > 0',
    'struct.member > 1',
    'true',
  ])('%s is fine', async (expr) => {
    expect(await said(expr)).toEqual([])
  })

  test.each([
    ['a >', 'syntax error at end of input'],
    ['   ', 'it is empty'],
    ['a + 1', 'it is of type INTEGER, not true or false'],
    ['null', 'it is of type INTEGER, not true or false'],
    ['now() > d', expect.stringContaining('it calls now()')],
    ['other > 0 AND random() > 0.5', expect.stringContaining('it calls random()')],
    ['other < current_timestamp', expect.stringContaining('it reads current_timestamp, which is the clock')],
    ['a > (SELECT 1)', expect.stringContaining('a subquery')],
    ['s > 5', expect.stringContaining('Cannot compare values of type VARCHAR')],
    ["regexp_matches(s, '(')", expect.stringContaining('missing )')],
    ['a > 1; DROP TABLE t', 'it has a statement that is no SELECT'],
  ])('%s is refused', async (expr, why) => {
    expect(await said(expr)).toEqual([why])
  })

  test('the types of columns are not known where the contract has a mistake of its own', async () => {
    expect(await said('a + 1', 'a: { type: decimal }')).toEqual([
      expect.stringContaining('needs a precision'),
    ])
  })
})

test('every text has its place, and all are told at once', async () => {
  const dataflows = `${flow(
    `
      columns:
        s: { type: string, pattern: "(" }
        t: { type: list, items: { type: string, pattern: "[a" } }
      checks:
        - { name: c, sql: "SELECT * FROM {{ load }} WHERE" }
        - { name: e, sql: "SELECT * FROM {{ load }}, other" }
        - { name: g, sql: "SELECT * FROM {{ load }} WHERE d < now()" }`,
    `
    transformers:
      values: [{ columns: [s], operation: regex_replace, pattern: "a(", replacement: x }]
      computed: [{ name: z, expr: "a +" }, { name: y, expr: "a + 1" }]
      filter: "now() > a"`,
  )}  - name: g
    transform: { sql: "SELECT * FROM {{ ref('t.a') }}, read_csv('x')" }
    sink: { table: t.b, load_type: overwrite }
  - name: h
    unknown: 1
    transform: { sql: "SELEC 1" }
    sink: { table: t.c, load_type: overwrite }
`
  expect(await problems(dataflows)).toEqual([
    '10:37 dataflows.f.contract.columns.s.pattern: pattern ( is not RE2: missing ): (',
    '11:58 dataflows.f.contract.columns.t.items.pattern: pattern [a is not RE2: missing ]: [a',
    '13:27 dataflows.f.contract.checks[0].sql: the SQL is refused: syntax error at end of input',
    '14:27 dataflows.f.contract.checks[1].sql: the SQL is refused: it reads other, which is none of its relations (_load_)',
    expect.stringMatching(/^15:27 .*checks\[2\]\.sql: the SQL is refused: it calls now\(\)/),
    '17:67 dataflows.f.transformers.values[0].pattern: pattern a( is not RE2: missing ): a(',
    '18:35 dataflows.f.transformers.computed[0].expr: the expression is refused: syntax error at end of input',
    expect.stringMatching(/^19:15 .*filter: the expression is refused: it calls now\(\)/),
    expect.stringMatching(/^22:23 dataflows\.g\.transform\.sql: the SQL is refused: it reads read_csv\(\)/),
    expect.stringMatching(/^25:5 .*unknown key/),
    '26:23 dataflows.h.transform.sql: the SQL is refused: syntax error at or near "SELEC"',
  ])
})

test('a constant that no row can be computed with is told at its place, whatever kind of text it stands in', async () => {
  const bad = "s LIKE 'x%' ESCAPE 'ab'"
  const dataflows = `${flow(
    `
      columns: { s: { type: string } }
      rules: [{ name: r, expr: "${bad}" }, { name: d, expr: "other > DATE '2024-13-01'" }]
      checks: [{ name: c, sql: "SELECT * FROM {{ load }} WHERE ${bad}" }]`,
    `
    transformers:
      computed: [{ name: z, expr: "${bad}" }, { name: y, expr: "regexp_replace(s, '(', '')" }]
      filter: "${bad}"`,
  )}  - name: g
    transform: { sql: "SELECT * FROM {{ ref('t.a') }} WHERE ${bad}" }
    sink: { table: t.b, load_type: overwrite }
`
  const why = 'it has LIKE with an ESCAPE that is none: DuckDB says: Syntax Error: Invalid escape string.'
  const said = (await problems(dataflows)).map((line) =>
    line.replace(/^(\S+) \S+ the (\S+) is refused: /, '$1 $2 '),
  )
  expect(said).toEqual([
    expect.stringContaining(`10:32 expression ${why}`),
    expect.stringMatching(/^10:78 expression it has CAST\('2024-13-01' AS DATE\), which is no value/),
    expect.stringContaining(`11:32 SQL ${why}`),
    expect.stringContaining(`13:35 expression ${why}`),
    expect.stringMatching(/^13:81 expression it calls regexp_replace\(\) with a constant .*missing \)/),
    expect.stringContaining(`14:15 expression ${why}`),
    expect.stringContaining(`17:23 SQL ${why}`),
  ])
})

test('what dataflows inherit is asked once and told once; a place with a problem is not asked again', async () => {
  const two = ['a', 'b'].map((name) =>
    flow('{}').replace('name: f', `name: ${name}`).replace('t.a', `t.${name}`),
  )
  expect(await problems(two.join(''), ', contract: { rules: [{ name: r, expr: "now() > x" }] }')).toEqual([
    expect.stringMatching(
      /^4:\d+ dataflows\.a\.contract\.rules\[0\]\.expr: the expression is refused: it calls now/,
    ),
  ])
  expect(asked).toBe(1)
  expect(await problems(flow('{ columns: { s: { type: string, pattern: "(?=a)(" } } }'))).toEqual([
    expect.stringContaining('looks around'),
  ])
  expect(asked).toBe(0)
})
