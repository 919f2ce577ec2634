import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { digestOf } from '../json.ts'
import { columnName } from '../sources/column-names.ts'
import { loadManifest } from './load.ts'
import { renderYaml } from './render.ts'
import { load, projectOf } from './test-project.suite.ts'
import type { ColumnNames } from './types.ts'
import { formatWhy, why } from './why.ts'

/** The example of the design page. */
const design = `version: 1
project: flights
defaults:
  contract: { enforcement: quarantine }
connections:
  landing:   { type: files, path: ./landing }
  warehouse: { type: lake }
dataflows:
  - name: flights_raw
    stage: ingest2bronze
    group_number: 1
    execution_order: 1
    tags: [flights]
    source: { connection: landing, path: "flights-*.parquet", format: parquet, watermark_columns: [date] }
    contract:
      enforcement: quarantine
      columns:
        delay:    { type: integer, nullable: false, min: -1000, max: 3000 }
        distance: { type: decimal, precision: 9, scale: 2 }
        origin:   { type: string, pattern: "[A-Z]{3}" }
        "a.b":    { type: string }
    sink: { connection: warehouse, table: bronze.flights, load_type: append }
  - name: delay_by_origin
    stage: silver2gold
    transform: { sql: "SELECT origin, avg(delay) AS mean_delay FROM {{ ref('bronze.flights') }} GROUP BY origin" }
    contract: { enforcement: strict, columns: { origin: { type: string, unique: true }, mean_delay: { type: double } } }
    sink: { connection: warehouse, table: gold.delay_by_origin, load_type: overwrite }
`

describe('renderYaml', () => {
  test('is a fixed point: what is rendered loads to the same manifest and renders to the same text', async () => {
    const { manifest } = await load({ 'sluice.yaml': design })
    const text = renderYaml(manifest)
    const again = await load({ 'sluice.yaml': text })
    expect(again.manifest).toEqual(manifest)
    expect(renderYaml(again.manifest)).toBe(text)
    expect(Object.keys(parse(text))).toEqual(['version', 'project', 'connections', 'dataflows'])
  })

  test('for any manifest that loads, wherever its parts stand', async () => {
    const text = fc.string({
      unit: fc.constantFrom('a', ' ', ':', '#', "'", '"', '\n', '-', '{', '%', 'é'),
      maxLength: 12,
    })
    const flow = fc.record(
      {
        description: text,
        tags: fc.array(fc.constantFrom('x', 'y:z')),
        column_names: fc.constantFrom('lower', 'snake'),
        is_active: fc.boolean(),
        contract: fc.record(
          {
            enforcement: fc.constantFrom('strict', 'quarantine'),
            columns: fc.dictionary(
              text.filter((name) => name !== ''),
              fc.record({ type: fc.constantFrom('string', 'bigint'), nullable: fc.boolean() }),
              { maxKeys: 3 },
            ),
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(flow, { minLength: 1, maxLength: 4 }), flow, async (flows, defaults) => {
        const dataflows = flows.map((each, i) => ({
          name: `f${i}`,
          source: { connection: 'in', path: '*.csv', format: 'csv' },
          sink: { connection: 'out', table: `t.f${i}`, load_type: 'append' },
          ...each,
        }))
        for (const { contract, column_names } of flows) {
          const names = Object.keys({ ...defaults.contract?.columns, ...contract?.columns })
          const mode = (column_names ?? defaults.column_names ?? 'lower') as ColumnNames
          fc.pre(new Set(names.map((name) => columnName(name, mode))).size === names.length)
        }
        const connections = { in: { type: 'files', path: 'x' }, out: { type: 'lake' } }
        const source = { version: 1, project: 'p', defaults, connections, dataflows }
        const { manifest } = await load({ 'sluice.yaml': stringify(source) })
        const again = await load({ 'sluice.yaml': renderYaml(manifest) })
        expect(again.manifest).toEqual(manifest)
        expect(digestOf(again.manifest)).toBe(digestOf(manifest))
      }),
      { numRuns: 100 },
    )
  })
})

describe('why', () => {
  async function ask(path: string): Promise<string> {
    const directory = projectOf({ 'sluice.yaml': design })
    return formatWhy(why(await loadManifest(join(directory, 'sluice.yaml')), path)).replaceAll(
      `${directory}/`,
      '',
    )
  }

  test.each([
    [
      'dataflows.flights_raw.contract.enforcement',
      'dataflows.flights_raw.contract.enforcement: "quarantine"\n  at sluice.yaml:16:20\n  instead of "quarantine" from defaults at sluice.yaml:4:28\n',
    ],
    ['dataflows.flights_raw.is_active', 'dataflows.flights_raw.is_active: true\n  default of the schema\n'],
    ['dataflows.flights_raw.tags', 'dataflows.flights_raw.tags: ["flights"]\n  at sluice.yaml:13:11\n'],
    ['dataflows.flights_raw.tags[0]', 'dataflows.flights_raw.tags[0]: "flights"\n  at sluice.yaml:13:12\n'],
    [
      'dataflows.flights_raw.contract.columns."a.b".type',
      'dataflows.flights_raw.contract.columns."a.b".type: "string"\n  at sluice.yaml:21:27\n',
    ],
    [
      'dataflows.delay_by_origin.sink',
      'dataflows.delay_by_origin.sink.connection: "warehouse"\n  at sluice.yaml:27:25\n' +
        'dataflows.delay_by_origin.sink.table: "gold.delay_by_origin"\n  at sluice.yaml:27:43\n' +
        'dataflows.delay_by_origin.sink.load_type: "overwrite"\n  at sluice.yaml:27:76\n',
    ],
    ['connections.landing.path', 'connections.landing.path: "./landing"\n  at sluice.yaml:6:35\n'],
    ['project', 'project: "flights"\n  at sluice.yaml:2:10\n'],
  ])('%s', async (path, answer) => {
    expect(await ask(path)).toBe(answer)
  })

  test('what only defaults say is from defaults', async () => {
    const text = design.replace('      enforcement: quarantine\n', '')
    const answers = why(await load({ 'sluice.yaml': text }), 'dataflows.flights_raw.contract')
    expect(answers[0]).toMatchObject({ from: 'defaults', line: 4, column: 28, value: 'quarantine' })
    expect(answers.find(({ path }) => path.endsWith('pii_policy'))).toEqual({
      path: 'dataflows.flights_raw.contract.quarantine.pii_policy',
      value: 'reference_only',
      from: 'schema default',
    })
  })

  test('a section gives every value in it', async () => {
    const loaded = await load({ 'sluice.yaml': design })
    expect(why(loaded, 'connections').map(({ path }) => path)).toEqual([
      'connections.landing.type',
      'connections.landing.path',
      'connections.warehouse.type',
    ])
    expect(why(loaded, 'dataflows').length).toBeGreaterThan(30)
  })

  test.each([
    ['dataflows.flights_rw.sink', '`dataflows` has no `flights_rw`. Did you mean `flights_raw`?'],
    ['dataflows.flights_raw.snk', '`dataflows.flights_raw` has no `snk`. Did you mean `sink`?'],
    ['dataflow', 'the manifest has no `dataflow`. Did you mean `dataflows`?'],
    [
      'dataflows.flights_raw.contract.quarantine.max_rows',
      '`dataflows.flights_raw.contract.quarantine.max_rows` is not set, and it has no default. Set there: pii_policy, retention_days.',
    ],
    ['dataflows.flights_raw.tags[7]', '`dataflows.flights_raw.tags` has no `7`.'],
    ['project.x', '`project` has no `x`.'],
    ['connections.constructor', '`connections` has no `constructor`. It has: landing, warehouse.'],
    ['a..b', '`a..b` is not a path.'],
    ['', '`` is not a path.'],
  ])('unknown: %s', async (path, message) => {
    const loaded = await load({ 'sluice.yaml': design })
    expect(() => why(loaded, path)).toThrow(
      expect.objectContaining({
        name: 'ManifestError',
        code: 'PATH_UNKNOWN',
        message: expect.stringContaining(message),
      }),
    )
  })
})

test('handlers read the types of a manifest without loading zod', () => {
  const text = readFileSync(new URL('./types.ts', import.meta.url), 'utf8')
  expect(text.match(/^import (?!type)/m)).toBeNull()
})
