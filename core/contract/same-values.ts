import { type DuckdbType, parseDuckdbType } from './duckdb-type.ts'
import { familyOf } from './input-type.ts'

/**
 * Whether every value of the DuckDB type `from` is the same value of `to`, or is refused aloud by the reader. Columns of
 * Parquet files that differ in their types are read as one type, and the engine chooses some that round: BIGINT beside
 * DOUBLE is read as DOUBLE, DECIMAL(38,30) beside DECIMAL(38,0) as DECIMAL(38,0).
 */
export function keepsValues(from: string, to: string): boolean {
  return keeps(parseDuckdbType(from), parseDuckdbType(to))
}

function keeps(from: DuckdbType, to: DuckdbType): boolean {
  if (from.kind === 'scalar' && to.kind === 'scalar') return scalarKeeps(from.text, to.text)
  if (from.kind === 'list' && to.kind === 'list') return keeps(from.items, to.items)
  if (from.kind === 'map' && to.kind === 'map') {
    return keeps(from.keys, to.keys) && keeps(from.values, to.values)
  }
  if (from.kind !== 'struct' || to.kind !== 'struct') return false
  return from.fields.every(({ name, type }) => {
    const member = to.fields.find((field) => field.name === name)
    return member !== undefined && keeps(type, member.type)
  })
}

function scalarKeeps(from: string, to: string): boolean {
  if (from === to) return true
  const [family, wanted] = [familyOf(from), familyOf(to)]
  if (family === 'number' && wanted === 'number') return numberKeeps(from, to)
  // The text of a scalar is judged as any other text; that of bytes is an escape.
  if (wanted === 'text') return family === 'other' ? /^(ENUM\(|JSON$)/.test(from) : family !== 'binary'
  if (family === 'date' && wanted === 'date') return precision(from) <= precision(to)
  return family === 'time' && wanted === 'time' && to === 'TIME_NS'
}

const precisions = ['DATE', 'TIMESTAMP_S', 'TIMESTAMP_MS', 'TIMESTAMP', 'TIMESTAMP_NS']

function precision(type: string): number {
  return precisions.indexOf(type)
}

/** Decimal digits before and behind the point that every value has room in, or for floats the bits of an exact integer. */
function numberKeeps(from: string, to: string): boolean {
  const bits = mantissa[to]
  if (bits !== undefined) {
    const own = mantissa[from]
    return own === undefined ? (integerBits[from] ?? Number.POSITIVE_INFINITY) <= bits : own <= bits
  }
  const [a, b] = [digits(from), digits(to)]
  if (a === undefined || b === undefined) return false
  if (integerBits[from] !== undefined && integerBits[to] !== undefined) return isWithin(from, to)
  return a.whole <= b.whole && a.fraction <= b.fraction
}

const mantissa: Readonly<Record<string, number>> = { FLOAT: 24, DOUBLE: 53 }

/** Of the magnitude. */
const integerBits: Readonly<Record<string, number>> = {
  TINYINT: 7,
  UTINYINT: 8,
  SMALLINT: 15,
  USMALLINT: 16,
  INTEGER: 31,
  UINTEGER: 32,
  BIGINT: 63,
  UBIGINT: 64,
  HUGEINT: 127,
  UHUGEINT: 128,
}

function isWithin(from: string, to: string): boolean {
  const isSigned = (type: string) => !type.startsWith('U')
  return (integerBits[from] as number) <= (integerBits[to] as number) && (!isSigned(from) || isSigned(to))
}

function digits(type: string): { readonly whole: number; readonly fraction: number } | undefined {
  const bits = integerBits[type]
  if (bits !== undefined) return { whole: String(2n ** BigInt(bits)).length, fraction: 0 }
  const decimal = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type)
  if (decimal === null) return undefined
  const scale = Number(decimal[2])
  return { whole: Number(decimal[1]) - scale, fraction: scale }
}
