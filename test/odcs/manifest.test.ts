import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { sluice, temporaryProject } from '../../cli/command-line.suite.ts'
import type { ManifestError } from '../../core/errors.ts'
import { loadManifest } from '../../core/manifest/load.ts'
import { formatProblem, type Problem } from '../../core/manifest/problems.ts'
import { renderYaml } from '../../core/manifest/render.ts'
import { why } from '../../core/manifest/why.ts'
import { openFlow } from '../evolution/flow.ts'

const odcs = readFileSync(new URL('orders.odcs.yaml', import.meta.url), 'utf8')
const golden = parse(readFileSync(new URL('orders.yaml', import.meta.url), 'utf8')).contract

const flow = (contract: string, more = '') => `  - name: orders
    source: { connection: landing, path: "*.csv", format: csv }
    contract: ${contract}
    sink: { connection: warehouse, table: bronze.orders, load_type: append }
${more}`

function manifest(dataflows: string, top = ''): string {
  return `version: 1
project: shop
connections: { landing: { type: files, path: ./landing }, warehouse: { type: lake } }
${top}dataflows:
${dataflows}`
}

function project(yaml: string, files: Readonly<Record<string, string>> = {}): string {
  const all = { 'sluice.yaml': yaml, 'contracts/orders.odcs.yaml': odcs, ...files }
  return join(temporaryProject(all), 'sluice.yaml')
}

async function problems(yaml: string, files?: Readonly<Record<string, string>>): Promise<string[]> {
  const file = project(yaml, files)
  const error = (await loadManifest(file).then(
    () => undefined,
    (thrown) => thrown,
  )) as ManifestError
  const found = error.details.problems as readonly Problem[]
  return found.map((problem) => formatProblem(problem).replaceAll(`${join(file, '..')}/`, ''))
}

describe('contract.odcs', () => {
  test('the rendered manifest has the full contract and no file, and loads without it', async () => {
    const file = project(
      manifest(
        flow(
          '{ enforcement: quarantine, odcs: { file: contracts/orders.odcs.yaml, schema: orders }, columns: { id: { rename_from: order_no }, source: { type: string } } }',
        ),
      ),
    )
    const loaded = await loadManifest(file)
    const { contract } = loaded.manifest.dataflows[0]!
    expect(contract).toMatchObject({ enforcement: 'quarantine' })
    expect(contract).not.toHaveProperty('odcs')
    expect({ columns: contract.columns }).toEqual({
      columns: {
        ...golden.columns,
        id: { ...golden.columns.id, rename_from: 'order_no' },
        source: { type: 'string' },
      },
    })
    const rendered = renderYaml(loaded.manifest)
    expect(rendered).not.toContain('odcs')
    const again = join(temporaryProject({ 'sluice.yaml': rendered }), 'sluice.yaml')
    expect((await loadManifest(again)).manifest).toEqual(loaded.manifest)
    const [answer] = why(loaded, 'dataflows.orders.contract.columns.amount.max')
    expect(answer).toMatchObject({ value: 100000, from: 'manifest', line: 55, column: 61 })
    expect(answer?.file).toMatch(/contracts\/orders\.odcs\.yaml$/)
  })

  test('is relative to the file that names it, and defaults may name it', async () => {
    const reference = 'odcs: { file: orders.odcs.yaml, schema: orders }'
    const included = project(manifest('', 'include: [contracts/flows.yaml]\n').replace('dataflows:\n', ''), {
      'contracts/flows.yaml': `dataflows:\n${flow(`{ ${reference} }`)}`,
    })
    const byDefaults = project(
      manifest(
        flow('{ enforcement: strict }'),
        `defaults: { contract: { ${reference.replace('orders', 'contracts/orders')} } }\n`,
      ),
    )
    for (const file of [included, byDefaults]) {
      const { manifest: loaded } = await loadManifest(file)
      expect(loaded.dataflows[0]?.contract.columns).toEqual(golden.columns)
    }
  })

  test('checks of the file join those of the manifest, and foreign keys lead to the tables that it names', async () => {
    const lines = readFileSync(new URL('lines.odcs.yaml', import.meta.url), 'utf8')
    const contract = `
      odcs: { file: contracts/lines.odcs.yaml, schema: lines, tables: { orders: bronze.o, products: bronze.p } }
      checks: [{ name: own, row_count: { max: 5 } }]`
    const others = ['o', 'p'].map((name) =>
      flow('{}').replace('name: orders', `name: ${name}`).replace('bronze.orders', `bronze.${name}`),
    )
    const file = project(manifest([flow(contract), ...others].join('')), {
      'contracts/lines.odcs.yaml': lines,
    })
    const { checks = [] } = (await loadManifest(file)).manifest.dataflows[0]!.contract
    expect(checks.map(({ name }) => name)).toEqual([
      'own',
      'few_unknown',
      'unique_product',
      'references_products',
      'nulls_discount',
      'primary_key',
      'row_count',
      'one_product_each',
      'row_count_2',
      'references_orders',
    ])
    expect(checks.find(({ name }) => name === 'references_orders')?.references).toEqual({
      columns: ['order_id', 'order_region'],
      table: 'bronze.o',
      to: ['id', 'region_code'],
    })
    const clash = contract.replace('name: own', 'name: primary_key')
    expect(
      await problems(manifest([flow(clash), ...others].join('')), { 'contracts/lines.odcs.yaml': lines }),
    ).toEqual([
      expect.stringMatching(
        /^contracts\/lines\.odcs\.yaml:\d+:\d+: there is a check `primary_key` before\. /,
      ),
    ])
  })

  test('what both say is an error with both places, even where they agree', async () => {
    const contract = `
      odcs: { file: contracts/orders.odcs.yaml, schema: orders }
      columns:
        id: { type: bigint, rename_from: x }`
    expect(await problems(manifest(flow(contract)))).toEqual([
      'sluice.yaml:10:15: `type` is said here and by contracts/orders.odcs.yaml:36:39. Keep one of the two.',
    ])
  })

  test('problems of the file are problems of the manifest, at their place, and bring no others with them', async () => {
    const broken = odcs.replace('format: u16', 'format: u128').replace('unique: false', 'uniqe: false')
    const watermark = flow('{ odcs: { file: contracts/b.odcs.yaml, schema: orders } }').replace(
      'format: csv }',
      'format: csv, watermark_columns: [id] }',
    )
    expect(await problems(manifest(watermark), { 'contracts/b.odcs.yaml': broken })).toEqual([
      expect.stringMatching(
        /^contracts\/b\.odcs\.yaml:58:39: no column type holds an integer of format `u128`\. /,
      ),
      'contracts/b.odcs.yaml:89:9: a property has no key `uniqe` in version 3.1. Did you mean `unique`?',
    ])
  })

  test('what the contract itself refuses is told at the place in the file', async () => {
    const swapped = odcs.replace('minimum: 1 }', 'minimum: 9, maximum: 5 }')
    const reference = flow('{ odcs: { file: contracts/b.odcs.yaml, schema: orders } }')
    expect(await problems(manifest(reference), { 'contracts/b.odcs.yaml': swapped })).toEqual([
      expect.stringMatching(/^contracts\/b\.odcs\.yaml:36:53: min 9 is greater than max 5\. /),
    ])
  })

  test.each([
    ['{ odcs: { file: nowhere.yaml } }', /^sluice\.yaml:7:31: nowhere\.yaml: there is no such file\. /],
    [
      '{ odcs: { file: /etc/orders.yaml } }',
      /^sluice\.yaml:7:31: `\/etc\/orders\.yaml` is not a path relative to /,
    ],
    ['{ odcs: { file: s3://bucket/orders.yaml } }', /is not a path relative to /],
    ['{ odcs: { schema: orders } }', /^sluice\.yaml:7:23: `file` is missing\. Add it\.$/],
    [
      '{ odcs: contracts/orders.odcs.yaml }',
      /^sluice\.yaml:7:23: `dataflows\.orders\.contract\.odcs` must be a mapping, /,
    ],
    [
      '{ odcs: { file: contracts/orders.odcs.yaml, shcema: orders } }',
      /unknown key `shcema`. Did you mean `schema`\?/,
    ],
    [
      '{ odcs: { file: contracts/orders.odcs.yaml, schema: order } }',
      /the file has no schema `order`\. Did you mean `orders`\?/,
    ],
    ['{ ocds: { file: contracts/orders.odcs.yaml } }', /unknown key `ocds`/],
  ])('%s', async (contract, message) => {
    const found = await problems(manifest(flow(contract)))
    expect(found).toEqual([expect.stringMatching(message)])
  })
})

describe('a run by a contract of the standard', () => {
  const project = openFlow()
  afterAll(() => project.remove())

  test('rows that it refuses are set aside, each by its rule, and the others are in the table', async () => {
    mkdirSync(join(project.directory, 'contracts'))
    writeFileSync(join(project.directory, 'contracts/orders.odcs.yaml'), odcs)
    project.says({
      contract: '{ enforcement: quarantine, odcs: { file: contracts/orders.odcs.yaml, schema: orders } }',
    })
    const good = 'C1,10.50,3,paid,2020-01-01,2024-05-01T10:00:00+02:00,a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1'
    project.deliver(
      'orders',
      [
        'id,customer_no,amount,quantity,state,ordered_on,changed_at,trace',
        `1,${good}1`,
        `0,${good}2`,
        `3,${good.replace('C1', 'D1')}3`,
        `4,${good.replace('10.50', '0.00')}4`,
        `5,${good.replace(',3,', ',65536,')}5`,
        `6,${good.replace('paid', 'lost')}6`,
        `7,${good.replace('2020-01-01', '2019-12-31')}7`,
        `8,${good.replace('2024-05-01', '2100-05-01')}8`,
        `9,${good.replace('a0eebc99-', 'a0eebc99')}9`,
        `10,${good}0`,
        '',
      ].join('\n'),
    )
    const ran = await project.run()
    expect(ran.flow.status).toBe('succeeded')
    expect([...ran.reasons].sort()).toEqual([
      'amount min 1',
      'changed_at max 1',
      'customer_no pattern 1',
      'id min 1',
      'ordered_on min 1',
      'quantity max 1',
      'state accepted_values 1',
      'trace type 1',
    ])
    const { rows, columns } = await project.table()
    expect(rows.map((row) => Number(row.id))).toEqual([1, 10])
    expect(columns).toContain('trace uuid')
  })
})

test('sluice render prints the full contract', async () => {
  const yaml = manifest(flow('{ odcs: { file: contracts/orders.odcs.yaml, schema: orders } }'))
  const { stdout } = await sluice(['render'], { cwd: join(project(yaml), '..') })
  expect(parse(stdout).dataflows[0].contract.columns).toEqual(golden.columns)
})
