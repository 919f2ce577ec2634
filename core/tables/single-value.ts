import { IntegrityError } from '../errors.ts'
import type { IcebergType, PrimitiveType } from './types.ts'

/**
 * A value of a primitive type in JavaScript: `boolean`; `number` for int, float, double and date (days since
 * 1970-01-01); `bigint` for long, time, timestamp and timestamptz (microseconds) and decimal (unscaled);
 * `string` for string and uuid (lower case with dashes); bytes for binary and fixed.
 */
export type IcebergValue = boolean | number | bigint | string | Uint8Array

/** Bytes of one value as bounds hold it (spec: Appendix D, "Binary single-value serialization"). */
export function encodeValue(type: PrimitiveType, value: IcebergValue): Uint8Array {
  switch (type.kind) {
    case 'boolean':
      return Buffer.from([value === true ? 1 : 0])
    case 'int':
    case 'date':
      return sized(4, (view) => view.setInt32(0, value as number, true))
    case 'float':
      return sized(4, (view) => view.setFloat32(0, value as number, true))
    case 'double':
      return sized(8, (view) => view.setFloat64(0, value as number, true))
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      return sized(8, (view) => view.setBigInt64(0, value as bigint, true))
    case 'decimal':
      return encodeDecimal(value as bigint)
    case 'string':
      return Buffer.from(value as string, 'utf8')
    case 'uuid':
      return Buffer.from((value as string).replaceAll('-', ''), 'hex')
    case 'binary':
    case 'fixed':
      return value as Uint8Array
  }
}

function sized(size: number, write: (view: DataView) => void): Uint8Array {
  const bytes = Buffer.alloc(size)
  write(new DataView(bytes.buffer, bytes.byteOffset, size))
  return bytes
}

/** Big-endian two's complement in as few bytes as hold the sign: 127 is `7f`, 128 is `0080`. */
function encodeDecimal(unscaled: bigint): Uint8Array {
  const bits = (unscaled < 0n ? ~unscaled : unscaled).toString(2).length + 1
  const size = unscaled === 0n || unscaled === -1n ? 1 : Math.ceil(bits / 8)
  const hex = BigInt.asUintN(size * 8, unscaled)
    .toString(16)
    .padStart(size * 2, '0')
  return Buffer.from(hex, 'hex')
}

/**
 * The inverse of {@link encodeValue}. `type` is the column's type of today: bounds written before a widening
 * (int, float) are read as what they are by their length. Throws `IntegrityError` `TABLE_BOUND_INVALID`.
 */
export function decodeValue(type: IcebergType, bytes: Uint8Array): IcebergValue {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const size = bytes.byteLength
  switch (type.kind) {
    case 'boolean':
      if (size === 1) return bytes[0] !== 0
      break
    case 'int':
    case 'date':
      if (size === 4) return view.getInt32(0, true)
      break
    case 'float':
      if (size === 4) return view.getFloat32(0, true)
      break
    case 'double':
      if (size === 8) return view.getFloat64(0, true)
      if (size === 4) return view.getFloat32(0, true)
      break
    case 'long':
      if (size === 4) return BigInt(view.getInt32(0, true))
      if (size === 8) return view.getBigInt64(0, true)
      break
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      if (size === 8) return view.getBigInt64(0, true)
      break
    case 'decimal':
      if (size > 0) return BigInt.asIntN(size * 8, BigInt(`0x${Buffer.from(bytes).toString('hex')}`))
      break
    case 'string':
      return Buffer.from(bytes).toString('utf8')
    case 'uuid':
      if (size === 16) {
        return Buffer.from(bytes)
          .toString('hex')
          .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
      }
      break
    case 'binary':
    case 'fixed':
      return bytes
  }
  throw new IntegrityError({
    code: 'TABLE_BOUND_INVALID',
    fact: `A bound of ${size} bytes is no value of type ${type.kind}`,
    consequence: 'The bounds of this file cannot be used',
    next: 'Rewrite the data file, or repair its manifest entry',
  })
}

/** Iceberg's default metrics mode, `truncate(16)`: code points of a string, bytes of a binary. */
const boundLength = 16

/** A string or binary no greater than `value`; other types are their own bound. */
export function lowerBound(type: PrimitiveType, value: IcebergValue): IcebergValue {
  if (type.kind === 'string') return prefix(value as string).join('')
  if (type.kind === 'binary' || type.kind === 'fixed') return (value as Uint8Array).subarray(0, boundLength)
  return value
}

/** A value no smaller than every string or binary that starts like `value`; `undefined` where there is none that short. */
export function upperBound(type: PrimitiveType, value: IcebergValue): IcebergValue | undefined {
  if (type.kind === 'string') return upperString(value as string)
  if (type.kind === 'binary' || type.kind === 'fixed') return upperBytes(value as Uint8Array)
  return value
}

function prefix(text: string): string[] {
  const points: string[] = []
  for (const point of text) {
    if (points.length === boundLength) break
    points.push(point)
  }
  return points
}

function upperString(text: string): string | undefined {
  const points = prefix(text)
  if (points.join('').length === text.length) return text
  for (let i = points.length - 1; i >= 0; i--) {
    const code = (points[i] as string).codePointAt(0) as number
    if (code === 0x10ffff) continue
    // Surrogates are no code points of their own: UTF-8 order goes from U+D7FF straight to U+E000.
    const next = code === 0xd7ff ? 0xe000 : code + 1
    return points.slice(0, i).join('') + String.fromCodePoint(next)
  }
  return undefined
}

function upperBytes(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.byteLength <= boundLength) return bytes
  for (let i = boundLength - 1; i >= 0; i--) {
    const byte = bytes[i] as number
    if (byte < 0xff) return Uint8Array.of(...bytes.subarray(0, i), byte + 1)
  }
  return undefined
}
