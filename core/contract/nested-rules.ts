import { type NestedType, typeText } from './column-types.ts'
import type { Place } from './nested-place.ts'
import { nestedPlace } from './nested-typed.ts'
import type { ColumnRules, columnRules, Rule, RuledColumn, ValueNames } from './rules.ts'
import type { MemberContract } from './types.ts'

/**
 * The rules of a nested column, one a place and rule: a rule of an item holds where it holds for every item. A reason
 * names the place (`items[].price`) and neither index, key nor value. Rules stay silent about a place that is not of its type,
 * since there is no value in it. `scalarRules` gives the rules of a scalar over its raw and its typed value.
 */
export function nestedRules(
  column: RuledColumn & { readonly type: NestedType },
  { rawExpression, prepared, typed }: Pick<ValueNames, 'rawExpression' | 'prepared' | 'typed'>,
  scalarRules: typeof columnRules,
): ColumnRules {
  const root = nestedPlace(column.type, column.input)
  const others: Rule[] = []
  const visit = (place: Place, path: string, contract: MemberContract | undefined, all: All) => {
    const rulesOf = (form: string) => placeRules(place, path, contract, form, scalarRules)
    for (const [i, rule] of rulesOf('').entries())
      others.push({ ...rule, expression: all((form) => (rulesOf(form)[i] as Rule).expression) })
    for (const part of place.parts) {
      const under = typeof part.key === 'string' ? contract?.[part.key] : contract?.fields?.[part.key.member]
      visit(part.place, part.path(path), under, (holds) => all((form) => part.all(form, holds)))
    }
  }
  visit(root, column.name, column.contract, (holds) => holds(typed))
  if (root.prepared === undefined) return { typed: root.form(rawExpression), others }
  return { prepared: root.prepared(rawExpression), typed: root.form(prepared), others }
}

/** Of every form of a place, seen from the column. */
type All = (holds: (form: string) => string) => string

function placeRules(
  place: Place,
  path: string,
  contract: MemberContract | undefined,
  form: string,
  scalarRules: typeof columnRules,
): Rule[] {
  const verdict = place.verdict(form)
  const message = place.message ?? `is not a value of type ${typeText(place.type)}`
  const type: Rule[] =
    verdict === undefined
      ? []
      : [{ column: path, rule: 'type', severity: 'error', message, expression: verdict }]
  if (place.leaf !== undefined) {
    const { input, raw, typed } = place.leaf
    const column = { name: path, type: place.type, input, ...(contract === undefined ? {} : { contract }) }
    const names = { rawExpression: raw(form), prepared: '', raw: raw(form), typed: typed(form) }
    return [...type, ...scalarRules(column, names).others]
  }
  if (contract?.nullable !== false) return type
  const expression = `NOT ${place.isNull(form)}`
  const severity = contract.severity ?? 'error'
  return [...type, { column: path, rule: 'nullable', severity, message: 'is NULL', expression }]
}
