import type { ScalarType } from './column-types.ts'
import { integerRanges, inYears, textVerdict, typedText, withinDay } from './grammar.ts'
import { familyOf } from './input-type.ts'
import { sqlType } from './lake-types.ts'

/** How one input column becomes a value of its column type, as SQL over the expression of the raw value. */
export interface Judged {
  /** The value, NULL where there is none. */
  readonly typed: string
  /**
   * Whether the raw value is NULL or is a value of the type, never NULL; `typed` and `raw` are names.
   * `undefined` where the input can hold nothing else.
   */
  readonly verdict: (raw: string, typed: string) => string | undefined
}

/**
 * Text goes through the lexical grammar. Anything else must survive a cast to the column type and back
 * unchanged: DOUBLE 12.7 is no integer, BIGINT 300 no tinyint, a decimal narrows only where it stays equal,
 * a timestamp is a date only at midnight. NaN and infinities are refused in every column type. There is no cast
 * between families (number, boolean, date and timestamp, timestamp_tz, time, uuid, binary), so there every value is
 * refused; a string takes the text of any scalar but binary, and what a file calls JSON is judged as text is.
 */
export function judgeInput(type: ScalarType, input: string, raw: string): Judged {
  if (input === 'text' || input === 'VARCHAR') {
    return { typed: typedText(type, raw), verdict: (r, t) => textVerdict(type, r, t) }
  }
  if (input === 'JSON' && type.type === 'json') {
    return { typed: typedText(type, `CAST(${raw} AS VARCHAR)`), verdict: (r, t) => textVerdict(type, r, t) }
  }
  const target = sqlType(type)
  if (type.type === 'string') {
    return nested.test(input)
      ? { typed: 'CAST(NULL AS VARCHAR)', verdict: (r) => `${r} IS NULL` }
      : { typed: `CAST(${raw} AS VARCHAR)`, verdict: () => undefined }
  }
  if (familyOf(input) !== familyOf(target)) {
    return { typed: `CAST(NULL AS ${target})`, verdict: (r) => `${r} IS NULL` }
  }
  const limits = (typed: string) => limitOf(type, input, typed)
  if (input === target) {
    return {
      typed: raw,
      verdict: (r, t) => {
        const limit = limits(t)
        return limit === undefined ? undefined : `CASE WHEN ${limit} THEN true ELSE ${r} IS NULL END`
      },
    }
  }
  return {
    typed: `TRY_CAST(${raw} AS ${target})`,
    verdict: (r, t) => {
      const same = `TRY_CAST(${t} AS ${input}) = ${r}`
      const limit = limits(t)
      return `CASE WHEN ${limit === undefined ? same : `${same} AND ${limit}`} THEN true ELSE ${r} IS NULL END`
    },
  }
}

const nested = /\[\d*\]$|^(STRUCT|MAP|UNION|LIST|BLOB|BIT|INTERVAL|VARIANT|GEOMETRY)/

function limitOf(type: ScalarType, input: string, typed: string): string | undefined {
  switch (type.type) {
    case 'tinyint':
    case 'smallint': {
      if (type.type === 'smallint' && /^(TINYINT|UTINYINT|SMALLINT)$/.test(input)) return undefined
      const [min, max] = integerRanges[type.type]
      return `${typed} BETWEEN ${min} AND ${max}`
    }
    case 'float':
    case 'double':
      return `isfinite(${typed})`
    case 'time':
      return withinDay(typed)
    case 'date':
    case 'timestamp':
    case 'timestamp_tz':
      return inYears(type, typed)
    default:
      return undefined
  }
}
