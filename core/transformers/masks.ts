import { type ColumnType, scalarOf, typeText } from '../contract/column-types.ts'
import { valueText } from '../contract/grammar.ts'
import { quoteLiteral } from '../engine/sql.ts'
import type { MaskingRule } from './types.ts'

/** A column as it stands before a rule: the name of its value, the SQL of its typed value, and what both are. */
export interface Masked {
  readonly value: string
  readonly typed: string
  readonly type: ColumnType
  readonly input: string
}

const integers: readonly string[] = ['tinyint', 'smallint', 'integer', 'bigint']

/** Why a rule cannot be for a column of this type. */
export function maskProblem(rule: MaskingRule, type: ColumnType): string | undefined {
  switch (rule.method) {
    case 'redact':
    case 'nullify':
      return undefined
    case 'partial':
      return type.type === 'string' ? undefined : 'partial is for strings'
    case 'numeric_bucket': {
      if (type.type === 'float' || type.type === 'double') return undefined
      if (type.type === 'decimal') return decimalProblem(rule.bucket_size, type)
      if (!integers.includes(type.type)) return 'numeric_bucket is for numbers'
      return Number.isSafeInteger(rule.bucket_size)
        ? undefined
        : `bucket_size ${rule.bucket_size} would make no ${type.type} of it`
    }
    case 'date_truncate':
      if (type.type === 'timestamp' || type.type === 'timestamp_tz') return undefined
      if (type.type !== 'date') return 'date_truncate is for dates and timestamps'
      return rule.unit === 'hour' ? 'a date has no hour to be truncated to' : undefined
  }
}

/** One digit is kept for the way below the smallest value. */
function decimalProblem(size: number, type: Extract<ColumnType, { type: 'decimal' }>): string | undefined {
  if (type.precision > 37) return 'numeric_bucket is for decimals of at most 37 digits'
  const text = /^0*(\d*?)(?:\.(\d+))?$/.exec(String(size))
  const [whole, fraction] = [text?.[1] ?? '', text?.[2] ?? '']
  const fits = text !== null && fraction.length <= type.scale && whole.length <= type.precision - type.scale
  return fits ? undefined : `bucket_size ${size} is no ${typeText(type)}`
}

/** SQL of the masked value, and the type in which it stands there. `literal` is the value of `redact` in the column's own. */
export function maskSql(
  rule: MaskingRule,
  column: Masked,
  literal: string,
): { readonly sql: string; readonly input: string } {
  const { value, input } = column
  switch (rule.method) {
    case 'redact':
      return { sql: `CASE WHEN ${value} IS NOT NULL THEN ${literal} END`, input }
    case 'nullify':
      return { sql: `CAST(NULL AS ${input === 'text' ? 'VARCHAR' : input})`, input }
    case 'partial':
      return { sql: partial(rule, value), input }
    case 'numeric_bucket':
      return bucket(rule.bucket_size, column)
    case 'date_truncate': {
      const zoned = column.type.type === 'timestamp_tz' ? 'TIMESTAMP WITH TIME ZONE' : undefined
      const type = zoned ?? (column.type.type === 'date' ? 'DATE' : 'TIMESTAMP')
      return written(column, `CAST(date_trunc('${rule.unit}', ${column.typed}) AS ${type})`, type)
    }
  }
}

/** A value that has nothing in the middle becomes the mask alone, so that a short one does not show whole. */
function partial(
  { keep_start, keep_end, mask_char }: Extract<MaskingRule, { method: 'partial' }>,
  value: string,
): string {
  const mask = quoteLiteral(mask_char)
  const kept = [
    ...(keep_start === 0 ? [] : [`left(${value}, ${keep_start})`]),
    mask,
    ...(keep_end === 0 ? [] : [`right(${value}, ${keep_end})`]),
  ]
  return `CASE WHEN ${value} = '' THEN '' WHEN length(${value}) <= ${keep_start + keep_end} THEN ${mask} WHEN ${value} IS NOT NULL THEN ${kept.join(' || ')} END`
}

/** Whole numbers and decimals exactly, in more digits than they have; doubles as doubles. */
function bucket(size: number, column: Masked): { readonly sql: string; readonly input: string } {
  const { type, typed } = column
  if (type.type === 'float' || type.type === 'double') {
    const double = `CAST(${typed} AS DOUBLE)`
    return written(column, `floor(${double} / ${size}) * CAST(${size} AS DOUBLE)`, 'DOUBLE')
  }
  const wide = type.type === 'decimal' ? `DECIMAL(38,${type.scale})` : 'HUGEINT'
  const step = `CAST('${size}' AS ${wide})`
  const rest = `(CAST(${typed} AS ${wide}) % ${step})`
  const below = `CAST(${typed} AS ${wide}) - ${rest} - CASE WHEN ${rest} < 0 THEN ${step} ELSE 0 END`
  return written(column, `CAST(${below} AS ${wide})`, wide)
}

/**
 * A typed value in place of a raw one. Of a text that is no value of the type nothing is left, so that it shows nowhere;
 * that its row is rejected is the rule of its typed view (columns.ts).
 */
function written(
  { type, input }: Masked,
  sql: string,
  sqlInput: string,
): { readonly sql: string; readonly input: string } {
  if (input !== 'text' && input !== 'VARCHAR') return { sql, input: sqlInput }
  return { sql: valueText(scalarOf(type), sql), input }
}
