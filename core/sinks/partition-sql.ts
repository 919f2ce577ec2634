import { quoteIdentifier } from '../engine/sql.ts'
import type { SortField } from '../tables/metadata.ts'
import type { PrimitiveType, Schema } from '../tables/types.ts'
import { bucketSql, unscaled } from './bucket-sql.ts'

/**
 * SQL of a partition value in its canonical form, by which rows are grouped and which the manifest holds: dates in
 * days, times in microseconds, decimals unscaled. `value` is the column's expression. `undefined` for a transform
 * that is not written, or not of this type (spec: "Partition Transforms").
 *
 * Floats are no partitions here: -0 and 0 are one group to the engine and two values to Iceberg. Nor are UUIDs
 * themselves, whose rows no reader would find by them: PyIceberg 0.12 compares objects with bytes, and Java's order of
 * UUIDs is another one than that of the bounds.
 */
export function partitionSql(transform: string, type: PrimitiveType, value: string): string | undefined {
  const match = /^(\w+)(?:\[(\d+)\])?$/.exec(transform)
  const count = Number(match?.[2])
  switch (match?.[1]) {
    case 'identity':
      return canonical(type, value)
    case 'void':
      return 'CAST(NULL AS VARCHAR)'
    case 'bucket':
      return bucketSql(type, value, count)
    case 'truncate':
      return truncated(type, value, count)
    case 'year':
      return isDay(type) ? `CAST(year(${utc(type, value)}) - 1970 AS INTEGER)` : undefined
    case 'month': {
      const day = utc(type, value)
      return isDay(type) ? `CAST((year(${day}) - 1970) * 12 + month(${day}) - 1 AS INTEGER)` : undefined
    }
    case 'day':
      return isDay(type)
        ? `CAST(CAST(${utc(type, value)} AS DATE) - DATE '1970-01-01' AS INTEGER)`
        : undefined
    case 'hour':
      return type.kind === 'timestamp' || type.kind === 'timestamptz'
        ? `CAST(${floored(`epoch_us(${value})`, '3600000000')} // 3600000000 AS INTEGER)`
        : undefined
    default:
      return undefined
  }
}

/** SQL to order by: the value itself, or its partition value, which orders in the same way. */
export function sortSql(transform: string, type: PrimitiveType, name: string): string | undefined {
  const value = quoteIdentifier(name)
  return transform === 'identity' ? value : partitionSql(transform, type, value)
}

/** Whether rows can be put into this order here; another engine's order may go by what has none. */
export function isSortable(fields: readonly SortField[], schema: Schema): boolean {
  return fields.every((field) => {
    const column = schema.fields.find((candidate) => candidate.id === field['source-id'])
    if (column === undefined || ['struct', 'list', 'map'].includes(column.type.kind)) return false
    return sortSql(field.transform, column.type as PrimitiveType, column.name) !== undefined
  })
}

function isDay({ kind }: PrimitiveType): boolean {
  return kind === 'date' || kind === 'timestamp' || kind === 'timestamptz'
}

/** Instants are cut at the days of UTC. */
function utc({ kind }: PrimitiveType, value: string): string {
  return kind === 'timestamptz' ? `(${value} AT TIME ZONE 'UTC')` : value
}

function canonical(type: PrimitiveType, value: string): string | undefined {
  switch (type.kind) {
    case 'int':
    case 'long':
    case 'string':
    case 'boolean':
      return value
    case 'date':
      return `CAST(${value} - DATE '1970-01-01' AS INTEGER)`
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      return `epoch_us(${value})`
    case 'decimal':
      return unscaled(value)
    case 'binary':
    case 'fixed':
      return `hex(${value})`
    default:
      return undefined
  }
}

function truncated(type: PrimitiveType, value: string, width: number): string | undefined {
  switch (type.kind) {
    // Below the least value of the type there may be a multiple still; that it is none of the type is found later.
    case 'int':
      // Java adds two values below the width in 32 bits, and what overflows looks for rows elsewhere.
      return width > 2 ** 30 ? undefined : floored(`CAST(${value} AS BIGINT)`, `${width}::BIGINT`)
    case 'long':
      return floored(`CAST(${value} AS HUGEINT)`, `${width}::HUGEINT`)
    case 'decimal':
      return floored(unscaled(value), String(width))
    case 'string':
      return `left(${value}, ${width})`
    case 'binary':
      return `left(hex(${value}), ${2 * width})`
    default:
      return undefined
  }
}

/** The greatest multiple of `step` that is not above the value; the engine's own remainder has the value's sign. */
function floored(value: string, step: string): string {
  return `(${value} - ((${value} % ${step}) + ${step}) % ${step})`
}
