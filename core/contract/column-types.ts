import { IntegrityError } from '../errors.ts'

/** A column's type. Two types are the same when these objects are deeply equal. */
export type ColumnType = ScalarType | NestedType

export type ScalarType =
  | { readonly type: PlainTypeName }
  /** 1 ≤ precision ≤ 38, 0 ≤ scale ≤ precision. */
  | { readonly type: 'decimal'; readonly precision: number; readonly scale: number }

export type NestedType = ListType | StructType | MapType

export interface ListType {
  readonly type: 'list'
  readonly items: ColumnType
}

export interface StructType {
  readonly type: 'struct'
  /** At least one, in the order of the table. */
  readonly fields: readonly StructMember[]
}

export interface StructMember {
  readonly name: string
  readonly type: ColumnType
}

export interface MapType {
  readonly type: 'map'
  readonly keys: ScalarType
  readonly values: ColumnType
}

export type PlainTypeName = (typeof plainTypeNames)[number]
export type ScalarTypeName = PlainTypeName | 'decimal'
export type TypeName = ScalarTypeName | NestedType['type']

export const plainTypeNames = [
  'string',
  'boolean',
  'tinyint',
  'smallint',
  'integer',
  'bigint',
  'float',
  'double',
  'date',
  'timestamp',
  'timestamp_tz',
  'time',
  'uuid',
  'binary',
  'json',
] as const

export const scalarTypeNames: readonly ScalarTypeName[] = [...plainTypeNames, 'decimal']
export const nestedTypeNames: readonly TypeName[] = ['list', 'struct', 'map']
export const typeNames: readonly TypeName[] = [...scalarTypeNames, ...nestedTypeNames]

export function isNested(type: ColumnType): type is NestedType {
  return type.type === 'list' || type.type === 'struct' || type.type === 'map'
}

/** `decimal(18,2)`, `list<struct<a: integer>>`: for messages and evidence. */
export function typeText(type: ColumnType): string {
  switch (type.type) {
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`
    case 'list':
      return `list<${typeText(type.items)}>`
    case 'struct':
      return `struct<${type.fields.map(({ name, type }) => `${name}: ${typeText(type)}`).join(', ')}>`
    case 'map':
      return `map<${typeText(type.keys)}, ${typeText(type.values)}>`
    default:
      return type.type
  }
}

/** The type, which is known to be no list, struct or map. Throws `IntegrityError` `TYPE_NOT_SCALAR` if it is. */
export function scalarOf(type: ColumnType): ScalarType {
  if (!isNested(type)) return type
  throw new IntegrityError({
    code: 'TYPE_NOT_SCALAR',
    fact: `A ${typeText(type)} stands where only a single value can`,
    consequence: 'Nothing was read',
  })
}
