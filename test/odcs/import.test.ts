import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { sluice, temporaryProject } from '../../cli/command-line.suite.ts'
import { importAndCheck } from '../../core/manifest/odcs/check.ts'
import { formatProblem } from '../../core/manifest/problems.ts'

const odcs = readFileSync(new URL('orders.odcs.yaml', import.meta.url), 'utf8')
const golden = readFileSync(new URL('orders.yaml', import.meta.url), 'utf8')

/** A file with one schema `t`, whose properties are these lines. */
function fileOf(...lines: readonly string[]): string {
  const head = ['apiVersion: v3.1.0', 'kind: DataContract', 'id: x', 'version: 1.0.0', 'status: active']
  return [...head, 'schema:', '  - name: t', ...lines.map((line) => `    ${line}`), ''].join('\n')
}

async function imported(text: string, ...args: readonly string[]) {
  const cwd = temporaryProject({ 'a.odcs.yaml': text })
  return await sluice(['contract', 'import', 'a.odcs.yaml', ...args], { cwd })
}

describe('sluice contract import', () => {
  test('prints one schema as a contract, and what each thing of the file became', async () => {
    const { code, stdout, stderr } = await imported(odcs, '--schema', 'orders')
    expect({ code, stdout }).toEqual({ code: 0, stdout: golden })
    for (const line of [
      'a.odcs.yaml:2:7: kind → how the file is read',
      'a.odcs.yaml:14:1: team → no effect on rows',
      'schema.orders.properties.customer.transformLogic → no effect on rows',
      'schema.orders.properties.amount.logicalTypeOptions.exclusiveMinimum → columns.amount.min: 0.01',
      'schema.orders.properties.state.quality[0].arguments.validValues → columns.state.accepted_values: ["open","paid","shipped"]',
      'schema.orders.properties.changed_at.logicalTypeOptions.defaultTimezone → nothing: every value must have its own time zone',
      'schema.customers → another schema, not looked into',
    ]) {
      expect(stderr).toContain(line)
    }
  })

  test('foreign keys, keys of several columns, shares, counts and warnings are checks over the load', async () => {
    const text = readFileSync(new URL('lines.odcs.yaml', import.meta.url), 'utf8')
    const tables = ['--table', 'orders=bronze.orders', '--table', 'products=silver.products']
    const { code, stdout } = await imported(text, '--schema', 'lines', ...tables)
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: readFileSync(new URL('lines.yaml', import.meta.url), 'utf8'),
    })
    const { stderr } = await imported(text, '--schema', 'lines', '--table', 'orders')
    expect(stderr).toContain('It must be schema=namespace.name.')
  })

  test('arrays and objects are lists and structs, with the rules of each place', async () => {
    const { code, stdout } = await imported(
      fileOf(
        'properties:',
        '  - name: lines',
        '    logicalType: array',
        '    required: true',
        '    items:',
        '      logicalType: object',
        '      properties:',
        '        - { name: sku, physicalName: SKU, logicalType: string, physicalType: varchar(8), required: true }',
        '        - { name: price, logicalType: number, physicalType: "decimal(9,2)", logicalTypeOptions: { minimum: 0 } }',
        '        - { name: tags, logicalType: array, items: { logicalType: string, description: free } }',
      ),
    )
    expect(code).toBe(0)
    expect(parse(stdout).contract.columns).toEqual({
      lines: {
        type: 'list',
        nullable: false,
        items: {
          type: 'struct',
          fields: {
            SKU: { type: 'string', max_length: 8, nullable: false },
            price: { type: 'decimal', precision: 9, scale: 2, min: 0 },
            tags: { type: 'list', items: { type: 'string', description: 'free' } },
          },
        },
      },
    })
  })

  test('as JSON, the notes are part of the answer', async () => {
    const { stdout, stderr } = await imported(odcs, '--schema', 'orders', '--format', 'json')
    const { schema, contract, notes } = JSON.parse(stdout)
    expect(schema).toBe('sluice.contract_import.v1')
    expect(contract).toEqual(parse(golden).contract)
    expect(notes[0]).toMatchObject({ line: 1, column: 13, path: 'apiVersion' })
    expect(stderr).toBe('')
  })

  test('every key of the standard that has no meaning here is refused, all at once, and nothing is printed', async () => {
    const { code, stdout, stderr } = await imported(
      fileOf(
        'relationships: [{ from: t.a, to: u.b }]',
        'quality: [{ metric: rowCount, mustNotBe: 10 }]',
        'properties:',
        '  - name: a',
        '    logicalType: string',
        '    logicalTypeOptions: { format: email }',
        '  - { name: b, logicalType: integer, logicalTypeOptions: { multipleOf: 5 } }',
        '  - { name: c, logicalType: array, logicalTypeOptions: { minItems: 1 }, items: { logicalType: date } }',
        '  - name: d',
        '    logicalType: string',
        '    quality:',
        '      - { type: sql, query: SELECT 1, mustBe: 1 }',
        '      - { metric: nullValues, mustBeLessThan: 5 }',
        '      - { metric: nullValues, mustBe: 0, severity: info }',
        '      - { metric: freshness, mustBe: 0 }',
        '  - { name: e, logicalType: string, nulable: false }',
      ),
    )
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr.split('\n')).toEqual([
      'error [CONTRACT_IMPORT_REFUSED]: The contract has 10 problems:',
      expect.stringMatching(/^ {2}a\.odcs\.yaml:8:21: which table of the lake holds `u` is not known\. /),
      expect.stringMatching(
        /^ {2}a\.odcs\.yaml:9:25: rowCount with `mustNotBe: 10` is no range of row counts\. /,
      ),
      expect.stringMatching(/^ {2}a\.odcs\.yaml:13:39: format `email` of a string is not judged\. /),
      expect.stringMatching(/^ {2}a\.odcs\.yaml:14:64: `multipleOf` is not taken over\. /),
      expect.stringMatching(/^ {2}a\.odcs\.yaml:15:62: `minItems` is not taken over\. /),
      expect.stringMatching(
        /^ {2}a\.odcs\.yaml:19:33: the query does not read `\{object\}`, so it says nothing of a load\. /,
      ),
      expect.stringMatching(/^ {2}a\.odcs\.yaml:20:23: nullValues with `mustBeLessThan: 5` lets some /),
      expect.stringMatching(
        /^ {2}a\.odcs\.yaml:21:56: a rule of severity `info` is neither an error nor a warning\. /,
      ),
      expect.stringMatching(
        /^ {2}a\.odcs\.yaml:22:23: the standard has no metric `freshness` in version 3\.1\. /,
      ),
      expect.stringMatching(/^ {2}a\.odcs\.yaml:23:41: a property has no key `nulable` in version 3\.1\. /),
      'Nothing was read and nothing was written.',
      '',
    ])
  })

  test.each([
    [
      'a file of another version',
      fileOf().replace('v3.1.0', 'v3.0.2'),
      /:1:13: apiVersion `v3\.0\.2` is not read/,
    ],
    ['another kind of file', fileOf().replace('DataContract', 'Dataset'), /:2:7: kind `Dataset` is not read/],
    [
      'a manifest',
      'version: 1\nproject: x\n',
      /`apiVersion` is missing[\s\S]*:2:1: a data contract has no key `project`/,
    ],
    ['no mapping', '- a\n', /:1:1: a data contract is a mapping of keys to values/],
    ['nothing', '', /the file holds nothing/],
    ['broken YAML', 'a: [\n', /a\.odcs\.yaml:\d+:\d+: /],
    ['no properties', fileOf('properties: []'), /:7:5: schema `t` has no properties/],
    [
      'a key of no property',
      fileOf('properties: [{ name: a, logicalType: date, primaryKeyPosition: 1 }]'),
      /without `primaryKey: true`/,
    ],
    [
      'two columns of one name',
      fileOf(
        'properties:',
        '  - { name: a, logicalType: date }',
        '  - { name: b, physicalName: a, logicalType: date }',
      ),
      /:10:9: column `a` stood before, at line 9/,
    ],
    [
      'two rules that contradict each other',
      fileOf(
        'properties:',
        '  - name: a',
        '    logicalType: string',
        '    logicalTypeOptions: { pattern: x+ }',
        '    quality: [{ metric: invalidValues, arguments: { pattern: y+ }, mustBe: 0 }]',
      ),
      /:12:66: `pattern` of column `a` would be "y\+" here and "x\+" by line 11/,
    ],
    [
      'an array of what is not said',
      fileOf('properties: [{ name: a, logicalType: array }]'),
      /an array without `items`/,
    ],
    [
      'items of a text',
      fileOf('properties: [{ name: a, logicalType: string, items: { logicalType: date } }]'),
      /`items` of a column of type string/,
    ],
    [
      'rules of columns inside of one',
      fileOf(
        'properties:',
        '  - { name: a, logicalType: object, properties: [{ name: b, logicalType: date, unique: true, quality: [] }] }',
      ),
      /`unique` of what is nested[\s\S]*`quality` of what is nested/,
    ],
    [
      'a reference to nothing',
      fileOf('relationships: [{ from: t.b, to: u.c }]', 'properties: [{ name: a, logicalType: date }]'),
      /:8:29: the reference `t\.b` leads to nothing in this file/,
    ],
    [
      'a key with two columns at one place',
      fileOf(
        'properties:',
        '  - { name: a, logicalType: date, primaryKey: true, primaryKeyPosition: 1 }',
        '  - { name: b, logicalType: date, primaryKey: true, primaryKeyPosition: 1 }',
      ),
      /columns of the primary key have no position, or the same one/,
    ],
    [
      'a property that the schema does not have',
      fileOf(
        'quality: [{ metric: duplicateValues, arguments: { properties: [a, z] }, mustBe: 0 }]',
        'properties: [{ name: a, logicalType: date }]',
      ),
      /:8:67: the schema has no property `z`/,
    ],
    [
      'bounds that leave nothing',
      fileOf(
        'properties:',
        '  - { name: a, logicalType: integer, logicalTypeOptions: { minimum: 5, maximum: 4 } }',
      ),
      /:9:73: min 5 is greater than max 4/,
    ],
    [
      'a bound that the type does not have',
      fileOf(
        'properties:',
        '  - { name: a, logicalType: integer, logicalTypeOptions: { maximum: 3000000000 } }',
      ),
      /:9:76: 3000000000 is not a value of type integer|max 3000000000 is not a value of type integer/,
    ],
    [
      'an exclusive bound of a floating number',
      fileOf(
        'properties:',
        '  - { name: a, logicalType: number, logicalTypeOptions: { format: f64, exclusiveMinimum: 0 } }',
      ),
      /`exclusiveMinimum` of a floating number has no inclusive bound/,
    ],
    [
      'a value that is none of the type',
      fileOf(
        'properties:',
        '  - name: a',
        '    logicalType: integer',
        '    quality: [{ metric: invalidValues, arguments: { validValues: [1, x] }, mustBe: 0 }]',
      ),
      /:11:\d+: accepted value "x" is not a value of type integer/,
    ],
    [
      'a pattern that RE2 would read otherwise',
      fileOf(
        'properties:',
        '  - { name: a, logicalType: string, logicalTypeOptions: { pattern: "\\\\u0041" } }',
      ),
      /RE2 does not read in that way/,
    ],
    [
      'a pattern that RE2 does not know',
      fileOf(
        'properties:',
        '  - { name: a, logicalType: string, logicalTypeOptions: { pattern: "(?=a)b" } }',
      ),
      /:9:72: pattern \(\?=a\)b looks around/,
    ],
  ])('refuses %s', async (_, text, message) => {
    const file = join(temporaryProject({ 'a.odcs.yaml': text }), 'a.odcs.yaml')
    const { contract, problems } = await importAndCheck({ file })
    expect(contract).toBeUndefined()
    expect(problems.map(formatProblem).join('\n')).toMatch(message)
  })

  test('which schema is meant, must be said where there are several', async () => {
    const { code, stderr } = await imported(odcs)
    expect(code).toBe(2)
    expect(stderr).toContain('the file has 2 schemas. Name one: orders, customers.')
    expect((await imported(odcs, '--schema', 'order')).stderr).toContain(
      'the file has no schema `order`. Did you mean `orders`?',
    )
  })
})
