import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Ports } from '../../core/ports.ts'
import { readSwapped, type Swapped, swappedProperty } from '../../core/sinks/swapped-columns.ts'
import { printTableMetadata } from '../../core/tables/metadata.ts'
import { loadTable } from '../../core/tables/scan.ts'
import { runChild } from '../support/children.ts'
import { type Flow, openFlow, type Ran } from './flow.ts'

let flow: Flow
beforeEach(() => {
  flow = openFlow()
})
afterEach(() => flow.remove())

/** `{ a: from b }` as the YAML of a contract. */
const contract = (columns: Readonly<Record<string, string | null>>, more = '') =>
  `{ ${more} columns: { ${Object.entries(columns)
    .map(([name, from]) => `${name}: { type: string${from === null ? '' : `, rename_from: ${from}`} }`)
    .join(', ')} } }`
const plain = { a: null, b: null, c: null }
const swap = { a: 'b', b: 'a', c: null }
const ring = { a: 'c', b: 'a', c: 'b' }

const changes = (ran: Ran) =>
  ran.gate('evolution').decisions.map(({ change, from, to, action }) => `${change} ${from} ${to}: ${action}`)

async function passes(): Promise<Ran> {
  const ran = await flow.run()
  expect(ran.flow.error).toBeUndefined()
  expect(ran.flow.status).toBe('succeeded')
  return ran
}

async function refused(): Promise<string | undefined> {
  const before = await flow.table()
  const ran = await flow.run()
  expect(ran.flow).toMatchObject({
    status: 'failed',
    gate: 'evolution',
    error: { code: 'EVOLUTION_REFUSED' },
  })
  const after = await flow.table()
  expect([after.columns, after.rows]).toEqual([before.columns, before.rows])
  return ran.flow.error?.message
}

const names = async () => {
  const { metadata } = await flow.table()
  const schema = metadata.schemas.find((each) => each['schema-id'] === metadata['current-schema-id'])
  return Object.fromEntries(schema!.fields.slice(0, 3).map(({ id, name }) => [id, name]))
}

describe('columns that swap their names', () => {
  beforeEach(async () => {
    flow.says({ contract: contract(plain) })
    flow.deliver('1', 'a,b,c\nA1,B1,C1\n')
    await passes()
  })

  it('two: each keeps its field id and its values, and later loads swap nothing back', async () => {
    flow.says({ contract: contract(swap) })
    // What was `b` is delivered as `a` from now on.
    flow.deliver('2', 'a,b,c\nB2,A2,C2\n')
    const ran = await passes()
    expect(changes(ran)).toEqual(['rename_column b a: apply', 'rename_column a b: apply'])
    const { before, after } = ran.gate('evolution')
    expect(before?.slice(0, 2).map(({ id, name }) => [id, name])).toEqual([
      [1, 'a'],
      [2, 'b'],
    ])
    expect(after.slice(0, 2).map(({ id, name }) => [id, name])).toEqual([
      [1, 'b'],
      [2, 'a'],
    ])
    expect(ran.gate('physical_ddl').operations.map(({ statement }) => statement)).toEqual([
      'ALTER TABLE bronze.flow RENAME COLUMN b TO a',
      'ALTER TABLE bronze.flow RENAME COLUMN a TO b',
    ])
    flow.deliver('3', 'c,b,a\nC3,A3,B3\n')
    const third = await passes()
    expect(changes(third)).toEqual([])
    expect(third.gate('physical_ddl').action).toBe('none')
    expect((await flow.table()).rows).toEqual([1, 2, 3].map((n) => ({ a: `B${n}`, b: `A${n}`, c: `C${n}` })))
    expect(await names()).toEqual({ 1: 'b', 2: 'a', 3: 'c' })
  })

  it('three, in a ring', async () => {
    flow.says({ contract: contract(ring) })
    flow.deliver('2', 'a,b,c\nC2,A2,B2\n')
    expect(changes(await passes())).toEqual([
      'rename_column c a: apply',
      'rename_column a b: apply',
      'rename_column b c: apply',
    ])
    flow.deliver('3', 'a,b,c\nC3,A3,B3\n')
    expect(changes(await passes())).toEqual([])
    expect((await flow.table()).rows).toEqual([1, 2, 3].map((n) => ({ a: `C${n}`, b: `A${n}`, c: `B${n}` })))
    expect(await names()).toEqual({ 1: 'b', 2: 'c', 3: 'a' })
  })

  it('swap again once a load has come without the keys, and not before', async () => {
    flow.says({ contract: contract(swap) })
    flow.deliver('2', 'a,b,c\nB2,A2,C2\n')
    await passes()
    flow.says({ contract: contract(plain), sink: ', physical: { apply: plan_only }' })
    flow.deliver('3', 'a,b,c\nB3,A3,C3\n')
    // That the table forgets is no change of its definition that anybody would have to let through.
    expect((await passes()).gate('physical_ddl').action).toBe('none')
    flow.says({ contract: contract(swap) })
    flow.deliver('4', 'a,b,c\nA4,B4,C4\n')
    expect(changes(await passes())).toHaveLength(2)
    expect((await flow.table()).rows).toEqual(
      [1, 2, 3, 4].map((n) => ({ a: `A${n}`, b: `B${n}`, c: `C${n}` })),
    )
  })

  it('are planned as a run would rename them', async () => {
    flow.says({ contract: contract(swap) })
    flow.deliver('2', 'a,b,c\nB2,A2,C2\n')
    const args = ['schema', 'plan', 'flow', '--project', flow.directory, '--format', 'json']
    const planned = await runChild('cli/main.ts', args)
    expect(planned, planned.stderr).toMatchObject({ code: 0 })
    expect(JSON.parse(planned.stdout).dataflows[0].ddl.operations).toHaveLength(2)
    await passes()
    const { dataflows } = JSON.parse((await runChild('cli/main.ts', args)).stdout)
    expect(dataflows[0].ddl.operations).toEqual([])
  })

  it.each([
    ['under strict', { schema_evolution: '{ mode: strict }' }, 'strict renames no column'],
    ['that are frozen', { schema_evolution: '{ columns: freeze }' }, 'columns are frozen'],
  ])('%s: refused, both', async (_what, keys, words) => {
    flow.says({ contract: contract(swap), ...keys })
    flow.deliver('2', 'a,b,c\nB2,A2,C2\n')
    expect((await refused())?.split(words)).toHaveLength(3)
  })

  it('that the table does not all have: refused', async () => {
    flow.says({ contract: contract({ ...plain, c: 'd', d: 'c' }) })
    flow.deliver('2', 'a,b,c,d\nA2,B2,D2,C2\n')
    expect(await refused()).toContain('the table has no d, whose name another column would take')
  })

  it('of which another is partitioned by the name: refused', async () => {
    flow.remove()
    flow = openFlow()
    const sink = ', physical: { partition_by: [a] }'
    flow.says({ contract: contract(plain), sink })
    flow.deliver('1', 'a,b,c\nA1,B1,C1\n')
    await passes()
    flow.says({ contract: contract(swap) })
    flow.deliver('2', 'a,b,c\nB2,A2,C2\n')
    const ran = await flow.run()
    expect(ran.flow).toMatchObject({ status: 'failed', gate: 'physical_ddl', error: { code: 'DDL_BLOCKED' } })
  })
})

it('a table that is made under their contract has them as they come', async () => {
  flow.says({ contract: contract(swap) })
  flow.deliver('1', 'a,b,c\nB1,A1,C1\n')
  await passes()
  flow.deliver('2', 'a,b,c\nB2,A2,C2\n')
  expect(changes(await passes())).toEqual([])
  expect((await flow.table()).rows).toEqual([1, 2].map((n) => ({ a: `B${n}`, b: `A${n}`, c: `C${n}` })))
})

it('what another dataflow has the table remember meanwhile is not lost', async () => {
  flow.says({ contract: contract(swap) })
  flow.deliver('1', 'a,b,c\nB1,A1,C1\n')
  await passes()
  flow.deliver('2', 'a,b,c\nB2,A2,C2\n')
  let hasMoved = false
  const theirs = { x: { from: 'y', field_id: 90, dataflow: 'other' } }
  const ran = await flow.run(undefined, (ports) => ({
    ...ports,
    openSource: (path) => ({
      ...ports.openSource(path),
      download: async (pin, folder) => {
        if (!hasMoved) await remember(ports, theirs)
        hasMoved = true
        return await ports.openSource(path).download(pin, folder)
      },
    }),
  }))
  expect(ran.flow).toMatchObject({ status: 'succeeded' })
  expect(ran.evidence.round).toBe(1)
  expect(readSwapped((await flow.table()).metadata.properties)).toMatchObject({
    ...theirs,
    a: { from: 'b', field_id: 1, dataflow: 'flow' },
  })
})

/** A commit that adds to what the table remembers, and changes nothing else. */
async function remember(ports: Ports, more: Swapped): Promise<void> {
  const table = { namespace: 'bronze', name: 'flow' }
  const base = (await ports.catalog.load(table)) as string
  const { metadata } = await loadTable(ports.lake, base)
  const swapped = { ...readSwapped(metadata.properties), ...more }
  const properties = { ...metadata.properties, [swappedProperty]: JSON.stringify(swapped) }
  const next = base.replace(/[^/]*$/, '00077-7d0c1b52-7c1e-4b6e-9d6e-000000000000.metadata.json')
  writeFileSync(fileURLToPath(next), printTableMetadata({ ...metadata, properties }))
  await ports.state.transact([{ kind: 'pointer', table, base, next }])
}
