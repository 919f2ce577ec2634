import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { digestOf } from '../../core/json.ts'
import { type QuarantineItem, readQuarantineItem } from '../../core/runs/acknowledgements.ts'
import type { Evidence } from '../../core/runs/evidence.ts'
import type { QuarantineIndex } from '../../core/runs/quarantine.ts'
import { readFlow } from '../../core/runs/runs.ts'
import { readJsonRef, writeText } from '../../core/stores/object-ref.ts'
import type { Ask } from '../support/duckdb.ts'
import { documentedCaller } from './caller.ts'
import { type Cloud, credentials, type Deployment } from './deployment.ts'
import { type LakeTable, readRows, readTables } from './lake-tables.ts'
import { correctedSales, tradeFiles, tradeVersions, writeTradeProject } from './trade-project.ts'

export interface OnStack {
  readonly cloud: Cloud
  readonly deployment: Deployment
  readonly ask: Ask
  /** The bucket from which the stack may read. */
  readonly landing: string
  deliver(key: string, body: string): Promise<unknown>
}

const hashed = (text: string) =>
  createHash('sha256')
    .update(`DCH1;S${Buffer.byteLength(text)}:${text};`)
    .digest('hex')

const product = (
  id: number,
  name: string,
  price: number | null,
  tags: readonly string[] | null,
  size: readonly [number, number | null] | null,
  price__variant: string | null = null,
) => ({
  id,
  name,
  price,
  tags,
  size: size === null ? null : { w: size[0], h: size[1] },
  price__variant,
})

const products = [
  product(1, 'lamp', 12.5, ['home', 'light'], [10, 20]),
  product(2, 'desk', 99, [], [120, null]),
  product(3, 'chair', null, ['home'], [40, 90], 'on request'),
  product(6, 'rug', 45, ['home'], [200, 140]),
  product(7, 'vase', 8.25, null, [12, 30]),
]

const sale = (
  ...[id, of, qty, price, email, day, paid]: readonly [
    number,
    number,
    number,
    number,
    string | null,
    string,
    boolean | null,
  ]
) => ({
  id,
  product: of,
  qty,
  price,
  // One star stands for whatever lies between.
  email: email === null ? null : `${email[0]}*${email.slice(-8)}`,
  customer: hashed(email ?? 'none'),
  day: `${day}T00:00:00.000Z`,
  paid,
  total: qty * price,
})

const longAgo = '2024-01-01T00:00:00.000Z'

/** An index as it would be after the time for which its rows are kept. */
function asOverdue(body: string): string {
  const { fingerprint: _ofToday, ...index } = JSON.parse(body) as QuarantineIndex
  const content = { ...index, expires_at: longAgo }
  return JSON.stringify({ ...content, fingerprint: digestOf(content) })
}

/** As the table in docs/running.md names them. */
const commands = [
  'all',
  '`deploy`',
  '`run`',
  '`quarantine ack`, `replay`, `prune`',
  '`evidence verify`',
  '`schema plan`',
  '`schema approve`',
]

/**
 * What contracts set aside, check and coerce, and what people say of it, on the stack of `given`: by somebody who may do
 * no more than the documentation says is needed.
 */
export function tradeOnStack(given: () => OnStack): void {
  let directory: string
  const file = (name: string) => join(directory, name)
  let caller: Readonly<Record<string, string | undefined>>
  const sluice = async (...args: string[]) => {
    const { cloud, deployment } = given()
    return await cloud.sluiceAs(caller, ...args, '--project', directory, '--stack', deployment.stack.name)
  }
  const json = async (...args: string[]) => {
    const said = await sluice(...args, '--format', 'json')
    expect(said).toMatchObject({ code: 0 })
    return JSON.parse(said.out)
  }
  const rowsOf = async (table: string) =>
    await readRows((await readTables(given().deployment.ports))[table] as LakeTable)
  const deployed = async (version: 0 | 1) => {
    await writeTradeProject(directory, `s3://${given().landing}/trade`, tradeVersions[version])
    expect(await sluice('deploy')).toMatchObject({ code: 0 })
  }
  const evidenceOf = async (run: string, dataflow: string) => {
    const { ports } = given().deployment
    const { evidence } = await readFlow(ports, run, dataflow)
    return await readJsonRef<Evidence>(ports.evidence, evidence as never)
  }
  const contractOf = ({ gates }: Evidence) => gates.find(({ gate }) => gate === 'contract')?.record as never
  const said = async (dataflow: string) =>
    (await readQuarantineItem(given().deployment.ports, 'trade-1', dataflow)) as QuarantineItem
  const keysBelow = async (prefix: string) => {
    const keys: string[] = []
    for await (const { key } of given().deployment.ports.lake.list(prefix)) keys.push(key)
    return keys
  }
  /** The index of what run trade-1 has set aside, as text. */
  const stored = async (dataflow: string) => {
    const { ports } = given().deployment
    const key = (await readFlow(ports, 'trade-1', dataflow)).quarantine?.key as string
    return { key, body: Buffer.from((await ports.evidence.get(key)).body).toString('utf8') }
  }
  /** The rejected rows by DuckDB, from the files that the stored index names, with their digests looked at here. */
  const rejected = async (dataflow: string, columns: string) => {
    const { evidence } = given().deployment.ports
    const index: QuarantineIndex = JSON.parse((await stored(dataflow)).body)
    const paths: string[] = []
    for (const [i, { key, sha256 }] of index.files.entries()) {
      const { body } = await evidence.get(key)
      expect(createHash('sha256').update(body).digest('hex')).toBe(sha256)
      const path = file(`rejected-${i}.parquet`)
      await writeFile(path, body)
      paths.push(path)
    }
    return await given().ask(`SELECT ${columns} FROM read_parquet(['${paths.join("', '")}']) ORDER BY ALL`)
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'trade-'))
    for (const [name, body] of Object.entries(tradeFiles)) await given().deliver(`trade/${name}`, body)
    const { cloud, deployment, landing } = given()
    caller = await documentedCaller(cloud.cloudFormation, deployment.stack, {
      root: credentials,
      commands,
      sources: landing,
      directory,
    })
    await deployed(0)
  }, 60_000)
  afterAll(async () => await rm(directory, { recursive: true, force: true }))

  it('judges in ranges of an object, transforms, coerces and checks against other tables', {
    timeout: 120_000,
  }, async () => {
    const ran = await sluice('run', '--run-id', 'trade-1')
    expect(ran).toMatchObject({ code: 1, out: expect.stringContaining('Run trade-1 failed') })
    const result = await given().deployment.result('trade-1')
    expect(result.dataflows).toMatchObject([
      { dataflow: 'products', status: 'succeeded', rows: { read: 7, accepted: 5, quarantined: 2 } },
      { dataflow: 'prices', status: 'succeeded', rows: { read: 5, accepted: 5 } },
      { dataflow: 'sales', status: 'succeeded', rows: { read: 7, accepted: 4, quarantined: 2 } },
      { dataflow: 'returns', status: 'failed', gate: 'contract', error: { code: 'CHECK_FAILED' } },
    ])
    expect(await rowsOf('shop.products')).toEqual(products)
    const sales = await rowsOf('shop.sales')
    const { customer: _ofNobody, ...anonymous } = sale(7, 7, 1, 8.25, null, '2024-01-10', null)
    expect(sales).toMatchObject([
      sale(1, 1, 2, 12.5, 'ada@shop.example', '2024-01-05', true),
      sale(2, 2, 1, 99, 'bob@shop.example', '2024-01-06', true),
      sale(5, 6, 1, 40, 'dee@shop.example', '2024-01-08', true),
      anonymous,
    ])
    expect((await keysBelow('shop/products/data/')).length).toBeGreaterThan(1)
    // What its shards had stored before the check failed is cleared away.
    expect(await keysBelow('shop/returns/')).toEqual([])
    const judged = await evidenceOf('trade-1', 'sales')
    expect(contractOf(judged)).toMatchObject({
      coerced: expect.arrayContaining([{ column: 'paid', count: 2 }]),
      checks: [
        { name: 'known_products', outcome: 'passed', measured: 0 },
        { name: 'once', outcome: 'passed', measured: 0 },
        { name: 'cheap', outcome: 'failed', severity: 'warn', measured: 1 },
        { name: 'recent', outcome: 'failed', severity: 'warn' },
      ],
    })
    expect(contractOf(await evidenceOf('trade-1', 'products'))).toMatchObject({
      variants: [{ column: 'price', count: 1 }],
    })
  })

  it('shows, exports and verifies what was set aside', { timeout: 60_000 }, async () => {
    const [list, show, verified, exported] = await Promise.all([
      json('quarantine', 'list', 'trade-1'),
      json('quarantine', 'show', 'trade-1', 'sales'),
      json('evidence', 'verify', 'trade-1'),
      json('quarantine', 'export', 'trade-1', 'products', '--raw', '--to', file('raw.csv')),
    ])
    expect(list.dataflows).toMatchObject([
      { dataflow: 'products', rows: 2, pending: 2, pii_policy: 'preserve' },
      { dataflow: 'sales', rows: 2, pending: 2, pii_policy: 'masked' },
    ])
    const reasons = await rejected(
      'sales',
      'row_id, reasons[1].code AS code, reasons[1].column AS "column", raw',
    )
    expect(reasons.map(({ column }) => column).sort()).toEqual(['day', 'qty'])
    expect(JSON.stringify(reasons)).not.toMatch(/three|eve@|cy@/)
    expect(show.rows.map((row: { row_id: string }) => row.row_id).sort()).toEqual(
      reasons.map(({ row_id }) => row_id).sort(),
    )
    expect(verified.verified).toBe(true)
    expect(exported).toMatchObject({ rows: 2, format: 'csv' })
    expect(await readFile(file('raw.csv'), 'utf8')).toContain('"4","rebate","-5.00",')
  })

  it('replays corrected rows once, and their commit acknowledges them', { timeout: 120_000 }, async () => {
    const shown: { row_id: string; reasons: [{ column: string }] }[] = (
      await json('quarantine', 'show', 'trade-1', 'sales')
    ).rows
    const ids = Object.fromEntries(shown.map(({ row_id, reasons }) => [reasons[0].column, row_id]))
    await writeFile(file('corrected.csv'), correctedSales(ids))
    const replay = ['quarantine', 'replay', 'trade-1', 'sales', '--from', file('corrected.csv')]
    const { plan_sha256, replay_run_id } = await json(...replay)
    expect(await rowsOf('shop.sales')).toHaveLength(4)
    expect(await json(...replay, '--plan', plan_sha256)).toMatchObject({ status: 'succeeded' })
    const again = await json(...replay, '--plan', plan_sha256)
    expect(again).toMatchObject({ rows: 0, replayed: { run_id: replay_run_id } })
    const rows = await rowsOf('shop.sales')
    expect(rows.map(({ id }) => id)).toEqual([1, 2, 4, 5, 6, 7])
    expect(rows).toMatchObject({
      2: sale(4, 6, 3, 45, 'cy@shop.example', '2024-01-07', false),
      4: sale(6, 7, 4, 8.25, 'eve@shop.example', '2024-01-09', false),
    })
    expect(await said('sales')).toMatchObject({
      version: 1,
      rows: 2,
      acknowledged: [{ rows: 2, replay: { plan: plan_sha256, run_id: replay_run_id } }],
    })
    const { evidence } = given().deployment.ports
    const left: string[] = []
    for await (const { key } of evidence.list('quarantine/trade-1/sales/replay-')) left.push(key)
    expect(left).toEqual([])
  })

  it('replays rows as they were under a corrected contract; what may stay out is acknowledged, and pruned in its time', {
    timeout: 120_000,
  }, async () => {
    await deployed(1)
    const replay = ['quarantine', 'replay', 'trade-1', 'products', '--code', 'contract.min', '--yes']
    expect(await json(...replay)).toMatchObject({ status: 'succeeded' })
    expect(await rowsOf('shop.products')).toEqual([
      ...products.slice(0, 3),
      product(4, 'rebate', -5, ['sale'], null),
      ...products.slice(3),
    ])
    const reason = ['--reason', 'no tag is a number', '--by', 'ada']
    expect(await json('quarantine', 'ack', 'trade-1', 'products', ...reason)).toMatchObject({ rows: 1 })
    expect(await json('quarantine', 'ack', 'trade-1', 'products', ...reason)).toMatchObject({ rows: 0 })
    const item = await said('products')
    expect(item).toMatchObject({
      version: 2,
      acknowledged: [
        { covers: { codes: ['contract.min'] }, rows: 1, replay: {} },
        { covers: { all: true }, rows: 1, by: 'ada', reason: 'no tag is a number' },
      ],
    })
    expect((await json('quarantine', 'prune', '--yes')).quarantines).toEqual([])
    const { state, evidence } = given().deployment.ports
    const { key, body } = await stored('products')
    const index = await writeText(evidence, key, asOverdue(body))
    const overdue = { ...item, version: 3, expires_at: longAgo, index }
    await state.transact([{ kind: 'put', item: overdue, expect: { version: 2 } }])
    const { removed, quarantines } = await json('quarantine', 'prune', '--yes')
    const pruned = { ...(await said('products')), version: 5, index: await writeText(evidence, key, body) }
    await state.transact([{ kind: 'put', item: pruned, expect: { version: 4 } }])
    expect({ removed, quarantines }).toMatchObject({ removed: true, quarantines: [{ dataflow: 'products' }] })
    for (const key of quarantines[0].files) expect(await evidence.head(key)).toBeUndefined()
    expect((await json('evidence', 'verify', 'trade-1')).verified).toBe(true)
  })

  it('lets a change of a table through once somebody has approved it', { timeout: 60_000 }, async () => {
    const plan = await sluice('schema', 'plan', 'prices', '--format', 'json')
    expect(plan).toMatchObject({ code: 1 })
    const [{ outcome, ddl }] = JSON.parse(plan.out).dataflows
    expect(outcome).toBe('refused')
    const approved = await json('schema', 'approve', 'prices', '--plan', ddl.digest, '--by', 'ada')
    expect(approved).toMatchObject({ approved_by: 'ada' })
    expect(await json('run', '--dataflow', 'prices', '--run-id', 'trade-2')).toMatchObject({
      status: 'succeeded',
    })
    const { gates } = await evidenceOf('trade-2', 'prices')
    expect(gates.find(({ gate }) => gate === 'physical_ddl')?.record).toMatchObject({
      approval: { plan: ddl.digest, approved_by: 'ada' },
    })
    expect((await rowsOf('shop.prices')).map(({ price }) => price)).toEqual([12.5, 99, null, -5, 45, 8.25])
  })
}
