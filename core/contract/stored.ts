import type { Rule } from './rules.ts'
import { judgeInput } from './typed-input.ts'
import type { ColumnType } from './types.ts'
import { sqlType, typeText } from './types.ts'

/**
 * The last step of a column that the table keeps as another type than the contract judges: `typed` names the judged
 * value. What is written is that value as the table's type; a value that does not survive the way there and back
 * breaks the rule. `rule` is absent where every value survives.
 */
export function storedColumn(
  column: { readonly name: string; readonly type: ColumnType; readonly stored?: ColumnType },
  typed: string,
): { readonly value: string; readonly rule?: Rule } {
  const { name, type, stored } = column
  if (stored === undefined) return { value: typed }
  const judged = judgeInput(stored, sqlType(type), typed)
  const expression = judged.verdict(typed, `(${judged.typed})`)
  if (expression === undefined) return { value: judged.typed }
  const message = `does not fit the table's type ${typeText(stored)}`
  return {
    value: judged.typed,
    rule: { column: name, rule: 'narrowing', severity: 'error', message, expression },
  }
}
