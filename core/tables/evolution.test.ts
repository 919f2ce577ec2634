import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkSuccessor, evolveSchema, type SchemaChange } from './evolution.ts'
import { assignFieldIds, schemaNodes } from './schema.ts'
import type { IcebergType, NestedField, Schema } from './types.ts'

const int: IcebergType = { kind: 'int' }
const column = (name: string, type: IcebergType = int): NestedField => ({
  id: 0,
  name,
  required: false,
  type,
})
const refusal = expect.objectContaining({ code: 'TABLE_SCHEMA_REFUSED' })

const { schema, lastColumnId } = assignFieldIds([
  column('a'),
  { ...column('b'), required: true },
  column('point', { kind: 'struct', fields: [column('x'), column('y')] }),
  column('list', { kind: 'list', elementId: 0, elementRequired: true, element: int }),
  column('map', { kind: 'map', keyId: 0, key: int, valueId: 0, valueRequired: true, value: int }),
])
const idOf = (path: string) => schemaNodes(schema).find((node) => node.path.join('.') === path)?.id as number

function paths(after: Schema): string[] {
  return schemaNodes(after).map((node) => `${node.id} ${node.path.join('.')} ${node.type.kind}`)
}

describe('evolveSchema', () => {
  test('adds at the end, with ids beyond every id before', () => {
    const after = evolveSchema(schema, lastColumnId, [
      { kind: 'add_column', name: 'c', type: { kind: 'struct', fields: [column('z')] } },
      { kind: 'add_column', name: 'w', type: int, parent: idOf('point') },
    ])
    expect(paths(after.schema)).toEqual(
      expect.arrayContaining(['11 c struct', '12 c.z int', '13 point.w int']),
    )
    expect(after.lastColumnId).toBe(13)
    expect(after.schema.fields[5]).toMatchObject({ name: 'c', required: false })
  })

  test('drops, renames, widens and makes optional by id', () => {
    const after = evolveSchema(schema, lastColumnId, [
      { kind: 'drop_column', id: idOf('a') },
      { kind: 'rename_column', id: idOf('point.x'), name: 'a' },
      { kind: 'widen_type', id: idOf('list.element'), type: { kind: 'long' } },
      { kind: 'widen_type', id: idOf('map.value'), type: { kind: 'long' } },
      { kind: 'make_optional', id: idOf('b') },
    ])
    expect(paths(after.schema)).toEqual([
      '2 b int',
      '3 point struct',
      '6 point.a int',
      '7 point.y int',
      '4 list list',
      '8 list.element long',
      '5 map map',
      '9 map.key int',
      '10 map.value long',
    ])
    expect(after.schema.fields[0]?.required).toBe(false)
    expect(after.lastColumnId).toBe(lastColumnId)
  })

  test.each([
    [{ kind: 'drop_column', id: 99 }],
    [{ kind: 'rename_column', id: 1, name: 'b' }],
    [{ kind: 'add_column', name: 'a', type: int }],
    [{ kind: 'add_column', name: 'q', type: int, parent: 1 }],
    [{ kind: 'widen_type', id: 1, type: { kind: 'string' } }],
    [{ kind: 'drop_column', id: 8 }],
    [{ kind: 'rename_column', id: 10, name: 'v' }],
    [{ kind: 'widen_type', id: 9, type: { kind: 'long' } }],
  ] as [SchemaChange][])('refuses %j', (change) => {
    expect(() => evolveSchema(schema, lastColumnId, [change])).toThrowError(refusal)
  })

  test('refuses to drop a column that identifies rows', () => {
    const keyed = { ...schema, identifierFieldIds: [2] }
    expect(() => evolveSchema(keyed, lastColumnId, [{ kind: 'drop_column', id: 2 }])).toThrowError(refusal)
  })

  test('never gives an id out twice, whatever is added and dropped', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), nested: fc.boolean() }),
      fc.record({ kind: fc.constant('drop' as const), index: fc.nat(20) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let current = assignFieldIds([column('keep')])
        const owners = new Map([[1, 'keep']])
        steps.forEach((next, n) => {
          const before = current
          if (next.kind === 'add') {
            const type: IcebergType = next.nested
              ? { kind: 'list', elementId: 0, elementRequired: false, element: int }
              : int
            current = evolveSchema(current.schema, current.lastColumnId, [
              { kind: 'add_column', name: `c${n}`, type },
            ])
          } else {
            const victims = current.schema.fields.slice(1)
            if (victims.length === 0) return
            const id = victims[next.index % victims.length]?.id as number
            current = evolveSchema(current.schema, current.lastColumnId, [{ kind: 'drop_column', id }])
          }
          for (const node of schemaNodes(current.schema)) {
            const owner = node.path.join('.')
            expect(owners.get(node.id) ?? owner).toBe(owner)
            owners.set(node.id, owner)
          }
          expect(current.lastColumnId).toBe(Math.max(...owners.keys()))
          checkSuccessor(before.schema, before.lastColumnId, current.schema, true)
        })
      }),
    )
  })
})

describe('checkSuccessor', () => {
  const change = (...changes: SchemaChange[]) => evolveSchema(schema, lastColumnId, changes).schema
  const edit = (name: string, edits: Partial<NestedField>): Schema => ({
    ...schema,
    fields: schema.fields.map((field) => (field.name === name ? { ...field, ...edits } : field)),
  })

  test('refuses the id of a column that was dropped before', () => {
    const without = change({ kind: 'drop_column', id: 1 })
    const back = { ...without, fields: [...without.fields, { ...column('a2'), id: 1 }] }
    expect(() => checkSuccessor(without, lastColumnId, back, false)).toThrowError(
      /gave to another column before/,
    )
  })

  test('refuses another type under the same id, in either operation', () => {
    const text = edit('a', { type: { kind: 'string' } })
    expect(() => checkSuccessor(schema, lastColumnId, text, true)).toThrowError(refusal)
    expect(() => checkSuccessor(schema, lastColumnId, text, false)).toThrowError(refusal)
    checkSuccessor(schema, lastColumnId, edit('a', { type: { kind: 'long' } }), true)
    expect(() =>
      checkSuccessor(edit('a', { type: { kind: 'long' } }), lastColumnId, schema, false),
    ).toThrowError(refusal)
  })

  test('a column may only become required where no row stays', () => {
    const strict = edit('a', { required: true })
    expect(() => checkSuccessor(schema, lastColumnId, strict, true)).toThrowError(/cannot become required/)
    checkSuccessor(schema, lastColumnId, strict, false)
    const added = { ...schema, fields: [...schema.fields, { ...column('n'), id: 50, required: true }] }
    expect(() => checkSuccessor(schema, lastColumnId, added, true)).toThrowError(/new and required/)
    checkSuccessor(schema, lastColumnId, added, false)
  })

  test('refuses a field that moved to another struct', () => {
    const moved = {
      ...schema,
      fields: [...change({ kind: 'drop_column', id: 6 }).fields, { ...column('x'), id: 6 }],
    }
    expect(() => checkSuccessor(schema, lastColumnId, moved, false)).toThrowError(/elsewhere/)
  })
})
