import { isNested, scalarOf, typeText } from './column-types.ts'
import { sqlType } from './lake-types.ts'
import { nestedPlace } from './nested-typed.ts'
import type { Rule } from './rules.ts'
import type { ScanColumn } from './scan.ts'
import { judgeInput } from './typed-input.ts'

/**
 * The last step of a column that the table keeps as another type than the contract judges: `typed` names the judged
 * value. What is written is that value as the table's type; a value that does not survive the way there and back
 * breaks the rule. `rule` is absent where every value survives. Of a nested column `typed` names the form in which it
 * was judged (see {@link nestedPlace}), and the value comes out of it.
 */
export function storedColumn(
  column: Pick<ScanColumn, 'name' | 'type' | 'input' | 'stored'>,
  typed: string,
): { readonly value: string; readonly rule?: Rule } {
  const { name, type, input, stored } = column
  if (isNested(type)) return { value: nestedPlace(type, input).value(typed) }
  if (stored === undefined) return { value: typed }
  const judged = judgeInput(scalarOf(stored), sqlType(type), typed)
  const expression = judged.verdict(typed, `(${judged.typed})`)
  if (expression === undefined) return { value: judged.typed }
  const message = `does not fit the table's type ${typeText(stored)}`
  return {
    value: judged.typed,
    rule: { column: name, rule: 'narrowing', severity: 'error', message, expression },
  }
}
