import { quoteLiteral } from '../engine/sql.ts'
import { type ColumnType, isNested, type PlainTypeName } from './column-types.ts'
import { sqlType } from './lake-types.ts'

/** A whole text that `pattern` matches, in RE2 and in JavaScript alike, becomes `becomes`; `\1` is its first group. */
interface Coercion {
  readonly pattern: string
  readonly becomes: string
}

/** A text of nothing but white space stays as it is: it is no value, and NULL only where the source says so. */
const trimmed: Coercion = {
  pattern: String.raw`[ \t\n\r\f\v]*([^ \t\n\r\f\v](?:[\s\S]*[^ \t\n\r\f\v])?)[ \t\n\r\f\v]*`,
  becomes: String.raw`\1`,
}

const c = (pattern: string, becomes: string): Coercion => ({ pattern, becomes })
const anyCase = (word: string) => word.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`)
const words = (list: readonly string[], becomes: string) => c(`(?:${list.map(anyCase).join('|')})`, becomes)

const wholeNumber = c(String.raw`([+-]?[0-9]+)\.0*`, String.raw`\1`)
const leadingPoint = c(String.raw`([+-]?)(\.[0-9]+(?:[eE][+-]?[0-9]+)?)`, String.raw`\10\2`)
const trailingPoint = c(String.raw`([+-]?[0-9]+)\.((?:[eE][+-]?[0-9]+)?)`, String.raw`\1\2`)
const hex = '[0-9a-fA-F]'

const day = '[0-9]{4}-[0-9]{2}-[0-9]{2}'
const clock = '[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]+)?)?'
const slashes = c(String.raw`([0-9]{4})/([0-9]{2})/([0-9]{2})((?:[Tt ][\s\S]*)?)`, String.raw`\1-\2-\3\4`)
const smallT = c(String.raw`(${day})t([\s\S]+)`, String.raw`\1T\2`)
const zone = `(?:Z|[+-][0-9]{2}:[0-9]{2})?`
const zeroFraction = (before: string, behind: string) =>
  c(`(${before}[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6})0+(${behind})`, String.raw`\1\2`)

const byType: Readonly<Record<PlainTypeName, readonly Coercion[]>> = {
  string: [],
  json: [],
  boolean: [
    trimmed,
    words(['1', 'yes', 'y', 'on', 't'], 'true'),
    words(['0', 'no', 'n', 'off', 'f'], 'false'),
  ],
  tinyint: [trimmed, wholeNumber],
  smallint: [trimmed, wholeNumber],
  integer: [trimmed, wholeNumber],
  bigint: [trimmed, wholeNumber],
  float: [trimmed, leadingPoint, trailingPoint],
  double: [trimmed, leadingPoint, trailingPoint],
  date: [trimmed, slashes, c(`(${day})[Tt ]00:00(?::00(?:[.]0+)?)?`, String.raw`\1`)],
  timestamp: [trimmed, slashes, smallT, zeroFraction(`${day}[T ]`, '')],
  timestamp_tz: [
    trimmed,
    slashes,
    smallT,
    c(`(${day}[T ]${clock}) ?(?:[zZ]|UTC)`, String.raw`\1Z`),
    c(`(${day}[T ]${clock}) ?([+-][0-9]{2}):?([0-9]{2})`, String.raw`\1\2:\3`),
    c(`(${day}[T ]${clock}) ?([+-][0-9]{2})`, String.raw`\1\2:00`),
    zeroFraction(`${day}[T ]`, zone),
  ],
  time: [trimmed, zeroFraction('', '')],
  uuid: [
    trimmed,
    c(`[{]([0-9a-fA-F-]+)[}]`, String.raw`\1`),
    c(`${anyCase('urn:uuid:')}([0-9a-fA-F-]+)`, String.raw`\1`),
    c(`(${hex}{8})(${hex}{4})(${hex}{4})(${hex}{4})(${hex}{12})`, String.raw`\1-\2-\3-\4-\5`),
  ],
  binary: [trimmed, c(String.raw`(?:0[xX]|\\x)((?:${hex}{2})+)`, String.raw`\1`)],
}

/**
 * Under `enforcement: coerce`: other spellings of the same value, by type, one after another. A closed list: each can
 * mean one value only, and none rounds or completes anything. A text that is a value already matches none of them.
 */
function coercionsOf(type: ColumnType): readonly Coercion[] {
  if (isNested(type)) return []
  if (type.type !== 'decimal') return byType[type.type]
  if (type.scale === 0) return [trimmed, wholeNumber]
  const zeros = c(String.raw`([+-]?[0-9]+\.[0-9]{${type.scale}})0+`, String.raw`\1`)
  return [trimmed, leadingPoint, trailingPoint, zeros]
}

/** Whether any text that is no value of the type is coerced to one. */
export function isCoercible(type: ColumnType): boolean {
  return coercionsOf(type).length > 0
}

/** What becomes of a text; it need not be a value then. */
export function coercedText(type: ColumnType, text: string): string {
  return coercionsOf(type).reduce(
    (now, { pattern, becomes }) => now.replace(new RegExp(`^(?:${pattern})$`), becomes.replaceAll('\\', '$')),
    text,
  )
}

/**
 * SQL: the same of the text `raw`. NULL of NULL. What is spelled as the engine would spell it is a value already, and
 * telling so costs less than the list (measured: half of a scan's time).
 */
export function coercedSql(type: ColumnType, raw: string): string {
  const coercions = coercionsOf(type)
  const coerced = coercions.reduce(
    (now, { pattern, becomes }) =>
      `regexp_replace(${now}, ${quoteLiteral(`^(?:${pattern})$`)}, ${quoteLiteral(becomes)})`,
    raw,
  )
  if (!isSpelledAlike(type)) return coerced
  return `CASE WHEN CAST(TRY_CAST(${raw} AS ${sqlType(type)}) AS VARCHAR) = ${raw} THEN ${raw} ELSE ${coerced} END`
}

/** Whether the engine's own spelling is one of the grammar's, which `.5` of decimal(1,1) is not. */
function isSpelledAlike(type: ColumnType): boolean {
  if (type.type === 'decimal') return type.scale < type.precision
  return ['boolean', 'tinyint', 'smallint', 'integer', 'bigint', 'date', 'timestamp', 'uuid'].includes(
    type.type,
  )
}
