import { describe, expect, test } from 'vitest'
import { temporaryProject } from '../../cli/command-line.suite.ts'
import { countViolations, verifyCheckSql } from '../../core/contract/check-sql.ts'
import type { CheckSpec } from '../../core/contract/checks.ts'
import { openTestPool } from '../../core/contract/scan.suite.ts'
import { toPlain } from '../../core/manifest/located.ts'
import { importAndCheck } from '../../core/manifest/odcs/check.ts'
import { loadRelation, renderCheckSql } from '../../core/planning/check-refs.ts'

const pool = openTestPool(1)

/** What becomes of a rule of the property `Qty`, or of the schema. */
async function importRule(rule: string, of: 'property' | 'schema' = 'property') {
  const quality = (wanted: string) => (of === wanted ? `, quality: [${rule}]` : '')
  const text = `apiVersion: v3.1.0
kind: DataContract
id: x
version: 1.0.0
status: active
schema:
  - { name: t${quality('schema')}, properties: [{ name: Qty, logicalType: integer${quality('property')} }] }
`
  const file = `${temporaryProject({ 'a.odcs.yaml': text })}/a.odcs.yaml`
  const { contract, problems } = await importAndCheck({ file })
  const plain =
    contract === undefined ? undefined : (toPlain(contract) as { readonly checks?: readonly CheckSpec[] })
  return { checks: plain?.checks ?? [], problems: problems.map(({ message }) => message) }
}

/** Over a load whose column has 1, 2 and no value. */
async function violations(rule: string, of?: 'schema'): Promise<number> {
  const { checks, problems } = await importRule(rule, of)
  expect(problems).toEqual([])
  const { sql } = renderCheckSql(checks[0]?.sql as string)
  const columns = [{ name: 'qty', type: { type: 'integer' } }] as const
  const select = 'SELECT * FROM (VALUES (1), (2), (NULL)) t(qty)'
  await pool.use((engine) => verifyCheckSql(engine, sql, [{ name: loadRelation, columns }]))
  return await pool.use((engine) => countViolations(engine, sql, [{ name: loadRelation, select }]))
}

const missing = 'query: "SELECT count(*) FROM {object} WHERE {property} IS NULL"'

describe('a quality rule of type sql', () => {
  test.each([
    [`${missing}, mustBe: 1`, 0],
    [`${missing}, mustBe: 0`, 1],
    [`${missing}, mustNotBe: 0`, 0],
    [`${missing}, mustNotBe: 1`, 1],
    [`${missing}, mustBeGreaterThan: 1`, 1],
    [`${missing}, mustBeGreaterOrEqualTo: 1`, 0],
    [`${missing}, mustBeLessThan: 1`, 1],
    [`${missing}, mustBeLessOrEqualTo: 1`, 0],
    [`${missing}, mustBeBetween: [0, 2]`, 0],
    [`${missing}, mustBeBetween: [1, 2]`, 1],
    [`${missing}, mustNotBeBetween: [0, 2]`, 1],
    [`${missing}, mustNotBeBetween: [1, 2]`, 0],
    [`${missing}, mustBeGreaterThan: 0, mustBeLessThan: 1`, 1],
    ['query: "SELECT avg({property}) FROM {object};", mustBe: 1.5', 0],
    ['query: "SELECT bool_and({property} > 0) FROM {object} -- all", mustBe: true', 0],
    ['query: "SELECT bool_and({property} > 1) FROM {object}", mustNotBe: false', 1],
    ['query: "SELECT max({property}) FROM {object} WHERE {property} > 5", mustBeLessThan: 9', 1],
    ['query: "SELECT {property} FROM {object} WHERE {property} > 5", mustNotBe: 9', 1],
  ])('%s has %i violations', async (rule, expected) => {
    expect(await violations(`{ type: sql, ${rule} }`)).toBe(expected)
  })

  test('of a schema names its columns', async () => {
    expect(
      await violations('{ type: sql, query: "SELECT sum(Qty) FROM {object}", mustBe: 3 }', 'schema'),
    ).toBe(0)
  })

  test('whose query has several rows cannot be run, and says nothing of them', async () => {
    const rule = '{ type: sql, query: "SELECT {property} FROM {object}", mustBe: 1 }'
    await expect(violations(rule)).rejects.toMatchObject({ code: 'CHECK_SQL_FAILED' })
  })

  test('has the name, the words and the severity of the file', async () => {
    const more =
      'id: few_missing, description: hardly any, severity: warning, unit: rows, dimension: completeness'
    const { checks } = await importRule(`{ type: sql, ${missing}, mustBeLessThan: 2, ${more} }`)
    expect(checks).toEqual([
      {
        name: 'few_missing',
        severity: 'warn',
        description: 'hardly any',
        sql: 'SELECT 1 FROM (SELECT (\nSELECT count(*) FROM {{ load }} WHERE "Qty" IS NULL\n) AS value) WHERE (value < 2) IS NOT TRUE',
      },
    ])
    const [other] = (await importRule(`{ type: sql, ${missing}, mustBe: 1 }`)).checks
    expect(other).toMatchObject({ name: 'sql_Qty', severity: 'error' })
  })

  test.each([
    [`${missing}`, 'property', 'a quality rule has no operator'],
    ['mustBe: 0', 'property', 'a quality rule of type sql has no `query`'],
    [
      `${missing}, mustBe: 0`,
      'schema',
      '`{property}` stands for a property, and the rule is one of a schema',
    ],
    ['query: "SELECT count(*) FROM t", mustBe: 0', 'schema', 'the query does not read `{object}`'],
    ['query: "SELECT count(*) FROM {table}", mustBe: 0', 'schema', '`{table}` is no placeholder'],
    [
      `query: "SELECT count(*) FROM {object}, {{ ref('a.b') }}", mustBe: 0`,
      'schema',
      'the query has two braces',
    ],
    [`${missing}, mustBeLessThan: many`, 'property', '`mustBeLessThan` must be a number'],
    [`${missing}, mustBeLessThan: true`, 'property', '`mustBeLessThan` must be a number'],
    [`${missing}, mustBeBetween: [1]`, 'property', '`mustBeBetween` must be a list of two numbers'],
    [`${missing}, mustBe: 0, severity: info`, 'property', 'a rule of severity `info`'],
    [`${missing}, mustBe: 0, metric: rowCount`, 'property', 'a quality rule of type sql has no `metric`'],
    [`${missing}, mustBe: 0, engine: soda`, 'property', '`engine` is not taken over'],
  ] as const)('%s of a %s is refused by name', async (rule, of, message) => {
    const { problems } = await importRule(`{ type: sql, ${rule} }`, of)
    expect(problems).toEqual([expect.stringContaining(message)])
  })

  test('is the only one with a query', async () => {
    const { problems } = await importRule(`{ metric: nullValues, ${missing}, mustBe: 0 }`)
    expect(problems).toEqual([expect.stringContaining('of type library has no `query`')])
  })
})
