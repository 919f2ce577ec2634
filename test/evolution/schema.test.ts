import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EvolutionDecision } from '../../core/runs/evolution-record.ts'
import { type Flow, openFlow, type Ran } from './flow.ts'

let flow: Flow
beforeEach(() => {
  flow = openFlow()
})
afterEach(() => flow.remove())

const typed = (columns: string, enforcement = 'quarantine') =>
  `{ enforcement: ${enforcement}, columns: ${columns} }`
const decisions = (ran: Ran): string[] =>
  ran
    .gate('evolution')
    .decisions.map(
      ({ change, column, action, policy }: EvolutionDecision) => `${change} ${column}: ${action} (${policy})`,
    )

/** A run that stops at a gate, and a table that is as it was. */
async function stops(code: string, gate: string): Promise<Ran> {
  const before = await flow.table()
  const ran = await flow.run()
  expect(ran.flow).toMatchObject({ status: 'failed', gate, error: { code } })
  const after = await flow.table()
  expect(after.columns).toEqual(before.columns)
  expect(after.rows).toEqual(before.rows)
  return ran
}

async function passes(): Promise<Ran> {
  const ran = await flow.run()
  expect(ran.flow.error).toBeUndefined()
  expect(ran.flow.status).toBe('succeeded')
  return ran
}

describe('columns that are new', () => {
  beforeEach(async () => {
    flow.deliver('a', 'id,name\n1,x\n')
    await passes()
    flow.deliver('b', 'id,name,extra\n2,y,new\n3,z,\n')
  })

  it('evolve: added, and old rows read NULL', async () => {
    const ran = await passes()
    expect(decisions(ran)).toEqual(['add_column extra: apply (schema_evolution.mode: widening)'])
    expect(ran.gate('evolution').before?.map(({ name }) => name)).not.toContain('extra')
    expect(ran.gate('evolution').after.map(({ name }) => name)).toContain('extra')
    const table = await flow.table()
    expect(table.rows).toEqual([
      { id: '1', name: 'x', extra: null },
      { id: '2', name: 'y', extra: 'new' },
      { id: '3', name: 'z', extra: null },
    ])
    expect(await table.icebird()).toEqual(expect.arrayContaining([...table.rows]))
  })

  it('freeze: refused', async () => {
    flow.says({ schema_evolution: '{ columns: freeze }' })
    const ran = await stops('EVOLUTION_REFUSED', 'evolution')
    expect(decisions(ran)).toEqual(['add_column extra: refuse (schema_evolution.columns: freeze)'])
  })

  it('ignore: not loaded, and named', async () => {
    flow.says({ schema_evolution: '{ columns: ignore }' })
    const ran = await passes()
    expect(decisions(ran)).toEqual(['add_column extra: ignore (schema_evolution.columns: ignore)'])
    expect(ran.gate('evolution').ignored).toEqual(['extra'])
    const table = await flow.table()
    expect(table.columns).toEqual(['id string', 'name string'])
    expect(table.rows).toHaveLength(3)
  })

  it('ignore: not where the contract names the column', async () => {
    flow.says({ schema_evolution: '{ columns: ignore }', contract: typed('{ extra: { type: string } }') })
    const ran = await stops('EVOLUTION_REFUSED', 'evolution')
    expect(ran.flow.error?.message).toContain('the contract names it')
  })

  it('quarantine: rows with a value in it are set aside, the others load', async () => {
    flow.says({ schema_evolution: '{ columns: quarantine }', contract: typed('{}') })
    const ran = await passes()
    expect(decisions(ran)).toEqual(['add_column extra: quarantine (schema_evolution.columns: quarantine)'])
    expect(ran.reasons).toEqual(['extra new_column 1'])
    const table = await flow.table()
    expect(table.columns).toEqual(['id string', 'name string'])
    expect(table.rows).toEqual([
      { id: '1', name: 'x' },
      { id: '3', name: 'z' },
    ])
  })
})

describe('renamed columns', () => {
  beforeEach(async () => {
    flow.says({ contract: typed('{ id: { type: bigint, unique: true }, old: { type: string } }') })
    flow.deliver('a', 'id,old\n1,x\n')
    await passes()
  })
  const renamed = '{ id: { type: bigint, unique: true }, fresh: { type: string, rename_from: old } }'

  it('keep their values: the field id stays', async () => {
    flow.says({ contract: typed(renamed) })
    flow.deliver('b', 'fresh,id\ny,2\n')
    const ran = await passes()
    expect(decisions(ran)).toEqual(['rename_column fresh: apply (schema_evolution.mode: widening)'])
    const table = await flow.table()
    expect(table.columns).toEqual(['id long', 'fresh string'])
    expect(table.rows).toEqual([
      { id: 1, fresh: 'x' },
      { id: 2, fresh: 'y' },
    ])
    // icebird goes by name, and the old file has another one: that is its limit, and why ids are what counts.
    expect((await table.icebird()).map((row) => row.id)).toEqual(expect.arrayContaining([1, 2]))
    flow.deliver('c', 'id,fresh\n3,z\n')
    expect(decisions(await passes())).toEqual([])
  })

  it('are found by unique in files from before the renaming', async () => {
    flow.says({
      contract: typed('{ key: { type: bigint, unique: true, rename_from: id }, old: { type: string } }'),
    })
    flow.deliver('b', 'key,old\n1,y\n')
    const ran = await stops('UNIQUE_VIOLATED', 'stage')
    expect(ran.flow.error?.message).toContain('key')
  })

  it('are never guessed', async () => {
    flow.says({})
    flow.deliver('b', 'id,fresh\n2,y\n')
    const ran = await stops('EVOLUTION_REFUSED', 'evolution')
    expect(ran.gate('evolution').decisions.map(({ change }) => change)).toContain('missing_column')
  })

  it.each([
    ['strict', '{ mode: strict }', renamed],
    ['freeze', '{ columns: freeze }', renamed],
    ['of a name that the table never had', '{}', renamed.replace('rename_from: old', 'rename_from: odl')],
  ])('%s: refused', async (_name, schema_evolution, contract) => {
    flow.says({ schema_evolution, contract: typed(contract) })
    flow.deliver('b', 'id,fresh\n2,y\n')
    const ran = await stops('EVOLUTION_REFUSED', 'evolution')
    expect(decisions(ran).join()).toContain('rename_column fresh: refuse')
  })
})

describe('the order of columns', () => {
  beforeEach(async () => {
    flow.deliver('a', 'id,name\n1,x\n')
    await passes()
    flow.deliver('b', 'name,id\ny,2\n')
  })

  it('table: kept, and the values stand where they belong', async () => {
    expect(decisions(await passes())).toEqual([])
    const table = await flow.table()
    expect(table.columns).toEqual(['id string', 'name string'])
    expect(table.rows).toEqual([
      { id: '1', name: 'x' },
      { id: '2', name: 'y' },
    ])
  })

  it('load: the table follows, and old files read right', async () => {
    flow.says({ schema_evolution: '{ column_order: load }' })
    expect(decisions(await passes())).toEqual([
      'reorder_columns *: apply (schema_evolution.column_order: load)',
    ])
    const table = await flow.table()
    expect(table.columns).toEqual(['name string', 'id string'])
    expect(table.rows).toEqual([
      { name: 'x', id: '1' },
      { name: 'y', id: '2' },
    ])
    expect(await table.icebird()).toEqual(expect.arrayContaining([...table.rows]))
  })
})

it('column_order: load gives an added column its place, and the next load finds nothing to change', async () => {
  flow.deliver('a', 'id,name\n1,x\n')
  await passes()
  flow.says({ schema_evolution: '{ column_order: load }' })
  flow.deliver('b', 'more,id,other,name\nm,2,o,y\n')
  expect(decisions(await passes()).at(-1)).toContain('reorder_columns *: apply')
  const table = await flow.table()
  expect(table.columns).toEqual(['more string', 'id string', 'other string', 'name string'])
  expect(table.rows).toContainEqual({ more: 'm', id: '2', other: 'o', name: 'y' })
  flow.deliver('c', 'more,id,other,name\nn,3,p,z\n')
  expect(decisions(await passes())).toEqual([])
})

describe('types', () => {
  const load = async (type: string, values: readonly string[]) => {
    flow.says({ contract: typed(`{ v: { type: ${type} } }`) })
    flow.deliver('a', `id,v\n${values.map((value, i) => `${i},${value}`).join('\n')}\n`)
    await passes()
  }
  const then = (type: string, values: readonly string[], schema_evolution = '{}') => {
    flow.says({ contract: typed(`{ v: { type: ${type} } }`), schema_evolution })
    flow.deliver('b', `id,v\n${values.map((value, i) => `${10 + i},${value}`).join('\n')}\n`)
  }
  const values = async () => (await flow.table()).rows.map(({ v }) => v)

  it('widen, where format v2 can', async () => {
    await load('integer', ['1'])
    then('bigint', ['3000000000'])
    expect(decisions(await passes())).toEqual(['widen_type v: apply (schema_evolution.mode: widening)'])
    expect((await flow.table()).columns).toEqual(['id string', 'v long'])
    expect(await values()).toEqual([1, 3000000000])
  })

  it('data_type: freeze refuses to widen', async () => {
    await load('integer', ['1'])
    then('bigint', ['3000000000'], '{ data_type: freeze }')
    await stops('EVOLUTION_REFUSED', 'evolution')
  })

  it('data_type: quarantine keeps the table and sets aside what does not fit', async () => {
    await load('integer', ['1'])
    then('bigint', ['3000000000', '5'], '{ data_type: quarantine }')
    const ran = await passes()
    expect(ran.reasons).toEqual(['v narrowing 1'])
    expect((await flow.table()).columns).toEqual(['id string', 'v int'])
    expect(await values()).toEqual([1, 5])
  })

  it.each([
    [
      'decimal, precision: 38, scale: 10',
      'decimal, precision: 5, scale: 2',
      ['999.99', '-1.5'],
      ['1000', '0.001'],
    ],
    ['timestamp', 'date', ['2024-01-05T00:00:00'], ['2024-01-05T00:00:01']],
    ['double', 'integer', ['12', '-3'], ['12.5', '1e300']],
    ['double', 'bigint', ['9007199254740992'], ['0.1']],
  ])('narrowing of %s into %s: refused, or by value where a policy says so', async (from, to, fits, lost) => {
    await load(
      to,
      fits.slice(0, 1).map((text) => (to === 'date' ? text.slice(0, 10) : text)),
    )
    then(from, [...fits, ...lost])
    const refused = await stops('EVOLUTION_REFUSED', 'evolution')
    expect(decisions(refused)).toEqual(['narrow_type v: refuse (schema_evolution.narrowing: fail)'])
    then(from, [...fits, ...lost], '{ narrowing: quarantine }')
    const ran = await passes()
    expect(ran.flow.rows).toMatchObject({ accepted: fits.length, quarantined: lost.length })
    expect(ran.reasons).toEqual([`v narrowing ${lost.length}`])
    expect(decisions(ran)).toEqual(['narrow_type v: quarantine (schema_evolution.narrowing: quarantine)'])
    const proof = ran.gate('compatibility').columns.find(({ column }) => column === 'v')
    expect(proof).toMatchObject({ compatible: true, written: proof?.target })
    expect(await values()).toHaveLength(1 + fits.length)
  })

  it.each([
    ['bigint', 'integer', ['2147483647', '-2147483648'], ['2147483648', '-2147483649']],
    ['double', 'float', ['0.5'], ['0.1']],
  ])('%s into %s is narrowing where the mode widens nothing', async (from, to, fits, lost) => {
    await load(to, ['1'])
    then(from, [...fits, ...lost], '{ mode: additive }')
    await stops('EVOLUTION_REFUSED', 'evolution')
    then(from, [...fits, ...lost], '{ mode: additive, narrowing: quarantine }')
    expect((await passes()).reasons).toEqual([`v narrowing ${lost.length}`])
    expect((await values()).toSorted()).toEqual([1, ...fits.map(Number)].toSorted())
  })

  it('the contract judges by its own type before the table’s does', async () => {
    await load('decimal, precision: 5, scale: 2', ['1.50'])
    then('bigint, max: 5000000000', ['2', '2.5', '6000000000', '4000000000'], '{ narrowing: quarantine }')
    const ran = await passes()
    expect(ran.reasons.toSorted()).toEqual(['v max 1', 'v narrowing 2', 'v type 1'])
    expect(ran.flow.rows).toMatchObject({ accepted: 1, quarantined: 3 })
  })

  it.each([
    ['integer', 'string', '7', 'string'],
    ['integer', 'double', '7', 'double'],
    ['date', 'timestamp', '2024-01-05', 'timestamp'],
    ['decimal, precision: 9, scale: 2', 'double', '0.07', 'double'],
  ])('%s goes into %s: every value fits, and the table keeps its type', async (from, to, value, kept) => {
    await load(to, [to === 'timestamp' ? '2024-01-04T00:00:00' : '1'])
    then(from, [value])
    expect(decisions(await passes())).toEqual([
      'convert_type v: convert (schema_evolution.data_type: evolve)',
    ])
    expect((await flow.table()).columns).toContain(`v ${kept}`)
    expect(await values()).toHaveLength(2)
  })

  it('text into numbers: refused, or by its spelling', async () => {
    await load('integer', ['1'])
    then('string', ['12', '1e3', 'x', ''])
    await stops('EVOLUTION_REFUSED', 'evolution')
    then('string', ['12', '1e3', 'x', ''], '{ data_type: quarantine }')
    const ran = await passes()
    expect(ran.reasons).toEqual(['v narrowing 2'])
    expect(await values()).toEqual([1, 12, null])
  })

  it('what has no value in common is refused under every policy', async () => {
    await load('integer', ['1'])
    then('boolean', ['true'], '{ data_type: quarantine, narrowing: quarantine }')
    const ran = await stops('EVOLUTION_REFUSED', 'evolution')
    expect(ran.flow.error?.message).toContain('no value of boolean is one of int')
  })

  it('a watermark column is never written as another type', async () => {
    const watermark = ', watermark_columns: [v]'
    flow.says({ source: watermark, contract: typed('{ v: { type: string } }') })
    flow.deliver('a', 'id,v\n1,10\n')
    await passes()
    flow.says({ source: watermark, contract: typed('{ v: { type: bigint } }') })
    flow.deliver('b', 'id,v\n1,9\n')
    await stops('WATERMARK_TYPE_DIFFERS', 'lineage')
  })
})

describe('nullability', () => {
  const field = (id: number, name: string, required: boolean) =>
    ({ id, name, required, type: { kind: 'string' } }) as const
  const own = [
    field(3, '_sluice_run_id', false),
    { ...field(4, '_sluice_loaded_at', false), type: { kind: 'timestamptz' } },
  ] as const
  const required = { schemaId: 0, fields: [field(1, 'id', true), field(2, 'name', false), ...own] }

  it('relax: a required column becomes optional where NULL may come', async () => {
    await flow.makeTable(required)
    flow.deliver('a', 'id,name\n1,x\n')
    expect(decisions(await passes())).toEqual([
      'relax_nullability id: apply (schema_evolution.nullability: relax)',
    ])
    expect((await flow.table()).columns).toEqual(['id string', 'name string'])
  })

  it('a contract without NULL leaves it required', async () => {
    await flow.makeTable(required)
    flow.says({ contract: typed('{ id: { type: string, nullable: false } }') })
    flow.deliver('a', 'id,name\n1,x\n')
    expect(decisions(await passes())).toEqual([])
    expect((await flow.table()).columns).toEqual(['id string required', 'name string'])
  })

  it('freeze: refused', async () => {
    await flow.makeTable(required)
    flow.says({ schema_evolution: '{ nullability: freeze }' })
    flow.deliver('a', 'id,name\n1,x\n')
    await stops('EVOLUTION_REFUSED', 'evolution')
  })

  it('tighten: with all rows replaced it is made, with rows that stay it is refused by name', async () => {
    flow.deliver('a', 'id,name\n1,x\n')
    await passes()
    const keys = {
      contract: typed('{ id: { type: string, nullable: false } }'),
      schema_evolution: '{ nullability: tighten }',
    }
    flow.says(keys)
    flow.deliver('b', 'id,name\n2,y\n')
    const ran = await stops('EVOLUTION_REFUSED', 'evolution')
    expect(ran.flow.error?.message).toContain('tighten_with_rows')
    flow.says(keys, { type: 'overwrite' })
    expect(decisions(await passes())).toEqual([
      'tighten_nullability id: apply (schema_evolution.nullability: tighten)',
    ])
    expect((await flow.table()).columns).toEqual(['id string required', 'name string'])
  })

  it('a required column without a default is refused by name', async () => {
    flow.deliver('a', 'id\n1\n')
    await passes()
    flow.says({
      contract: typed('{ more: { type: string, nullable: false } }'),
      schema_evolution: '{ nullability: tighten }',
    })
    flow.deliver('b', 'id,more\n2,y\n')
    const ran = await stops('EVOLUTION_REFUSED', 'evolution')
    expect(ran.flow.error?.message).toContain('required_without_default')
  })

  it('columns that identify rows are not touched', async () => {
    await flow.makeTable({ ...required, identifierFieldIds: [1] })
    flow.deliver('a', 'id,name\n1,x\n')
    const ran = await stops('EVOLUTION_REFUSED', 'evolution')
    expect(ran.flow.error?.message).toContain('it identifies the table’s rows')
  })
})
