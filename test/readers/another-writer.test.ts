import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { runProgram } from '../support/programs.ts'
import { sorted, withEachReader } from './both.ts'
import { openLake } from './lake.ts'

const lake = openLake()
afterAll(() => lake.close())

const pyiceberg = inject('pyiceberg')

/** Sluice's loads before and after those of PyIceberg, which changes the schema and the spec in between. */
describe.skipIf('skipped' in pyiceberg)('a table with two writers', () => {
  beforeAll(async () => {
    const before =
      '{ columns: { id: { type: bigint }, d: { type: decimal, precision: 9, scale: 2 }, s: { type: string } } }'
    await lake.load(
      'shared',
      { contract: before, physical: '{ partition_by: [d], sort_by: [s] }' },
      'id,d,s\n1,1.5,x\n2,-1.5,y\n',
    )
    const [python] = (pyiceberg as { command: readonly [string] }).command
    await runProgram(python, [join(import.meta.dirname, 'write-table.py'), lake.catalog, 't.shared'])
    const after =
      '{ columns: { id: { type: bigint }, d: { type: decimal, precision: 12, scale: 2 }, txt: { type: string }, extra: { type: integer } } }'
    await lake.load('shared', { contract: after }, 'id,d,txt,extra\n3,12345678.25,z,1\n')
  })

  it('follows the spec that the other made, under new ids', () => {
    const specs = lake.metadata('shared')?.['partition-specs']
    expect(specs?.map(({ fields }) => fields.map((field) => `${field['field-id']} ${field.name}`))).toEqual([
      ['1000 d'],
      ['1001 id'],
    ])
    expect(lake.metadata('shared')?.['default-spec-id']).toBe(1)
  })

  withEachReader(lake, (ask) => {
    it('has the rows of both', async () => {
      const { rows } = await ask({ table: 't.shared' })
      expect(sorted(rows)).toEqual(
        sorted([
          { id: '1', d: '1.50', txt: 'x', extra: null },
          { id: '2', d: '-1.50', txt: 'y', extra: null },
          { id: '101', d: '-7.50', txt: 'renamed', extra: '5' },
          { id: '102', d: '7.50', txt: 'respecified', extra: '6' },
          { id: '3', d: '12345678.25', txt: 'z', extra: '1' },
        ]),
      )
    })

    it.each([
      [['=', 'd', '-7.50'], ['101']],
      [['=', 'id', 102], ['102']],
      [['>', 'd', '10.00'], ['3']],
    ] as const)('%j', async (filter, ids) => {
      expect((await ask({ table: 't.shared', filter })).rows.map(({ id }) => id)).toEqual(ids)
    })
  })
})
