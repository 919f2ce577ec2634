import { type ColumnType, typeText } from '../contract/column-types.ts'
import { acceptsText } from '../contract/grammar.ts'
import { columnType } from '../contract/input-type.ts'
import type { RuleValue } from '../contract/types.ts'
import { quoteLiteral } from '../engine/sql.ts'
import { addColumn, type Column, type Draft, findColumn, typedView, typeOf, wrongType } from './columns.ts'
import { formatSql, parseFormat, type TextFormat } from './formats.ts'
import { hashLetter, hashSql } from './hash.ts'
import { maskProblem, maskSql } from './masks.ts'
import { refused } from './names.ts'
import type { HashColumn, MaskingRule, ValueRule } from './types.ts'
import { needsText, valueSql } from './values.ts'

export function addValues(
  draft: Draft,
  rules: readonly ValueRule[],
  formats: Readonly<Record<string, string>>,
): void {
  const formatted = new Map(
    Object.entries(formats).map(([name, format]) => [findColumn(draft, name, 'formats'), format]),
  )
  for (const [i, rule] of rules.entries()) {
    const where = `values[${i}] (${rule.operation})`
    const changes = rule.columns.map((name) => {
      const column = findColumn(draft, name, where)
      if (needsText(rule) && !isText(column)) {
        throw wrongType(column, where, 'it is for columns of text')
      }
      column.by.push(rule.operation)
      const literal = 'value' in rule ? literalFor(column, rule.value, where, formatted.get(column)) : ''
      return `${valueSql(rule, column.value, literal)} AS ${column.value}`
    })
    draft.layers.push({ list: `* REPLACE (${changes.join(', ')})` })
  }
}

export function addFormats(draft: Draft, formats: Readonly<Record<string, string>>): void {
  for (const [name, format] of Object.entries(formats)) {
    const column = findColumn(draft, name, 'formats')
    if (!isText(column)) throw wrongType(column, 'formats', 'it is for columns of text')
    const parsed = parseFormat(format) as TextFormat
    const number = draft.columns.indexOf(column)
    const held = `_sluice_written_${number}`
    draft.layers.push({ list: `*, ${formatSql(parsed, column.value)} AS _sluice_format_${number}` })
    draft.layers.push({
      list: `*, (_sluice_format_${number} IS NOT NULL OR ${column.value} IS NULL) AS ${held}`,
    })
    draft.layers.push({ list: `* REPLACE (_sluice_format_${number} AS ${column.value})` })
    const message = `is not written as ${format}`
    draft.rules.push({ column: column.output ?? column.name, rule: 'type', message, holds: held })
    column.input = parsed.input
    column.declared = parsed.input
    column.by.push('format')
    column.needs.push(held)
  }
}

export function addHashes(draft: Draft, hashes: readonly HashColumn[]): void {
  for (const { name, columns } of hashes) {
    const where = `hash_columns (${name})`
    const from = columns.map((column) => findColumn(draft, column, where))
    const hashed = from.map((column) => {
      const { typed: value } = typedView(draft, column, where)
      const type = typeOf(column)!
      const input = column.contract === undefined ? { input: column.input } : {}
      if (hashLetter({ type, ...input }) === undefined) {
        throw wrongType(column, where, 'dc_hash_v1 has texts for strings, integers, booleans and dates only')
      }
      return { value, type, ...input }
    })
    const { value } = addColumn(draft, { name, input: 'VARCHAR', from, by: 'hash' })
    draft.layers.push({ list: `*, ${hashSql(hashed)} AS ${value}` })
  }
}

export function addMasks(draft: Draft, rules: readonly MaskingRule[]): void {
  for (const [i, rule] of rules.entries()) {
    const where = `masking[${i}] (${rule.method})`
    const changes = rule.columns.map((name) => {
      const column = findColumn(draft, name, where)
      const type = typeOf(column)
      const problem = type === undefined ? 'no column of a table can have its type' : maskProblem(rule, type)
      if (problem !== undefined) throw wrongType(column, where, problem)
      if (rule.method === 'partial' && !isText(column)) throw wrongType(column, where, 'it is no text')
      const isTyped = rule.method === 'numeric_bucket' || rule.method === 'date_truncate'
      const typed = isTyped ? typedView(draft, column, where).typed : column.value
      const literal = rule.method === 'redact' ? literalFor(column, rule.value, where) : ''
      const masked = maskSql(rule, { ...column, typed, type: type! }, literal)
      column.input = masked.input
      column.masked = true
      column.by.push(rule.method)
      delete column.view
      return `${masked.sql} AS ${column.value}`
    })
    draft.layers.push({ list: `* REPLACE (${changes.join(', ')})` })
  }
}

function isOf(type: ColumnType | undefined, value: RuleValue): boolean {
  return type !== undefined && acceptsText(type, String(value))
}

function isWritten(format: string, value: RuleValue): boolean {
  const { pattern } = parseFormat(format) as TextFormat
  return new RegExp(`^(?:${pattern})$`).test(String(value))
}

function isText({ input }: Column): boolean {
  return input === 'text' || input === 'VARCHAR'
}

/**
 * SQL of a value that the manifest gives, in the type in which the column stands, or as its format writes it. Throws
 * where it is no value of it.
 */
function literalFor(column: Column, value: RuleValue, where: string, format?: string): string {
  const type = typeOf(column)
  const isTyped = format === undefined ? isOf(type, value) : isWritten(format, value)
  const stands = isText(column) ? undefined : columnType(column.input, column.name)
  if (!isTyped || (stands !== undefined && !acceptsText(stands, String(value)))) {
    throw refused(
      'TRANSFORMER_VALUE_INVALID',
      `transformers.${where} would put ${JSON.stringify(value)} into column ${column.name}, which is ${type === undefined ? column.input : typeText(type)}`,
      'Give a value of the type of the column',
    )
  }
  const text = quoteLiteral(String(value))
  return isText(column) ? text : `CAST(${text} AS ${column.input})`
}
