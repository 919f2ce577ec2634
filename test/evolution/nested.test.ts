import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EvolutionDecision } from '../../core/runs/evolution-record.ts'
import { currentSchema } from '../../core/tables/metadata.ts'
import { schemaNodes } from '../../core/tables/schema.ts'
import type { Schema } from '../../core/tables/types.ts'
import { type Flow, openFlow, type Ran } from './flow.ts'

let flow: Flow
beforeEach(() => {
  flow = openFlow()
})
afterEach(() => flow.remove())

const decisions = (ran: Ran): string[] =>
  ran
    .gate('evolution')
    .decisions.map(({ change, column, action }: EvolutionDecision) => `${change} ${column}: ${action}`)

const says = (column: string, keys: Readonly<Record<string, string>> = {}, type = 'append') =>
  flow.says(
    { contract: `{ enforcement: quarantine, columns: { id: { type: integer }, c: ${column} } }`, ...keys },
    { type },
  )

const deliver = (name: string, ...texts: readonly (readonly [number, string])[]) =>
  flow.deliver(
    name,
    `id,c\n${texts.map(([id, text]) => `${id},"${text.replaceAll('"', '""')}"`).join('\n')}\n`,
  )

async function passes(): Promise<Ran> {
  const ran = await flow.run()
  expect(ran.flow.error).toBeUndefined()
  return ran
}

/** `path id`, of all that is nested in the column. */
async function ids(): Promise<string[]> {
  const { metadata } = await flow.table()
  return schemaNodes(currentSchema(metadata))
    .filter(({ path }) => path[0] === 'c')
    .map(({ path, id }) => `${path.join('.')} ${id}`)
}

/** Through this project's reader and through icebird. */
async function values(): Promise<unknown[]> {
  const table = await flow.table()
  const plain = (rows: readonly Readonly<Record<string, unknown>>[]) =>
    rows
      .toSorted((a, b) => Number(a.id) - Number(b.id))
      .map(({ c }) => JSON.stringify(c, (_, value) => (typeof value === 'bigint' ? Number(value) : value)))
  const own = plain(table.rows)
  expect(plain(await table.icebird())).toEqual(own)
  return own.map((text) => JSON.parse(text))
}

const struct = (members: string) => `{ type: struct, fields: { ${members} } }`
const list = (items: string) => `{ type: list, items: ${items} }`

describe('members', () => {
  beforeEach(async () => {
    says(list(struct('a: { type: integer }, b: { type: string }')))
    deliver('a', [1, '[{"a":1,"b":"x"}]'])
    await passes()
    expect(await ids()).toEqual(['c 2', 'c.element 5', 'c.element.a 6', 'c.element.b 7'])
  })

  it('are added, and old values read NULL', async () => {
    says(list(struct('b: { type: string }, z: { type: list, items: { type: date } }, a: { type: integer }')))
    deliver('b', [2, '[{"a":2,"b":"y","z":["2024-01-05"]}]'])
    expect(decisions(await passes())).toEqual(['add_column c.element.z: apply'])
    expect(await ids()).toEqual([
      'c 2',
      'c.element 5',
      'c.element.a 6',
      'c.element.b 7',
      'c.element.z 8',
      'c.element.z.element 9',
    ])
    const { rows, columns } = await flow.table()
    expect(columns[1]).toBe('c list<struct<a: int, b: string, z: list<date>>>')
    expect(rows.map(({ c }) => c)).toEqual([
      [{ a: 1, b: 'x', z: null }],
      [{ a: 2, b: 'y', z: ['2024-01-05'] }],
    ])
  })

  it.each(['{ mode: strict }', '{ columns: freeze }', '{ columns: ignore }', '{ columns: quarantine }'])(
    'are refused under %s',
    async (schema_evolution) => {
      says(list(struct('a: { type: integer }, b: { type: string }, z: { type: date }')), { schema_evolution })
      deliver('b', [2, '[{"z":"2024-01-05"}]'])
      const before = await ids()
      const ran = await flow.run()
      expect(ran.flow).toMatchObject({ status: 'failed', gate: 'evolution' })
      expect(await ids()).toEqual(before)
    },
  )

  it('that no longer come are refused beside rows that stay', async () => {
    says(list(struct('a: { type: integer }')))
    deliver('b', [2, '[{"a":2}]'])
    const ran = await flow.run()
    expect(ran.flow).toMatchObject({ gate: 'evolution', error: { code: 'EVOLUTION_REFUSED' } })
    expect(decisions(ran)).toEqual(['missing_column c.element.b: refuse'])
  })

  it('that no longer come are dropped where all rows are replaced, and come back under new ids', async () => {
    says(list(struct('a: { type: integer }')), {}, 'overwrite')
    deliver('a', [1, '[{"a":3}]'])
    expect(decisions(await passes())).toEqual(['drop_column c.element.b: apply'])
    expect(await values()).toEqual([[{ a: 3 }]])
    says(list(struct('a: { type: integer }, b: { type: string }')), {}, 'overwrite')
    deliver('a', [1, '[{"a":3,"b":"z"}]'])
    expect(decisions(await passes())).toEqual(['add_column c.element.b: apply'])
    expect(await ids()).toEqual(['c 2', 'c.element 5', 'c.element.a 6', 'c.element.b 8'])
    expect(await values()).toEqual([[{ a: 3, b: 'z' }]])
  })
})

describe('types inside', () => {
  beforeEach(async () => {
    says('{ type: map, keys: { type: integer }, values: { type: integer } }')
    deliver('a', [1, '{"1":1}'])
    await passes()
  })

  it('are widened', async () => {
    says('{ type: map, keys: { type: integer }, values: { type: bigint } }')
    deliver('b', [2, '{"2":3000000000}'])
    expect(decisions(await passes())).toEqual(['widen_type c.value: apply'])
    expect((await flow.table()).columns[1]).toBe('c map<int, long>')
    expect((await flow.table()).rows.map(({ c }) => c)).toEqual([[[1, 1n]], [[2, 3_000_000_000n]]])
  })

  it('that are narrower are read as the table says', async () => {
    says('{ type: map, keys: { type: integer }, values: { type: smallint } }')
    deliver('b', [2, '{"2":7}'])
    expect(decisions(await passes())).toEqual([])
  })

  it.each([
    ['{ type: map, keys: { type: integer }, values: { type: string } }', 'change_type c.value: refuse'],
    ['{ type: map, keys: { type: bigint }, values: { type: integer } }', 'change_type c.key: refuse'],
    ['{ type: list, items: { type: integer } }', 'change_type c: refuse'],
    ['{ type: string }', 'change_type c: refuse'],
  ])('%s: %s', async (column, decision) => {
    says(column)
    deliver('b', [2, column.includes('list') ? '[]' : '{}'])
    const ran = await flow.run()
    expect(ran.flow).toMatchObject({ gate: 'evolution', error: { code: 'EVOLUTION_REFUSED' } })
    expect(decisions(ran)).toEqual([decision])
  })
})

describe('a table of another writer', () => {
  const schema: Schema = {
    schemaId: 0,
    fields: [
      { id: 1, name: 'id', required: false, type: { kind: 'int' } },
      {
        id: 2,
        name: 'c',
        required: false,
        type: { kind: 'list', elementId: 3, elementRequired: true, element: { kind: 'int' } },
      },
    ],
  }

  it('takes no NULL where its elements are required and the contract lets none in', async () => {
    await flow.makeTable(schema)
    says(list('{ type: integer, nullable: false }'))
    deliver('a', [1, '[1]'])
    expect(decisions(await passes()).filter((text) => text.includes(' c'))).toEqual([])
    expect((await flow.table()).columns[1]).toBe('c list<int required>')
    expect(await values()).toEqual([[1]])
  })

  it('has its elements made optional where it does', async () => {
    await flow.makeTable(schema)
    says(list('{ type: integer }'))
    deliver('a', [1, '[null]'])
    expect(decisions(await passes())).toContain('relax_nullability c.element: apply')
    expect((await flow.table()).columns[1]).toBe('c list<int>')
    expect(await values()).toEqual([[null]])
  })

  it('keeps them required by policy', async () => {
    await flow.makeTable(schema)
    says(list('{ type: integer }'), { schema_evolution: '{ nullability: freeze }' })
    deliver('a', [1, '[null]'])
    expect((await flow.run()).flow).toMatchObject({ gate: 'evolution', error: { code: 'EVOLUTION_REFUSED' } })
  })
})

it('tables that are parted and sorted keep what is nested, and its ids', async () => {
  const keys = { sink: ', physical: { partition_by: ["bucket(2, id)"], sort_by: [id desc] }' }
  const items = (members: string) => says(list(struct(members)), keys)
  items('a: { type: integer }, b: { type: string }')
  deliver('a', [1, '[{"a":1,"b":"x"}]'], [2, '[]'], [3, '[{"b":"y"},null]'])
  await passes()
  expect(await values()).toEqual([[{ a: 1, b: 'x' }], [], [{ a: null, b: 'y' }, null]])
  const { files } = await flow.table()
  expect(files.length).toBeGreaterThan(1)
  items('b: { type: string }')
  deliver('b', [4, '[{"b":"z"}]'])
  expect((await flow.run()).flow).toMatchObject({ gate: 'evolution', error: { code: 'EVOLUTION_REFUSED' } })
  items('c: { type: date }, b: { type: string }, a: { type: bigint }')
  deliver('b', [4, '[{"a":3000000000,"c":"2024-01-05"}]'])
  expect(decisions(await passes())).toEqual([
    'widen_type c.element.a: apply',
    'add_column c.element.c: apply',
  ])
  const { rows } = await flow.table()
  expect(rows.find(({ id }) => id === 4)?.c).toEqual([{ a: 3_000_000_000n, b: null, c: '2024-01-05' }])
})

it('the plan names what it changes inside, and the proof what the files hold', async () => {
  says(list(struct('a: { type: integer }')))
  deliver('a', [1, '[{"a":1}]'])
  await passes()
  says(list(struct('a: { type: bigint }, z: { type: list, items: { type: date } }')))
  deliver('b', [2, '[{"z":[]}]'])
  const ran = await passes()
  expect(ran.gate('physical_ddl').operations.map(({ statement, risk }) => `${risk}: ${statement}`)).toEqual([
    'metadata_only: ALTER TABLE bronze.flow ALTER COLUMN c.element.a TYPE long',
    'metadata_only: ALTER TABLE bronze.flow ADD COLUMN c.element.z list<date>',
  ])
  expect(ran.gate('compatibility').columns.find(({ column }) => column === 'c')).toMatchObject({
    incoming: 'list<struct<a: long, z: list<date>>>',
    target: 'list<struct<a: long, z: list<date>>>',
    compatible: true,
  })
})
