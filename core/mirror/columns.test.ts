import { expect, it } from 'vitest'
import { addSchema, createTableMetadata } from '../tables/metadata.ts'
import type { IcebergType } from '../tables/types.ts'
import { hiveType, mirrorColumns } from './columns.ts'

const long: IcebergType = { kind: 'long' }

it.each<[IcebergType, string]>([
  [{ kind: 'boolean' }, 'boolean'],
  [{ kind: 'int' }, 'int'],
  [long, 'bigint'],
  [{ kind: 'float' }, 'float'],
  [{ kind: 'double' }, 'double'],
  [{ kind: 'date' }, 'date'],
  [{ kind: 'time' }, 'string'],
  [{ kind: 'timestamp' }, 'timestamp'],
  [{ kind: 'timestamptz' }, 'timestamp'],
  [{ kind: 'string' }, 'string'],
  [{ kind: 'uuid' }, 'string'],
  [{ kind: 'binary' }, 'binary'],
  [{ kind: 'fixed', length: 16 }, 'binary'],
  [{ kind: 'decimal', precision: 9, scale: 2 }, 'decimal(9,2)'],
  [{ kind: 'list', elementId: 2, elementRequired: true, element: long }, 'array<bigint>'],
  [
    { kind: 'map', keyId: 2, key: { kind: 'string' }, valueId: 3, valueRequired: false, value: long },
    'map<string,bigint>',
  ],
  [
    {
      kind: 'struct',
      fields: [
        { id: 2, name: 'a', required: true, type: long },
        { id: 3, name: 'b', required: true, type: { kind: 'time' } },
      ],
    },
    'struct<a:bigint,b:string>',
  ],
])('%j is shown as %s', (type, text) => {
  expect(hiveType(type)).toBe(text)
})

it('columns of older schemas follow those of the current one, and say so', () => {
  const field = (id: number, name: string, doc?: string) => ({
    id,
    name,
    required: false,
    type: long,
    ...(doc === undefined ? {} : { doc }),
  })
  const created = createTableMetadata({
    uuid: '00000000-0000-4000-8000-000000000000',
    location: 's3://lake/bronze/t',
    schema: { schemaId: 0, fields: [field(1, 'gone'), field(2, 'kept')] },
    timestampMs: 0,
    properties: {},
  })
  const metadata = addSchema(created, {
    schemaId: 1,
    fields: [field(2, 'kept', 'x'.repeat(300)), field(3, 'new')],
  })
  expect(
    mirrorColumns(metadata).map((c) => [c.name, c.parameters['iceberg.field.current'], c.comment?.length]),
  ).toEqual([
    ['kept', 'true', 255],
    ['new', 'true', undefined],
    ['gone', 'false', undefined],
  ])
})
