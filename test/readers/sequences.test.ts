import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, inject, it } from 'vitest'
import { filesBelow } from '../support/tables.ts'
import { sorted } from './both.ts'
import { currentSnapshot, openLake, type TableJson } from './lake.ts'
import { currentFields, expectLawful } from './lawful.ts'
import { openReader, type Row } from './reader.ts'
import { type Column, edited, sampleOf, saysOf, shown, steps, termOf } from './sequence-model.ts'

const lake = openLake()
afterAll(() => lake.close())

const readers = (['pyiceberg', 'java'] as const).filter((name) => 'command' in inject(name))

/**
 * Random sequences of edits and loads. After each: what `sluice schema plan` showed has happened; a refused load has
 * left nothing behind; the metadata may follow the one before by the specification. In the end each reader finds in
 * each snapshot the rows that were loaded so far, under the names of then.
 */
it.skipIf(readers.length === 0)(
  'whatever a table goes through, its rows stay its rows',
  { timeout: 600_000 },
  async () => {
    const open = readers.map(
      (name) => [name, undefined as ReturnType<typeof openReader> | undefined] as const,
    )
    const readings = new Map(open)
    let sequence = 0
    const numRuns = Number(process.env.SLUICE_TEST_SEQUENCES ?? 5)
    await fc.assert(
      fc.asyncProperty(steps, async (sequenceOfSteps) => {
        sequence += 1
        const name = `s${sequence}`
        const expected = await play(name, sequenceOfSteps)
        for (const reader of readers) {
          const reading = readings.get(reader) ?? openReader(inject(reader), lake.catalog)
          readings.set(reader, reading)
          for (const { snapshot, rows } of expected) {
            const answer = await reading.ask({ table: `t.${name}`, snapshot })
            const byName = answer.rows.map((row) =>
              Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))),
            )
            expect([reader, sorted(byName)]).toEqual([reader, sorted(rows)])
          }
        }
      }),
      { numRuns, endOnFailure: true },
    )
    for (const reading of readings.values()) reading?.close()
  },
)

interface Expected {
  readonly snapshot: string
  readonly rows: readonly Row[]
}

type Steps = typeof steps extends fc.Arbitrary<infer T> ? T : never

/** A column that the contract does not name. */
const end: Column = { key: 0, name: 'end', kind: 'string' }

/** What the table has, as the model sees it. */
interface World {
  readonly columns: readonly Column[]
  readonly rows: readonly ReadonlyMap<number, unknown>[]
  /** Keys of the columns that partition files of any age, with the name of the partition field. */
  readonly partitions: ReadonlyMap<number, ReadonlySet<string>>
}

async function play(name: string, sequenceOfSteps: Steps): Promise<Expected[]> {
  let key = 1
  const nextKey = () => {
    key += 1
    return key
  }
  const first: readonly Column[] = [{ key: 1, name: 'k', kind: 'integer' }]
  let world: World = { columns: [], rows: [], partitions: new Map() }
  const fieldIds = new Map<number, number>()
  const expected: Expected[] = []
  for (const [i, step] of sequenceOfSteps.entries()) {
    let columns = world.columns.length === 0 ? first : world.columns
    for (const edit of step.edits) columns = edited(columns, edit, world.columns, nextKey)
    const rows = [1, 2, 3].map((n) => sampleRow(columns, i * 11 + n * 5))
    const cut = step.partition === null ? undefined : columns[step.partition.at % columns.length]
    const term = cut && step.partition !== null ? { term: termOf(cut, step.partition.transform) } : {}
    lake.deliver(name, saysOf(columns, { ...step, ...term }), csvOf(columns, rows))
    const isRefused = !(await happens(name, mayHappen(world, columns, step.type)))
    if (isRefused) continue
    const metadata = lake.metadata(name) as TableJson
    for (const column of columns) {
      const id = currentFields(metadata).find((field) => field.name === column.name)?.id as number
      expect([column.name, id]).toEqual([column.name, fieldIds.get(column.key) ?? id])
      fieldIds.set(column.key, id)
    }
    const read = rows.map((row) => new Map([...row].map(([column, value]) => [column, value.read] as const)))
    world = {
      columns: columns.map(({ renamedFrom, ...column }) => column),
      rows: step.type === 'overwrite' ? read : [...world.rows, ...read],
      partitions: partitionsOf(metadata, fieldIds),
    }
    const all = world.rows.map((row) => new Map([...row, [end.key, 'x']]))
    expected.push({ snapshot: currentSnapshot(metadata), rows: shown([...world.columns, end], all) })
  }
  return expected
}

/** What the plan shows happens; a refused load leaves nothing behind, and one that passes a lawful table. */
async function happens(name: string, may: boolean): Promise<boolean> {
  const folder = join(lake.directory, '.sluice', 'lake')
  const before = lake.metadata(name)
  const files = await filesBelow(folder)
  const plan = await lake.plan()
  const { status, error, ddl } = await lake.run()
  const passed = status === 'succeeded'
  expect([plan.why, plan.outcome === 'passes', passed]).toEqual([plan.why, may, may])
  if (plan.ddl !== undefined) expect(ddl?.operations).toEqual(plan.ddl.operations)
  const after = lake.metadata(name)
  if (passed) expectLawful(before, after as TableJson)
  else {
    expect(error?.code).toMatch(/^(EVOLUTION_REFUSED|DDL_BLOCKED|PHYSICAL_DESIGN_REFUSED)$/)
    expect(after).toEqual(before)
    expect((await filesBelow(folder)).toSorted()).toEqual(files.toSorted())
  }
  return passed
}

/** The rules of docs/evolution.md for these edits under the default policies. */
function mayHappen(world: World, columns: readonly Column[], type: 'append' | 'overwrite'): boolean {
  const isGone = (column: Column) => columns.every(({ key }) => key !== column.key)
  const gone = world.columns.filter(isGone)
  const retyped = columns.some(({ key, kind }) =>
    world.columns.some((old) => old.key === key && old.kind !== 'string' && kind === 'string'),
  )
  const taken = columns.some(({ key, name }) =>
    [...world.partitions].some(([source, names]) => source !== key && names.has(name)),
  )
  const loses = gone.some(({ key }) => type === 'append' || world.partitions.has(key))
  return !(retyped || taken || loses)
}

function partitionsOf(metadata: TableJson, fieldIds: ReadonlyMap<number, number>): World['partitions'] {
  const fields = metadata['partition-specs'].flatMap((spec) => spec.fields)
  const cuts = [...fieldIds].map(([key, id]) => {
    const own = fields.filter((field) => field['source-id'] === id && field.transform !== 'void')
    return [key, new Set(own.map((field) => field.name))] as const
  })
  return new Map(cuts.filter(([, names]) => names.size > 0))
}

type SampleRow = ReadonlyMap<number, ReturnType<typeof sampleOf>>

function sampleRow(columns: readonly Column[], n: number): SampleRow {
  return new Map(columns.map(({ key, kind }) => [key, sampleOf(kind, (n + key) % 100)]))
}

function csvOf(columns: readonly Column[], rows: readonly SampleRow[]): string {
  const line = (row: SampleRow) => [...columns.map(({ key }) => row.get(key)?.csv), 'x'].join(',')
  return [[...columns.map(({ name }) => name), end.name].join(','), ...rows.map(line), ''].join('\n')
}
