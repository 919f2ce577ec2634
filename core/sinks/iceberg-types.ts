import { type ColumnType, isNested } from '../contract/column-types.ts'
import { icebergType } from '../contract/lake-types.ts'
import { type MemberContract, refusesNull } from '../contract/types.ts'
import { TerminalError } from '../errors.ts'
import { type IcebergType, parseType } from '../tables/types.ts'

/**
 * tinyint and smallint are `int` in Iceberg, json is `string`; what narrows them is the contract's business. What is
 * nested has no field ids yet (0). It is required where `contract` lets no NULL in, and without one optional, except
 * the keys of maps, which Iceberg requires.
 */
export function icebergTypeOf(type: ColumnType, contract?: MemberContract): IcebergType {
  switch (type.type) {
    case 'list':
      return {
        kind: 'list',
        elementId: 0,
        elementRequired: refusesNull(contract?.items),
        element: icebergTypeOf(type.items, contract?.items),
      }
    case 'struct':
      return {
        kind: 'struct',
        fields: type.fields.map(({ name, type }) => ({
          id: 0,
          name,
          required: refusesNull(contract?.fields?.[name]),
          type: icebergTypeOf(type, contract?.fields?.[name]),
        })),
      }
    case 'map':
      return {
        kind: 'map',
        keyId: 0,
        key: icebergTypeOf(type.keys),
        valueId: 0,
        valueRequired: refusesNull(contract?.values),
        value: icebergTypeOf(type.values, contract?.values),
      }
    default:
      return parseType(icebergType(type))
  }
}

/** The widest of our types that has this Iceberg type. Throws `TerminalError` `COLUMN_TYPE_UNSUPPORTED` for those that have none. */
export function columnTypeOf(type: IcebergType, column: string): ColumnType {
  switch (type.kind) {
    case 'decimal':
      return { type: 'decimal', precision: type.precision, scale: type.scale }
    case 'int':
      return { type: 'integer' }
    case 'long':
      return { type: 'bigint' }
    case 'timestamptz':
      return { type: 'timestamp_tz' }
    case 'string':
    case 'boolean':
    case 'float':
    case 'double':
    case 'date':
    case 'timestamp':
    case 'time':
    case 'uuid':
    case 'binary':
      return { type: type.kind }
    case 'fixed':
      return { type: 'binary' }
    case 'list':
      return { type: 'list', items: columnTypeOf(type.element, column) }
    case 'struct':
      return {
        type: 'struct',
        fields: type.fields.map((field) => ({ name: field.name, type: columnTypeOf(field.type, column) })),
      }
    case 'map': {
      const keys = columnTypeOf(type.key, column)
      if (isNested(keys)) throw unreadable(column, `map with keys of type ${type.key.kind}`)
      return { type: 'map', keys, values: columnTypeOf(type.value, column) }
    }
  }
}

function unreadable(column: string, what: string): TerminalError {
  return new TerminalError({
    code: 'COLUMN_TYPE_UNSUPPORTED',
    fact: `column ${column} has the Iceberg type ${what}, which this version cannot read`,
    consequence: 'Nothing was read or written',
    next: 'Leave the column out of the table, or have its writer use another type',
  })
}
