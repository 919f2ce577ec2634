import { type ColumnType, icebergType } from '../contract/types.ts'
import { TerminalError } from '../errors.ts'
import { type IcebergType, parseType } from '../tables/types.ts'

/** tinyint and smallint are `int` in Iceberg, json is `string`; what narrows them is the contract's business. */
export function icebergTypeOf(type: ColumnType): IcebergType {
  return parseType(icebergType(type))
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
    default:
      throw new TerminalError({
        code: 'COLUMN_TYPE_UNSUPPORTED',
        fact: `column ${column} has the Iceberg type ${type.kind}, which this version cannot read`,
        consequence: 'Nothing was read or written',
        next: 'Leave the column out of the table, or have its writer use another type',
      })
  }
}
