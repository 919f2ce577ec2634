import { quoteLiteral } from '../engine/sql.ts'
import { counted } from '../words.ts'
import type { ColumnType } from './column-types.ts'
import { isNested, scalarOf, typeText } from './column-types.ts'
import { fixedGlob } from './fixed-pattern.ts'
import { sqlType } from './lake-types.ts'
import { nestedRules } from './nested-rules.ts'
import type { RuleName } from './rule-names.ts'
import { judgeInput } from './typed-input.ts'
import type { MemberContract, RuleValue, Severity } from './types.ts'

/** One row rule. The tree of a scan is the list of these; verdict, reasons and counts are all read from it. */
export interface Rule {
  /** Output column; `null` for a rule over several. */
  readonly column: string | null
  readonly rule: RuleName
  /** The name that the contract gives it. */
  readonly name?: string
  readonly severity: Severity
  /** Says the rule, never a value of the row. */
  readonly message: string
  /** SQL, true or false, never NULL. */
  readonly expression: string
}

/** The rules of one column, in the order in which they are reported. */
export interface ColumnRules {
  /** SQL over the raw value's expression of what `typed` reads instead: it is made once, in a select before. */
  readonly prepared?: string
  /** SQL of the value over the raw value's expression. */
  readonly typed: string
  /** First: where it does not hold, the column's other rules have no value to judge and stay silent. */
  readonly type?: Rule
  readonly others: readonly Rule[]
}

export interface RuledColumn {
  readonly name: string
  readonly type: ColumnType
  readonly input: string
  readonly contract?: MemberContract
}

/** SQL of one value on its way. */
export interface ValueNames {
  /** The input's expression. */
  readonly rawExpression: string
  /** The name that {@link ColumnRules.prepared} gets. */
  readonly prepared: string
  /** The names under which the raw and the typed value stand beside each other when the rules are evaluated. */
  readonly raw: string
  readonly typed: string
}

export function columnRules(column: RuledColumn, value: ValueNames): ColumnRules {
  const { rawExpression, raw, typed } = value
  const { name, type, input, contract } = column
  if (isNested(type)) return nestedRules({ ...column, type }, value, columnRules)
  const judged = judgeInput(type, input, rawExpression)
  const verdict = judged.verdict(raw, typed)
  const message = `is not a value of type ${typeText(type)}`
  const rule = (word: RuleName, text: string, expression: string, severity: Severity = 'error'): Rule => ({
    column: name,
    rule: word,
    severity,
    message: text,
    expression,
  })
  const others: Rule[] = []
  /** `holds` is SQL, true, false or NULL: NULL is `nullable`'s to judge. */
  const add = (word: RuleName, text: string, holds: string) =>
    others.push(rule(word, text, `coalesce(${holds}, true)`, contract?.severity))
  if (contract?.nullable === false) {
    others.push(rule('nullable', 'is NULL', `${raw} IS NOT NULL`, contract.severity))
  }
  if (contract?.min !== undefined) {
    add('min', `is less than ${contract.min}`, `${typed} >= ${ruleLiteral(type, contract.min)}`)
  }
  if (contract?.max !== undefined) {
    add('max', `is greater than ${contract.max}`, `${typed} <= ${ruleLiteral(type, contract.max)}`)
  }
  if (contract?.min_length !== undefined) {
    const { min_length: least } = contract
    add('min_length', `has fewer than ${counted(least, 'character')}`, `length(${typed}) >= ${least}`)
  }
  if (contract?.max_length !== undefined) {
    const { max_length: most } = contract
    add('max_length', `has more than ${counted(most, 'character')}`, `length(${typed}) <= ${most}`)
  }
  if (contract?.pattern !== undefined) {
    const glob = fixedGlob(contract.pattern)
    const matches =
      glob === undefined
        ? `regexp_full_match(${typed}, ${quoteLiteral(contract.pattern)})`
        : `(${typed} GLOB ${quoteLiteral(glob)})`
    add('pattern', `does not match the pattern ${contract.pattern}`, matches)
  }
  if (contract?.accepted_values !== undefined) {
    const values = contract.accepted_values.filter((value) => value !== null)
    const list = `CAST([${values.map((value) => ruleLiteral(type, value)).join(', ')}] AS ${sqlType(type)}[])`
    // Not IN: DuckDB makes a join of it, which costs a small scan more than all else.
    add('accepted_values', 'is none of the accepted values', `list_contains(${list}, ${typed})`)
  }
  return {
    typed: judged.typed,
    ...(verdict === undefined ? {} : { type: rule('type', message, verdict) }),
    others,
  }
}

/** A value, which is text of the type's grammar, as a typed SQL constant. */
export function ruleLiteral(columnType: ColumnType, value: RuleValue): string {
  const type = scalarOf(columnType)
  const text = quoteLiteral(type.type === 'timestamp_tz' ? withSeconds(String(value)) : String(value))
  if (type.type === 'string' || type.type === 'json') return text
  return type.type === 'binary' ? `unhex(${text})` : `CAST(${text} AS ${sqlType(type)})`
}

/** DuckDB knows no instant without seconds. */
function withSeconds(instant: string): string {
  return instant.replace(/^(.{16})(?=[Z+-])/, '$1:00')
}
