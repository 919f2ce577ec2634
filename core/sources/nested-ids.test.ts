import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openTestPool } from '../contract/scan.suite.ts'
import { quoteLiteral } from '../engine/sql.ts'
import type { IcebergType, NestedField } from '../tables/types.ts'
import { checkNestedIds } from './nested-ids.ts'

const pool = openTestPool(1)
const int: IcebergType = { kind: 'int' }

/** `c map<string, list<struct<a, b>>>`, under ids 1 to 6. */
const table = (members: readonly (readonly [number, string])[], element = 4): NestedField[] => {
  const fields = members.map(([id, name]) => ({ id, name, required: false, type: int }))
  const list: IcebergType = {
    kind: 'list',
    elementId: element,
    elementRequired: false,
    element: { kind: 'struct', fields },
  }
  const type: IcebergType = {
    kind: 'map',
    keyId: 2,
    key: { kind: 'string' },
    valueId: 3,
    valueRequired: false,
    value: list,
  }
  return [
    { id: 9, name: 'id', required: false, type: int },
    { id: 1, name: 'c', required: false, type },
  ]
}

async function check(fields: readonly NestedField[]): Promise<void> {
  await pool.use(async (engine) => {
    const path = join(engine.directory, 'a.parquet')
    await engine.run(
      `COPY (SELECT 1 AS id, MAP {'k': [{'a': 1, 'b': 2}]} AS c) TO ${quoteLiteral(path)}
       (FORMAT parquet, FIELD_IDS {id: 9, c: {__duckdb_field_id: 1, key: 2, value: {__duckdb_field_id: 3, element: {__duckdb_field_id: 4, a: 5, b: 6}}}})`,
    )
    await checkNestedIds(engine, [path], fields)
  })
}

test.each([
  [
    'the same',
    [
      [5, 'a'],
      [6, 'b'],
    ],
  ],
  [
    'another order',
    [
      [6, 'b'],
      [5, 'a'],
    ],
  ],
  [
    'a member that the file does not have',
    [
      [5, 'a'],
      [6, 'b'],
      [7, 'z'],
    ],
  ],
  ['a member less', [[6, 'b']]],
] as const)('%s is read by name', async (_, members) => {
  await expect(check(table(members))).resolves.toBeUndefined()
})

test.each([
  ['a renamed member', table([[5, 'x']]), 'c.value.element.x'],
  ['a member dropped and added again', table([[7, 'a']]), 'c.value.element.a'],
  [
    'two that changed their names',
    table([
      [6, 'a'],
      [5, 'b'],
    ]),
    'c.value.element.a',
  ],
  ['another element', table([[5, 'a']], 8), 'c.value.element'],
])('%s is refused', async (_, fields, path) => {
  await expect(check(fields)).rejects.toThrow(
    expect.objectContaining({ code: 'TABLE_MEMBER_MOVED', details: { path } }),
  )
})

test('files that do not have the column, and tables without nested columns, are no matter', async () => {
  const other = table([[7, 'a']]).map((field) => (field.id === 1 ? { ...field, id: 8 } : field))
  await expect(check(other)).resolves.toBeUndefined()
  await expect(check([{ id: 9, name: 'id', required: false, type: int }])).resolves.toBeUndefined()
})
