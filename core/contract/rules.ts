import { quoteLiteral } from '../engine/sql.ts'
import { judgeInput } from './typed-input.ts'
import type { ColumnContract, ColumnType, RuleName, RuleValue } from './types.ts'
import { sqlType, typeText } from './types.ts'

/** One row rule. The tree of a scan is the list of these; verdict and reasons are both read from it. */
export interface Rule {
  /** Output column; `null` for a rule over several. */
  readonly column: string | null
  readonly rule: RuleName
  /** Says the rule, never a value of the row. */
  readonly message: string
  /** SQL, true or false, never NULL. */
  readonly expression: string
}

/** The rules of one column, in the order in which they are reported. */
export interface ColumnRules {
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
  readonly contract?: ColumnContract
}

/**
 * `rawExpression` is the input's expression, `raw` and `typed` the names under which the raw and the typed
 * value stand beside each other when the rules are evaluated.
 */
export function columnRules(
  column: RuledColumn,
  {
    rawExpression,
    raw,
    typed,
  }: { readonly rawExpression: string; readonly raw: string; readonly typed: string },
): ColumnRules {
  const { name, type, input, contract } = column
  const judged = judgeInput(type, input, rawExpression)
  const verdict = judged.verdict(raw, typed)
  const message = `is not a value of type ${typeText(type)}`
  const rule = (word: RuleName, text: string, expression: string): Rule => ({
    column: name,
    rule: word,
    message: text,
    expression,
  })
  const others: Rule[] = []
  if (contract?.nullable === false) others.push(rule('nullable', 'is NULL', `${raw} IS NOT NULL`))
  if (contract?.min !== undefined) {
    const bound = ruleLiteral(type, contract.min)
    others.push(rule('min', `is less than ${contract.min}`, `coalesce(${typed} >= ${bound}, true)`))
  }
  if (contract?.max !== undefined) {
    const bound = ruleLiteral(type, contract.max)
    others.push(rule('max', `is greater than ${contract.max}`, `coalesce(${typed} <= ${bound}, true)`))
  }
  if (contract?.pattern !== undefined) {
    const matches = `regexp_full_match(${typed}, ${quoteLiteral(contract.pattern)})`
    others.push(
      rule('pattern', `does not match the pattern ${contract.pattern}`, `coalesce(${matches}, true)`),
    )
  }
  if (contract?.accepted_values !== undefined) {
    const values = contract.accepted_values.map((value) => ruleLiteral(type, value)).join(', ')
    // Not IN: DuckDB makes a join of it, which costs a small scan more than all else.
    const accepted = `coalesce(list_contains([${values}], ${typed}), true)`
    others.push(rule('accepted_values', 'is none of the accepted values', accepted))
  }
  return {
    typed: judged.typed,
    ...(verdict === undefined ? {} : { type: rule('type', message, verdict) }),
    others,
  }
}

/** A value, which is text of the type's grammar, as a typed SQL constant. */
export function ruleLiteral(type: ColumnType, value: RuleValue): string {
  const text = quoteLiteral(String(value))
  if (type.type === 'string' || type.type === 'json') return text
  return type.type === 'binary' ? `unhex(${text})` : `CAST(${text} AS ${sqlType(type)})`
}
