import type { ColumnType } from '../../contract/column-types.ts'
import { acceptsText } from '../../contract/grammar.ts'
import type { RuleValue } from '../../contract/types.ts'

export type BoundKey = 'minimum' | 'maximum' | 'exclusiveMinimum' | 'exclusiveMaximum'

export const boundKeys: readonly BoundKey[] = ['minimum', 'exclusiveMinimum', 'maximum', 'exclusiveMaximum']

const microsecondsOfDay = 86_400_000_000n

/**
 * The smallest (largest) value of the type that the bound lets through, since the contract's `min` and `max` are
 * inclusive; exact, because every type but `float` and `double` has a next value. `undefined` where it is no value
 * of the type, or where there is none beyond it; `inexact` for an exclusive bound of a floating type.
 */
export function inclusiveBound(
  type: ColumnType,
  key: BoundKey,
  given: string | number,
): RuleValue | undefined | 'inexact' {
  const isLower = key.endsWith('inimum')
  const isExclusive = key.startsWith('exclusive')
  const text = String(given)
  switch (type.type) {
    case 'float':
    case 'double':
      return isExclusive ? 'inexact' : typeof given === 'number' ? given : undefined
    case 'date':
    case 'time':
    case 'timestamp':
    case 'timestamp_tz': {
      if (typeof given !== 'string' || !acceptsText(type, text)) return undefined
      if (!isExclusive) return text
      const stepped = renderInstant(type.type, instantOf(type.type, text) + stepOf(type.type, isLower))
      return stepped !== undefined && acceptsText(type, stepped) ? stepped : undefined
    }
    default: {
      if (typeof given !== 'number') return undefined
      const scale = type.type === 'decimal' ? type.scale : 0
      return numberOf(stepNumber(text, scale, isLower, isExclusive), scale)
    }
  }
}

/** The bound in units of 10^-scale, rounded to the inside. */
function stepNumber(text: string, scale: number, isLower: boolean, isExclusive: boolean): bigint {
  const [, minus, whole, fraction = '', exponent = '0'] = /^(-)?(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(text)!
  const digits = BigInt(`${minus ?? ''}${whole}${fraction}`)
  const shift = scale - fraction.length + Number(exponent)
  if (shift >= 0) {
    const value = digits * 10n ** BigInt(shift)
    return isExclusive ? value + (isLower ? 1n : -1n) : value
  }
  const divisor = 10n ** BigInt(-shift)
  const floor = digits / divisor - (digits < 0n && digits % divisor !== 0n ? 1n : 0n)
  const isExact = floor * divisor === digits
  if (isLower) return isExact && !isExclusive ? floor : floor + 1n
  return isExact && isExclusive ? floor - 1n : floor
}

/** As YAML shows it best: a number where a double keeps it, else its digits as text. */
function numberOf(units: bigint, scale: number): RuleValue {
  const sign = units < 0n ? '-' : ''
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '')
  const text = `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`
  const isKept = String(Number(text)) === text && (scale > 0 || Number.isSafeInteger(Number(text)))
  return isKept ? Number(text) : text
}

type Temporal = 'date' | 'time' | 'timestamp' | 'timestamp_tz'

function stepOf(type: Temporal, isLower: boolean): bigint {
  const step = type === 'date' ? microsecondsOfDay : 1n
  return isLower ? step : -step
}

/** Microseconds since 1970 (of a time: since midnight), in UTC or without a zone. `text` is a value of the type. */
function instantOf(type: Temporal, text: string): bigint {
  const whole = type === 'date' ? `${text}T00:00` : type === 'time' ? `1970-01-01T${text}` : text
  const [, date, minute, second = '00', fraction = '', zone = ''] =
    /^(.{10}).(.{5})(?::(\d\d))?(?:\.(\d+))?(.*)$/.exec(whole)!
  const millis = Date.parse(`${date}T${minute}:${second}${zone === '' ? 'Z' : zone}`)
  return BigInt(millis) * 1000n + BigInt(fraction.padEnd(6, '0'))
}

/** `undefined` beyond the years 1 to 9999, and for a time beyond its day. */
function renderInstant(type: Temporal, microseconds: bigint): string | undefined {
  if (type === 'time' && (microseconds < 0n || microseconds >= microsecondsOfDay)) return undefined
  const below = ((microseconds % 1000n) + 1000n) % 1000n
  const iso = new Date(Number((microseconds - below) / 1000n)).toISOString()
  if (!/^\d{4}-/.test(iso)) return undefined
  if (type === 'date') return iso.slice(0, 10)
  const fraction = `${iso.slice(20, 23)}${String(below).padStart(3, '0')}`.replace(/0+$/, '')
  const text = `${iso.slice(0, 19)}${fraction === '' ? '' : `.${fraction}`}`
  if (type === 'time') return text.slice(11)
  return type === 'timestamp_tz' ? `${text}Z` : text
}
