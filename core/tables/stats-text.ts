import { IntegrityError } from '../errors.ts'
import type { IcebergValue } from './single-value.ts'
import type { PrimitiveType } from './types.ts'

const dayMicros = 86_400_000_000n

/**
 * Reads a bound as DuckDB 1.5 prints it in `RETURN_STATS`: booleans `0`/`1`, decimals without a leading zero
 * where precision = scale (`-.05`), doubles `2e+300` and `-inf`, years before 1 as `0044-01-01 (BC)`, blobs in hex.
 * `undefined` for what has no Iceberg value (infinite dates and timestamps): a missing bound excludes nothing.
 * Any other text throws `IntegrityError` `FILE_STATS_UNREADABLE`: guessing would hide rows from readers.
 */
export function parseStatsText(type: PrimitiveType, text: string): IcebergValue | undefined {
  const value = parse(type, text)
  if (value === null) {
    throw new IntegrityError({
      code: 'FILE_STATS_UNREADABLE',
      fact: `The engine printed a bound of type ${type.kind} in a form that is not known`,
      consequence: 'The data file was not added to the table',
      next: "Check the column's type in the file against the table's schema, and the engine's version",
      details: { type: type.kind, length: text.length },
    })
  }
  return value
}

function parse(type: PrimitiveType, text: string): IcebergValue | undefined | null {
  switch (type.kind) {
    case 'boolean':
      if (text === '1' || text === 'true') return true
      return text === '0' || text === 'false' ? false : null
    case 'int':
      return /^-?\d{1,10}$/.test(text) ? within(Number(text), -2147483648, 2147483647) : null
    case 'long':
      return /^-?\d{1,19}$/.test(text) ? long(BigInt(text)) : null
    case 'float':
    case 'double':
      return parseDouble(text)
    case 'decimal':
      return parseDecimal(type.precision, type.scale, text)
    case 'date':
      return infinite(text) ? undefined : parseDate(text)
    case 'time':
      return parseTime(text) ?? null
    case 'timestamp':
    case 'timestamptz':
      return infinite(text) ? undefined : parseTimestamp(text, type.kind === 'timestamptz')
    case 'string':
      return text
    case 'uuid':
      return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? text : null
    case 'binary':
    case 'fixed':
      return /^([0-9A-Fa-f]{2})*$/.test(text) ? Buffer.from(text, 'hex') : null
  }
}

function infinite(text: string): boolean {
  return text === 'infinity' || text === '-infinity'
}

function within(value: number, min: number, max: number): number | null {
  return value >= min && value <= max ? value : null
}

function long(value: bigint): bigint | null {
  return BigInt.asIntN(64, value) === value ? value : null
}

function parseDouble(text: string): number | null {
  if (text === 'inf') return Number.POSITIVE_INFINITY
  if (text === '-inf') return Number.NEGATIVE_INFINITY
  return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text) ? Number(text) : null
}

function parseDecimal(precision: number, scale: number, text: string): bigint | null {
  const match = /^(-?)(\d*)(?:\.(\d+))?$/.exec(text)
  const [, sign, whole = '', fraction = ''] = match ?? []
  if (match === null || whole + fraction === '' || fraction.length !== scale) return null
  const digits = `${whole}${fraction}`.replace(/^0+(?=\d)/, '')
  if (digits.length > precision) return null
  const unscaled = BigInt(digits)
  return sign === '-' ? -unscaled : unscaled
}

/** Days since 1970-01-01, proleptic Gregorian; JavaScript's own dates end at the year 275760. */
function parseDate(text: string): number | null {
  const match = /^(\d{4,7})-(\d\d)-(\d\d)( \(BC\))?$/.exec(text)
  if (match === null) return null
  const year = match[4] === undefined ? Number(match[1]) : 1 - Number(match[1])
  return within(daysFromCivil(year, Number(match[2]), Number(match[3])), -2147483648, 2147483647)
}

/** Howard Hinnant's days_from_civil: eras of 400 years, years that start in March. */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146097 + dayOfEra - 719468
}

function parseTime(text: string): bigint | null {
  const match = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/.exec(text)
  if (match === null) return null
  const seconds = Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3])
  return BigInt(seconds) * 1_000_000n + BigInt((match[4] ?? '').padEnd(6, '0'))
}

function parseTimestamp(text: string, zoned: boolean): bigint | null {
  const match = /^(\S+(?: \(BC\))?) ([\d:.]+)([+-]\d\d(?::\d\d(?::\d\d)?)?)?$/.exec(text)
  if (match === null || (match[3] !== undefined) !== zoned) return null
  const day = parseDate(match[1] as string)
  const time = parseTime(match[2] as string)
  if (day === null || time === null) return null
  return long(BigInt(day) * dayMicros + time - offsetMicros(match[3] ?? '+00'))
}

function offsetMicros(text: string): bigint {
  const [hours = 0, minutes = 0, seconds = 0] = text.slice(1).split(':').map(Number)
  const micros = BigInt(hours * 3600 + minutes * 60 + seconds) * 1_000_000n
  return text.startsWith('-') ? -micros : micros
}
