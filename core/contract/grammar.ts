import { quoteLiteral } from '../engine/sql.ts'
import type { ColumnType, ScalarType } from './column-types.ts'
import { isNested } from './column-types.ts'
import { sqlType } from './lake-types.ts'

/**
 * The lexical grammar of each type: which texts are a value of it. ASCII only, no surrounding white space,
 * nothing rounded, truncated or completed. It is written three times, and the tests hold them together:
 * as a pattern (RE2 and JavaScript alike) with limits, as {@link acceptsText}, and as SQL
 * ({@link textVerdict}).
 *
 * | type | accepted | refused, among others |
 * |---|---|---|
 * | tinyint … bigint | `[+-]?[0-9]+` in the type's range | `12.0` `1e3` `0x1F` `1_000` |
 * | decimal(p,s) | `[+-]?[0-9]+(\.[0-9]{1,s})?`, at most p−s integer digits after leading zeros | `12.345` for s=2, `12.30` for s=1, `.5` `5.` `1e2` |
 * | float, double | `[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?`, finite | `nan` `inf` `1e400` `.5` `5.` |
 * | boolean | `true` `false`, any case | `1` `0` `yes` `t` |
 * | date | `YYYY-MM-DD`, a day of the calendar, years 0001 to 9999 | `2024-1-5` `20240105` `2023-02-29` |
 * | timestamp | date, `T` or one space, `HH:MM`, `:SS`, `.` and 1 to 6 digits; no zone | `24:00` `12:00:60` `…Z` |
 * | timestamp_tz | the same with `Z` or `±HH:MM` (hours to 15), the instant within years 0001 to 9999 UTC | `…+0530` `…UTC`, no zone |
 * | time | `HH:MM`, `:SS`, `.` and 1 to 6 digits; before 24:00 | `24:00` `1:02` `10:00Z` |
 * | uuid | 8-4-4-4-12 hexadecimal digits, any case | without dashes, in braces, `urn:uuid:…` |
 * | binary | pairs of hexadecimal digits, any case; none is no bytes | `0x00` `\x00` base64 |
 * | json | one JSON text (RFC 8259), escapes in whole surrogate pairs | `NaN` `[1,]` `'a'` |
 * | string | anything that is UTF-8 | |
 */
export function typePattern(type: ScalarType): string | undefined {
  switch (type.type) {
    case 'string':
    case 'json':
      return undefined
    case 'boolean':
      return '[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]'
    case 'tinyint':
    case 'smallint':
    case 'integer':
    case 'bigint':
      return '[+-]?[0-9]+'
    case 'decimal':
      return type.scale === 0 ? '[+-]?[0-9]+' : `[+-]?[0-9]+(\\.[0-9]{1,${type.scale}})?`
    case 'float':
    case 'double':
      return '[+-]?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?'
    case 'date':
      return datePattern
    case 'timestamp':
      return `${datePattern}[T ]${timePattern}`
    case 'timestamp_tz':
      return `${datePattern}[T ]${timePattern}(Z|[+-](0[0-9]|1[0-5]):[0-5][0-9])`
    case 'time':
      return timePattern
    case 'uuid':
      return '[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}'
    case 'binary':
      return '([0-9A-Fa-f]{2})*'
  }
}

const datePattern = '[0-9]{4}-[0-9]{2}-[0-9]{2}'
const timePattern = '([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,6})?)?'

/** Inclusive. */
export const integerRanges = {
  tinyint: [-128n, 127n],
  smallint: [-32768n, 32767n],
  integer: [-2147483648n, 2147483647n],
  bigint: [-9223372036854775808n, 9223372036854775807n],
} as const

/**
 * Whether `text` is a value of `type`. Independent of the engine: rule values and tests are judged by it. No text that
 * a rule can give is a list, struct or map.
 */
export function acceptsText(type: ColumnType, text: string): boolean {
  if (isNested(type)) return false
  if (type.type === 'json') return isJson(text)
  const pattern = typePattern(type)
  if (pattern === undefined) return true
  if (!new RegExp(`^(?:${pattern})$`).test(text)) return false
  switch (type.type) {
    case 'tinyint':
    case 'smallint':
    case 'integer':
    case 'bigint': {
      const [min, max] = integerRanges[type.type]
      const value = BigInt(text.replace(/^\+/, ''))
      return value >= min && value <= max
    }
    case 'decimal': {
      const digits = text.replace(/^[+-]/, '').replace(/\..*$/, '').replace(/^0+/, '')
      return digits.length <= type.precision - type.scale
    }
    case 'float':
      return Number.isFinite(Math.fround(Number(text)))
    case 'double':
      return Number.isFinite(Number(text))
    case 'date':
      return isDay(text)
    case 'timestamp':
      return isDay(text.slice(0, 10))
    case 'timestamp_tz': {
      if (!isDay(text.slice(0, 10))) return false
      const year = new Date(instantOf(text)).getUTCFullYear()
      return year >= 1 && year <= 9999
    }
    default:
      return true
  }
}

/** A lone surrogate, which only an escape can bring into UTF-8, is no character. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text)
  } catch {
    return false
  }
  return (text.match(/"(?:[^"\\]|\\.)*"/g) ?? []).every((string) => JSON.parse(string).isWellFormed())
}

function isDay(text: string): boolean {
  const [year, month, day] = text.split('-').map(Number) as [number, number, number]
  if (year < 1 || month < 1 || month > 12 || day < 1) return false
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
  return day <= days[month - 1]!
}

/** Milliseconds since the epoch; `text` has timestamp_tz's pattern. */
function instantOf(text: string): number {
  const zone = /(Z|[+-]\d\d:\d\d)$/.exec(text)![0]
  const [hour, minute, second = '0'] = text.slice(11, text.length - zone.length).split(':')
  const instant = new Date(0)
  instant.setUTCFullYear(Number(text.slice(0, 4)), Number(text.slice(5, 7)) - 1, Number(text.slice(8, 10)))
  instant.setUTCHours(Number(hour), Number(minute), Math.floor(Number(second)))
  if (zone === 'Z') return instant.getTime()
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6))
  return instant.getTime() - (zone[0] === '-' ? -minutes : minutes) * 60_000
}

/**
 * SQL: the value of the text `raw`, NULL where there is none. More lenient than the grammar: judge it, too.
 *
 * Zoned timestamps are cast behind their pattern only, since TRY_CAST throws on some that are none (`ICU date
 * overflows timestamp range`), and one such cell would stop the scan. DuckDB knows none without seconds.
 * `unhex` throws as well.
 */
export function typedText(type: ScalarType, raw: string): string {
  if (type.type === 'string') return raw
  if (type.type === 'json') return `CASE WHEN ${jsonVerdict(raw)} THEN ${raw} END`
  const cast = (text: string) => `TRY_CAST(${text} AS ${sqlType(type)})`
  if (type.type === 'binary') {
    return `CASE WHEN regexp_full_match(${raw}, ${quoteLiteral(typePattern(type)!)}) THEN unhex(${raw}) END`
  }
  if (type.type !== 'timestamp_tz') return cast(raw)
  const seconds = `coalesce(${cast(raw)}, ${cast(`left(${raw}, 16) || ':00' || substr(${raw}, 17)`)})`
  return `CASE WHEN regexp_full_match(${raw}, ${quoteLiteral(typePattern(type)!)}) THEN ${seconds} END`
}

/**
 * SQL, true or false and never NULL: `raw` is NULL, or a text of the type's grammar; `typed` names
 * {@link typedText} of it. `undefined` where every text is a value.
 *
 * Most values are written as the engine would write them, and comparing with that spelling costs half of a
 * regular expression (29 against 56 ns on an integer, 45 against 120 ns on a timestamp); only the others
 * reach the pattern, since CASE evaluates a branch for the rows that need it and OR does not.
 * Doubles are the exception: printing one costs twice its pattern.
 */
export function textVerdict(type: ScalarType, raw: string, typed: string): string | undefined {
  if (type.type === 'json' || type.type === 'binary') {
    return `CASE WHEN ${typed} IS NULL THEN ${raw} IS NULL ELSE true END`
  }
  const pattern = typePattern(type)
  if (pattern === undefined) return undefined
  const matches = `regexp_full_match(${raw}, ${quoteLiteral(pattern)})`
  const canonical = `CAST(${typed} AS VARCHAR) = ${raw}`
  switch (type.type) {
    case 'tinyint':
    case 'smallint': {
      const [min, max] = integerRanges[type.type]
      return `CASE WHEN ${canonical} THEN ${typed} BETWEEN ${min} AND ${max} WHEN ${typed} IS NULL THEN ${raw} IS NULL ELSE ${typed} BETWEEN ${min} AND ${max} AND ${matches} END`
    }
    case 'decimal':
      // DuckDB spells a decimal without integer digits `.5`, which the grammar refuses.
      if (type.scale === type.precision) {
        return `CASE WHEN ${typed} IS NULL THEN ${raw} IS NULL ELSE ${matches} END`
      }
      return `CASE WHEN ${canonical} THEN true WHEN ${typed} IS NULL THEN ${raw} IS NULL ELSE ${matches} END`
    case 'boolean':
    case 'integer':
    case 'bigint':
    case 'uuid':
      return `CASE WHEN ${canonical} THEN true WHEN ${typed} IS NULL THEN ${raw} IS NULL ELSE ${matches} END`
    case 'float':
    case 'double':
      return `CASE WHEN isfinite(${typed}) THEN ${matches} ELSE ${raw} IS NULL END`
    case 'date':
      return `CASE WHEN ${canonical} THEN ${inYears(type, typed)} ELSE ${raw} IS NULL END`
    case 'timestamp':
      return `CASE WHEN ${canonical} THEN ${inYears(type, typed)} WHEN ${typed} IS NULL THEN ${raw} IS NULL ELSE ${matches} AND ${inYears(type, typed)} END`
    case 'time':
      return `CASE WHEN ${canonical} THEN ${withinDay(typed)} WHEN ${typed} IS NULL THEN ${raw} IS NULL ELSE ${matches} END`
    case 'timestamp_tz':
      return `CASE WHEN ${typed} IS NULL THEN ${raw} IS NULL ELSE ${inYears(type, typed)} END`
    default:
      return undefined
  }
}

/**
 * DuckDB's parser also takes `NaN`, `Infinity` and a comma before a closing bracket. Outside of strings none of
 * these stands in a JSON text. To leave the strings out costs four times as much as all else, so it is for texts that
 * have one of these in them, strings included: looked for by words first, then where such a value can end.
 */
export function jsonVerdict(raw: string): string {
  const bare = `regexp_replace(${raw}, ${quoteLiteral(String.raw`"([^"\\]|\\.)*"`)}, '0', 'g')`
  const comma = String.raw`,[ \t\r\n]*[\]}]`
  const has = (text: string, pattern: string) => `regexp_matches(${text}, ${quoteLiteral(pattern)})`
  const word = ['nan', 'inf'].map((each) => `contains(lower(${raw}), '${each}')`).join(' OR ')
  const ended = String.raw`(?i)(nan|inf|infinity)[ \t\r\n]*([,\]}]|$)|${comma}`
  return `json_valid(${raw}) AND CASE WHEN NOT (${word} OR ${has(raw, comma)}) THEN true WHEN NOT ${has(raw, ended)} THEN true ELSE NOT ${has(bare, `(?i)nan|inf|${comma}`)} END`
}

/** DuckDB has a time `24:00:00`, Iceberg has not. */
export function withinDay(typed: string): string {
  return `${typed} < TIME '24:00:00'`
}

/** Within years 0001 to 9999; also false for ±infinity, which DuckDB's dates have and Iceberg's have not. */
export function inYears(type: ScalarType, typed: string): string {
  const first = type.type === 'date' ? '0001-01-01' : '0001-01-01 00:00:00'
  const last = type.type === 'date' ? '9999-12-31' : '9999-12-31 23:59:59.999999'
  const zone = type.type === 'timestamp_tz' ? '+00' : ''
  const bound = (text: string) => `CAST('${text}${zone}' AS ${sqlType(type)})`
  return `${typed} BETWEEN ${bound(first)} AND ${bound(last)}`
}

/** SQL: a typed value as text of its type's grammar. */
export function valueText(type: ScalarType, typed: string): string {
  // The session's zone is UTC; DuckDB would spell it `+00`, which the grammar refuses.
  if (type.type === 'timestamp_tz') return `CAST(CAST(${typed} AS TIMESTAMP) AS VARCHAR) || 'Z'`
  return type.type === 'binary' ? `lower(hex(${typed}))` : `CAST(${typed} AS VARCHAR)`
}
