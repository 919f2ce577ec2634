import { describe, expect, test } from 'vitest'
import { assignFieldIds, canPromote, checkFields, highestFieldId, sameSchema, schemaNodes } from './schema.ts'
import type { IcebergType, NestedField } from './types.ts'

const int: IcebergType = { kind: 'int' }
const column = (name: string, type: IcebergType = int, id = 0): NestedField => ({
  id,
  name,
  required: false,
  type,
})
const nested: NestedField[] = [
  column('a', { kind: 'struct', fields: [column('x'), column('y')] }),
  column('b', { kind: 'map', keyId: 0, key: int, valueId: 0, valueRequired: true, value: int }),
  column('c', { kind: 'list', elementId: 0, elementRequired: false, element: int }),
]

describe('field ids', () => {
  test('a level comes before what is nested in it, as in Iceberg', () => {
    const { schema, lastColumnId } = assignFieldIds(nested)
    const ids = Object.fromEntries(schemaNodes(schema).map((node) => [node.path.join('.'), node.id]))
    expect(ids).toEqual({ a: 1, b: 2, c: 3, 'a.x': 4, 'a.y': 5, 'b.key': 6, 'b.value': 7, 'c.element': 8 })
    expect(lastColumnId).toBe(8)
    expect(highestFieldId(schema)).toBe(8)
  })

  test('continue after the highest id ever given out', () => {
    expect(assignFieldIds([column('a')], 41)).toMatchObject({
      lastColumnId: 42,
      schema: { fields: [{ id: 42 }] },
    })
  })

  test('lists and maps hold repeated values, structs do not', () => {
    const repeated = schemaNodes(assignFieldIds(nested).schema).filter((node) => node.repeated)
    expect(repeated.map((node) => node.path.join('.'))).toEqual(['b.key', 'b.value', 'c.element'])
  })
})

describe('identifiers', () => {
  const point = (required: boolean): NestedField => ({
    id: 2,
    name: 'point',
    required,
    type: { kind: 'struct', fields: [{ id: 3, name: 'x', required: true, type: int }] },
  })
  const fields: NestedField[] = [
    { id: 1, name: 'f', required: true, type: { kind: 'double' } },
    point(true),
    { id: 4, name: 'o', required: false, type: int },
    {
      id: 5,
      name: 'l',
      required: true,
      type: { kind: 'list', elementId: 6, elementRequired: true, element: int },
    },
  ]
  const check = (id: number, some: readonly NestedField[] = fields) =>
    checkFields({ schemaId: 0, fields: some, identifierFieldIds: [id] })

  test('may be in required structs', () => {
    expect(() => check(3)).not.toThrow()
  })

  test.each([
    ['a double', 1, fields],
    ['a struct', 2, fields],
    ['an optional column', 4, fields],
    ['in a list', 6, fields],
    ['gone', 7, fields],
    ['in an optional struct', 3, [point(false)]],
  ])('are refused: %s', (_name, id, some) => {
    expect(() => check(id, some)).toThrowError(expect.objectContaining({ code: 'TABLE_SCHEMA_REFUSED' }))
  })
})

describe('sameSchema', () => {
  const { schema } = assignFieldIds(nested)
  test('looks at everything but the schema id', () => {
    expect(sameSchema(schema, { ...schema, schemaId: 9 })).toBe(true)
    expect(sameSchema(schema, { ...schema, fields: schema.fields.toReversed() })).toBe(false)
    expect(sameSchema(schema, { ...schema, identifierFieldIds: [1] })).toBe(false)
    const [first, ...rest] = schema.fields as [NestedField, ...NestedField[]]
    expect(sameSchema(schema, { ...schema, fields: [{ ...first, doc: 'x' }, ...rest] })).toBe(false)
  })
})

describe('widening', () => {
  const decimal = (precision: number, scale: number): IcebergType => ({ kind: 'decimal', precision, scale })
  test.each([
    [int, { kind: 'long' }, true],
    [{ kind: 'float' }, { kind: 'double' }, true],
    [decimal(9, 2), decimal(18, 2), true],
    [decimal(9, 2), decimal(18, 3), false],
    [decimal(18, 2), decimal(9, 2), false],
    [decimal(9, 2), decimal(9, 2), false],
    [{ kind: 'long' }, int, false],
    [int, { kind: 'double' }, false],
    [{ kind: 'date' }, { kind: 'timestamp' }, false],
    [int, { kind: 'string' }, false],
  ] as [IcebergType, IcebergType, boolean][])('%j to %j: %j', (from, to, allowed) => {
    expect(canPromote(from, to)).toBe(allowed)
  })
})

describe('checkFields', () => {
  test.each([
    ['no columns', []],
    ['an id twice', [column('a', int, 1), column('b', int, 1)]],
    ['a name twice', [column('a', int, 1), column('a', int, 2)]],
    ['no name', [column('', int, 1)]],
    ['a reserved id', [column('a', int, 2147480000)]],
    ['id 0', [column('a', int, 0)]],
  ])('refuses %s', (_what, fields) => {
    expect(() => checkFields({ schemaId: 0, fields })).toThrowError(
      expect.objectContaining({ code: 'TABLE_SCHEMA_REFUSED' }),
    )
  })

  test('the same name in two structs is no duplicate', () => {
    const struct = (id: number): IcebergType => ({ kind: 'struct', fields: [column('x', int, id)] })
    checkFields({ schemaId: 0, fields: [column('a', struct(3), 1), column('x', struct(4), 2)] })
  })
})
