import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assignFieldIds } from './schema.ts'
import { type IcebergType, parseSchema, parseType, plainKinds, printSchema, printType } from './types.ts'

const primitive = fc.oneof(
  fc.constantFrom(...plainKinds).map((kind): IcebergType => ({ kind })),
  fc
    .integer({ min: 1, max: 38 })
    .chain((precision) =>
      fc
        .integer({ min: 0, max: precision })
        .map((scale): IcebergType => ({ kind: 'decimal', precision, scale })),
    ),
  fc.integer({ min: 1, max: 99 }).map((length): IcebergType => ({ kind: 'fixed', length })),
)

const anyType: fc.Arbitrary<IcebergType> = fc.letrec<{ type: IcebergType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3 },
    primitive,
    fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 3 }).chain((names) =>
      fc.tuple(...names.map(() => tie('type'))).map(
        (types): IcebergType => ({
          kind: 'struct',
          fields: names.map((name, i) => ({ id: 0, name, required: i === 0, type: types[i] as IcebergType })),
        }),
      ),
    ),
    tie('type').map(
      (element): IcebergType => ({ kind: 'list', elementId: 0, elementRequired: true, element }),
    ),
    fc.tuple(tie('type'), tie('type')).map(
      ([key, value]): IcebergType => ({
        kind: 'map',
        keyId: 0,
        key,
        valueId: 0,
        valueRequired: false,
        value,
      }),
    ),
  ),
})).type

describe('types', () => {
  test('print as the spec spells them', () => {
    expect(printType({ kind: 'decimal', precision: 9, scale: 2 })).toBe('decimal(9, 2)')
    expect(printType({ kind: 'fixed', length: 16 })).toBe('fixed[16]')
    expect(
      printType({ kind: 'list', elementId: 3, elementRequired: true, element: { kind: 'int' } }),
    ).toEqual({
      type: 'list',
      'element-id': 3,
      element: 'int',
      'element-required': true,
    })
  })

  test('parse what other writers print', () => {
    expect(parseType('decimal(9,2)')).toEqual({ kind: 'decimal', precision: 9, scale: 2 })
    expect(parseType('decimal( 38 , 38 )')).toEqual({ kind: 'decimal', precision: 38, scale: 38 })
  })

  test.each([
    'timestamp_ns',
    'variant',
    'decimal(39, 2)',
    'decimal(5, 6)',
    'Int',
    '',
    null,
    3,
    { type: 'set' },
  ])('refuse %j', (json) => {
    expect(() => parseType(json)).toThrowError(expect.objectContaining({ code: 'TABLE_SCHEMA_INVALID' }))
  })

  test('a schema without ids, names or flags is refused', () => {
    const field = { id: 1, name: 'a', required: false, type: 'int' }
    expect(parseSchema({ type: 'struct', fields: [field] }).schemaId).toBe(0)
    for (const broken of [{ id: '1' }, { name: 7 }, { required: 'no' }, { id: 2 ** 31 }]) {
      expect(() => parseSchema({ type: 'struct', fields: [{ ...field, ...broken }] })).toThrowError()
    }
  })

  test('any schema survives its JSON', () => {
    fc.assert(
      fc.property(anyType, fc.option(fc.string(), { nil: undefined }), (type, doc) => {
        const draft = { id: 0, name: 'c', required: true, type, ...(doc === undefined ? {} : { doc }) }
        const schema = { ...assignFieldIds([draft]).schema, schemaId: 7, identifierFieldIds: [1] }
        expect(parseSchema(JSON.parse(JSON.stringify(printSchema(schema))))).toEqual(schema)
      }),
    )
  })
})
