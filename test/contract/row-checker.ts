import type { ColumnContract, ConflictPolicy, Enforcement, Severity } from '../../core/contract/types.ts'

/**
 * Gate 3 once more, row by row and without SQL: what a contract makes of texts, written from docs/contracts.md alone.
 * It knows the types below and rules over the row as functions.
 */
export type CheckedType = 'integer' | 'decimal' | 'string' | 'date' | 'boolean'

export interface CheckedColumn extends ColumnContract {
  readonly type: CheckedType
}

/** `undefined`: the expression is NULL. */
type Truth = boolean | undefined
export type Values = Readonly<Record<string, Value>>
type Value = bigint | string | boolean | null

export interface CheckedRule {
  readonly name: string
  readonly expr: string
  readonly columns: readonly string[]
  readonly holds: (values: Values) => Truth
  readonly severity: Severity
}

export interface CheckedContract {
  readonly enforcement: Enforcement
  readonly conflict_policy: ConflictPolicy
  readonly columns: Readonly<Record<string, CheckedColumn>>
  readonly rules: readonly CheckedRule[]
}

/** `column rule`, or the name of a rule over the row. */
export interface CheckedRow {
  readonly rejectedFor: readonly string[]
  readonly warnedOf: readonly string[]
  readonly coerced: readonly string[]
  readonly variants: Readonly<Record<string, string>>
  readonly values: Values
}

export function checkRow(
  contract: CheckedContract,
  texts: Readonly<Record<string, string | null>>,
): CheckedRow {
  const { enforcement, conflict_policy } = contract
  const errors: string[] = []
  const warnings: string[] = []
  const coerced: string[] = []
  const variants: Record<string, string> = {}
  const values: Record<string, Value> = {}
  const severityOf = (given: Severity | undefined) => (enforcement === 'warn' ? 'warn' : (given ?? 'error'))
  const broken = (what: string, severity: Severity) => (severity === 'error' ? errors : warnings).push(what)
  const valueless = new Set<string>()
  for (const [name, column] of Object.entries(contract.columns)) {
    const raw = texts[name] ?? null
    const text = raw !== null && enforcement === 'coerce' ? otherSpelling(column.type, raw) : raw
    const value = text === null ? null : parsed(column, text)
    const severity = severityOf(column.severity)
    if (value === undefined) {
      valueless.add(name)
      values[name] = null
      const refusesNull = column.nullable === false && severity === 'error'
      if (conflict_policy === 'variant_column' && column.type !== 'string' && !refusesNull) {
        variants[name] = raw as string
        broken(`${name} type`, 'warn')
      } else broken(`${name} type`, 'error')
      continue
    }
    if (text !== raw) coerced.push(name)
    values[name] = value
    for (const rule of brokenBy(column, value)) broken(`${name} ${rule}`, severity)
  }
  for (const { name, columns, holds, severity } of contract.rules) {
    if (columns.some((column) => valueless.has(column))) continue
    if (holds(values) !== true) broken(name, severityOf(severity))
  }
  return { rejectedFor: errors, warnedOf: warnings, coerced, variants, values }
}

/** Numbers in hundredths, days as their text, which is in their order. */
function parsed(column: CheckedColumn, text: string): Value | undefined {
  switch (column.type) {
    case 'string':
      return text
    case 'boolean': {
      const word = text.toLowerCase()
      return word === 'true' ? true : word === 'false' ? false : undefined
    }
    case 'integer':
      return /^[+-]?\d+$/.test(text)
        ? within(BigInt(text.replace('+', '')) * 100n, 2_147_483_648n * 100n)
        : undefined
    case 'decimal': {
      const parts = /^([+-]?)(\d+)(?:\.(\d{1,2}))?$/.exec(text)
      if (parts === null) return undefined
      const hundredths = BigInt(parts[2]! + (parts[3] ?? '').padEnd(2, '0'))
      return within(parts[1] === '-' ? -hundredths : hundredths, 1_000_000n)
    }
    case 'date': {
      const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text)
      if (parts === null) return undefined
      const date = new Date(`${text}T00:00:00Z`)
      return !Number.isNaN(date.getTime()) && date.toISOString().slice(0, 10) === text ? text : undefined
    }
  }
}

function within(value: bigint, limit: bigint): bigint | undefined {
  return value < limit && value >= -limit ? value : undefined
}

function otherSpelling(type: CheckedType, raw: string): string {
  if (type === 'string') return raw
  const text = raw.replace(/^[ \t]+|[ \t]+$/g, '')
  if (text === '') return raw
  if (type === 'boolean' && /^(1|yes)$/i.test(text)) return 'true'
  if (type === 'boolean' && /^(0|no)$/i.test(text)) return 'false'
  if (type === 'integer') return text.replace(/^([+-]?\d+)\.0*$/, '$1')
  if (type === 'decimal') return text.replace(/^([+-]?)\./, '$10.').replace(/^(.*\.\d\d)0+$/, '$1')
  return type === 'date' ? text.replaceAll('/', '-') : text
}

function brokenBy(column: CheckedColumn, value: Value): string[] {
  if (value === null) return column.nullable === false ? ['nullable'] : []
  const bound = (limit: unknown) => parsed(column, String(limit)) as bigint
  const { min, max, min_length, max_length, pattern, accepted_values } = column
  const accepted = accepted_values?.flatMap((one) => (one === null ? [] : [parsed(column, String(one))]))
  const length = typeof value === 'string' ? [...value].length : 0
  const rules: readonly (readonly [string, boolean])[] = [
    ['min', min !== undefined && (value as bigint) < bound(min)],
    ['max', max !== undefined && (value as bigint) > bound(max)],
    ['min_length', min_length !== undefined && length < min_length],
    ['max_length', max_length !== undefined && length > max_length],
    ['pattern', pattern !== undefined && !new RegExp(`^(?:${pattern})$`, 'u').test(String(value))],
    ['accepted_values', accepted !== undefined && !accepted.includes(value)],
  ]
  return rules.flatMap(([rule, isBroken]) => (isBroken ? [rule] : []))
}
