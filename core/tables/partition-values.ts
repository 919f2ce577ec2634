import type { FieldSummary } from './manifest-list.ts'
import { encodeValue, type IcebergValue } from './single-value.ts'
import type { PrimitiveType } from './types.ts'

/** A partition value in a record: numbers as decimal text (dates in days, times in microseconds, decimals unscaled), uuid and binary in hex. */
export type PartitionText = string | null

/** The value as a manifest's Avro record holds it (spec: Appendix A, "Avro"). */
export function partitionValue(type: PrimitiveType, text: PartitionText): unknown {
  if (text === null) return null
  switch (type.kind) {
    case 'boolean':
      return text === 'true'
    case 'int':
    case 'date':
    case 'float':
    case 'double':
      return Number(text)
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      return BigInt(text)
    case 'decimal':
      return fixedDecimal(BigInt(text), type.precision)
    case 'string':
      return text
    case 'uuid':
    case 'binary':
    case 'fixed':
      return Buffer.from(text.replaceAll('-', ''), 'hex')
  }
}

/**
 * A value that a manifest holds, for a manifest of `type`: a column that was widened since has its older values as
 * smaller numbers or fewer bytes.
 */
export function widenedPartitionValue(type: PrimitiveType, value: unknown): unknown {
  if (type.kind === 'long' && typeof value === 'number') return BigInt(value)
  if (type.kind === 'decimal' && value instanceof Uint8Array) {
    return fixedDecimal(comparable(type, value) as bigint, type.precision)
  }
  return value
}

/** Whether the value is one of the type; that a truncation lies below the least of them is possible. */
export function isPartitionValue(type: PrimitiveType, text: PartitionText): boolean {
  if (text === null) return true
  if (type.kind === 'int') return BigInt.asIntN(32, BigInt(text)) === BigInt(text)
  if (type.kind === 'long') return BigInt.asIntN(64, BigInt(text)) === BigInt(text)
  return type.kind !== 'decimal' || text.replace('-', '').length <= type.precision
}

function fixedDecimal(value: bigint, precision: number): Buffer {
  const size = decimalBytes(precision)
  const bits = BigInt.asUintN(size * 8, value)
  return Buffer.from(bits.toString(16).padStart(size * 2, '0'), 'hex')
}

/** The fewest bytes whose two's complement holds every number of that many digits. */
export function decimalBytes(precision: number): number {
  return Math.ceil(((10n ** BigInt(precision)).toString(2).length + 1) / 8)
}

/** Per partition field what its values over all files of a manifest lie between; by it readers skip the manifest. */
export function summarizePartitions(
  types: readonly { readonly id: number; readonly type: PrimitiveType }[],
  partitions: readonly ReadonlyMap<number, unknown>[],
): FieldSummary[] {
  return types.map(({ id, type }) => {
    const values = partitions.map((partition) => partition.get(id) ?? null)
    const present = values.filter((value) => value !== null).map((value) => comparable(type, value))
    const containsNull = present.length < values.length
    const numbers = type.kind === 'float' || type.kind === 'double'
    if (numbers && present.some((value) => Number.isNaN(value))) return { containsNull, containsNan: true }
    const nan = numbers ? { containsNan: false } : {}
    if (present.length === 0) return { containsNull, ...nan }
    const least = present.reduce((a, b) => (compare(b, a) < 0 ? b : a))
    const greatest = present.reduce((a, b) => (compare(b, a) > 0 ? b : a))
    const bytes = (value: IcebergValue) => (value instanceof Uint8Array ? value : encodeValue(type, value))
    return { containsNull, ...nan, lowerBound: bytes(least), upperBound: bytes(greatest) }
  })
}

function comparable(type: PrimitiveType, value: unknown): IcebergValue {
  if (type.kind === 'decimal' && value instanceof Uint8Array) {
    return BigInt.asIntN(value.byteLength * 8, BigInt(`0x${Buffer.from(value).toString('hex')}`))
  }
  if (['long', 'time', 'timestamp', 'timestamptz'].includes(type.kind)) return BigInt(value as bigint)
  return value as IcebergValue
}

/** Text by its code points, that is by its UTF-8 bytes; booleans false before true. */
function compare(a: IcebergValue, b: IcebergValue): number {
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b)
  return a < b ? -1 : a > b ? 1 : 0
}
