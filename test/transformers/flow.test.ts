import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Flow, openFlow, type Ran } from '../evolution/flow.ts'
import { rejectedRows } from '../support/shard-project.ts'

const digest = (payload: string) => createHash('sha256').update(payload).digest('hex')

const transformers = `{
      values: [{ operation: trim, columns: [Mail, country] }, { operation: lower, columns: [mail] }, { operation: map, columns: [status], mapping: { A: active } }],
      formats: { ordered_on: dd/MM/yyyy },
      hash_columns: [{ name: customer, columns: [country, id] }],
      deduplicate: { columns: [id], latest_by: [ordered_on] },
      computed: [{ name: next_age, expr: age + 1 }], filter: "country = 'VN' OR next_age > 90",
      masking: [{ method: partial, columns: [mail], keep_end: 4 }, { method: numeric_bucket, columns: [age], bucket_size: 10 }],
      drop: [secret], rename: { ordered_on: Order Date } }`
const contract = `{ enforcement: quarantine, quarantine: { pii_policy: preserve }, columns: {
      id: { type: bigint }, age: { type: integer, max: 80 }, order_date: { type: date, nullable: false }, status: { type: string, accepted_values: [active] } } }`

const header = 'id,Mail,country,status,age,secret,ordered_on'
const good = '1, ANN@EXAMPLE.COM , VN ,A,37,secret-one,05/01/2024'
const late = '2,bob@example.org,VN,A,99,secret-two,06/01/2024'
const odd = '3,eve@example.net,VN,B,41,secret-three,2024-01-06'
const older = '1,ann@example.com,VN,A,36,secret-four,31/12/2023'
const abroad = '5,joe@example.com,US,A,20,secret-five,05/01/2024'

describe('one dataflow with all of them, from CSV', () => {
  let flow: Flow
  let first: Ran
  beforeAll(async () => {
    flow = openFlow()
    flow.says({ transformers, contract })
    flow.deliver('a', `${[header, older, good, late, odd, abroad].join('\n')}\n4,too few\n`)
    first = await flow.run()
  })
  afterAll(() => flow.remove())

  it('the table has what the transformers made', async () => {
    expect(first.flow).toMatchObject({ status: 'succeeded' })
    expect(first.flow.rows).toEqual({
      read: 6,
      accepted: 1,
      quarantined: 3,
      filtered: 1,
      filtered_by_rule: 1,
      deduplicated: 1,
    })
    const table = await flow.table()
    expect(table.columns).toEqual([
      'id long',
      'mail string',
      'country string',
      'status string',
      'age int',
      'order_date date',
      'customer string',
      'next_age int',
    ])
    const row = {
      id: 1,
      mail: '*.com',
      country: 'VN',
      status: 'active',
      age: 30,
      customer: digest('DCH1;S2:VN;I1:1;'),
      next_age: 38,
    }
    expect(table.rows).toEqual([{ ...row, order_date: '2024-01-05' }])
    expect(await table.icebird()).toMatchObject([row])
  })

  it('the evidence tells what each column is made of', async () => {
    const transformers = first.gate('lineage').transformers
    expect(transformers?.lineage).toContainEqual({
      column: 'mail',
      from: ['Mail'],
      by: ['trim', 'lower', 'partial'],
    })
    expect(transformers?.lineage).toContainEqual({
      column: 'customer',
      from: ['country', 'id'],
      by: ['hash'],
    })
    expect(transformers?.sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(transformers?.sql).toContain('_sluice_source')
  })

  it('no masked or dropped value is in quarantine or in any other evidence', async () => {
    const rows = await rejectedRows(flow.directory, first.evidence.run_id)
    expect(rows).toHaveLength(3)
    const text = rows.join('\n')
    expect(text).toContain('2024-01-06')
    const root = join(flow.directory, '.sluice/evidence')
    const files = readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((file) => file.name.endsWith('.json'))
      .map((file) => readFileSync(join(file.parentPath, file.name), 'utf8'))
    expect(files.length).toBeGreaterThan(1)
    for (const hidden of ['example.', 'secret-', 'too few']) {
      expect(text).not.toContain(hidden)
      for (const file of files) expect(file).not.toContain(hidden)
    }
  })

  it('other transformers are another definition', async () => {
    flow.says({ transformers: transformers.replace('bucket_size: 10', 'bucket_size: 5'), contract })
    flow.deliver('b', `${[header, good.replace('1,', '6,')].join('\n')}\n`)
    const { evidence } = await flow.run()
    expect(evidence.definition_sha256).not.toBe(first.evidence.definition_sha256)
    expect(evidence.contract_sha256).toBe(first.evidence.contract_sha256)
    expect((await flow.table()).rows.map(({ age }) => age)).toEqual([30, 35])
  })
})

it('a pattern that is no RE2 stops the dataflow before anything is read', async () => {
  const flow = openFlow()
  try {
    flow.says({
      transformers: '{ values: [{ operation: regex_replace, columns: [a], pattern: "a(", replacement: x }] }',
    })
    flow.deliver('a', 'a,b\n1,2\n')
    const ran = await flow.run()
    expect(ran.flow.error).toMatchObject({ code: 'CONTRACT_PATTERN_INVALID' })
    expect(ran.flow.error?.message).toContain('transformers.values[0]')
  } finally {
    flow.remove()
  }
})

describe('loads by watermark', () => {
  let flow: Flow
  beforeAll(() => {
    flow = openFlow()
    flow.says({
      source: ', watermark_columns: [at]',
      transformers: `{ formats: { at: dd/MM/yyyy }, deduplicate: { columns: [id], latest_by: [n] }, filter: "n > 0" }`,
      contract: '{ columns: { id: { type: bigint }, at: { type: date }, n: { type: integer } } }',
    })
  })
  afterAll(() => flow.remove())

  it('rows that were left out move the watermark as those that are loaded do', async () => {
    flow.deliver('a', 'id,at,n\n1,01/01/2024,5\n1,05/01/2024,4\n2,03/01/2024,1\n3,04/01/2024,0\n')
    const { flow: first } = await flow.run()
    expect(first.rows).toEqual({
      read: 4,
      accepted: 2,
      quarantined: 0,
      filtered: 1,
      filtered_by_rule: 1,
      deduplicated: 1,
    })
    flow.deliver('b', 'id,at,n\n4,05/01/2024,9\n4,06/01/2024,8\n4,06/01/2024,7\n')
    const { flow: second } = await flow.run()
    expect(second.rows).toEqual({
      read: 7,
      accepted: 1,
      quarantined: 0,
      filtered: 5,
      filtered_by_rule: 0,
      deduplicated: 1,
    })
    expect((await flow.table()).rows).toEqual([
      { id: 1, at: '2024-01-01', n: 5 },
      { id: 2, at: '2024-01-03', n: 1 },
      { id: 4, at: '2024-01-06', n: 8 },
    ])
  })

  it('a delivery that is left out whole is remembered, and not read again', async () => {
    flow.deliver('c', 'id,at,n\n5,07/01/2024,0\n')
    const third = await flow.run()
    expect(third.flow).toMatchObject({ status: 'succeeded', rows: { accepted: 0, filtered_by_rule: 1 } })
    expect(third.gate('contract').watermark).toEqual({ at: '2024-01-07' })
    expect((await flow.table()).rows).toHaveLength(3)
    expect((await flow.run()).flow.reason).toBe('nothing_new')
  })
})

it('a load that needs shards is not deduplicated by halves', async () => {
  const flow = openFlow()
  try {
    const says = (limit: string) =>
      flow.says({
        source: limit,
        transformers: '{ deduplicate: { columns: [id], latest_by: [n] } }',
        contract: '{ columns: { id: { type: bigint }, n: { type: integer } } }',
      })
    says(', max_shard_bytes: 20')
    flow.deliver('a', 'id,n\n1,1\n1,2\n')
    flow.deliver('b', 'id,n\n1,3\n1,4\n')
    expect((await flow.run()).flow).toMatchObject({
      status: 'failed',
      gate: 'extract',
      error: { code: 'DEDUPLICATE_IN_SHARDS' },
    })
    says('')
    expect((await flow.run()).flow.rows).toMatchObject({ accepted: 1, deduplicated: 3 })
    expect((await flow.table()).rows).toEqual([{ id: 1, n: 4 }])
  } finally {
    flow.remove()
  }
})
