import { sqlType } from '../contract/lake-types.ts'
import { checkRowExpression } from '../contract/row-expression.ts'
import { notTrueOrFalse } from '../contract/row-rules.ts'
import type { Engine } from '../engine/engine.ts'
import { quoteIdentifier } from '../engine/sql.ts'
import { ContractError, ManifestError } from '../errors.ts'
import { columnName } from '../sources/column-names.ts'
import { addColumn, type Column, type Draft, typedView, typeOf } from './columns.ts'
import { keyOf } from './names.ts'
import type { ComputedColumn } from './types.ts'

/** An expression whose columns have been found. */
interface Bound {
  readonly type: string
  readonly from: readonly Column[]
  /** Name of a struct with the value `v`; NULL where the expression fails for the row. */
  readonly tried: string
  /** What must hold for the value to stand for what was read. */
  readonly holds: readonly string[]
}

/** Each sees the columns before it, typed, as the table would call them if none were renamed. */
export async function addComputed(
  draft: Draft,
  engine: Engine,
  computed: readonly ComputedColumn[],
): Promise<void> {
  for (const { name, expr } of computed) {
    const { type, from, tried, holds } = await bind(draft, engine, expr, `computed (${name})`)
    const held = `_sluice_computed_${draft.layers.length}`
    const column = addColumn(draft, { name, input: type, from, by: 'computed' })
    column.needs.push(...holds, held)
    draft.layers.push({ list: `*, ${tried}.v AS ${column.value}, (${tried} IS NOT NULL) AS ${held}` })
    const message = 'cannot be computed: its expression fails for the row'
    draft.rules.push({ column: column.output ?? name, rule: 'type', message, holds: held })
  }
}

/**
 * Rows for which the filter is not true leave; one that has no value of the type that the filter takes it for is the
 * contract's to reject, and one for which the filter fails is rejected for that.
 */
export async function addFilter(draft: Draft, engine: Engine, expr: string): Promise<void> {
  const { type, tried, holds } = await bind(draft, engine, expr, 'filter')
  const problem = notTrueOrFalse({ type })
  if (problem !== undefined) throw invalid('filter', problem)
  const held = '_sluice_filter_holds'
  const when = '_sluice_filtered'
  const judged = [...holds, `${tried} IS NOT NULL`].join(' AND ')
  draft.layers.push({
    list: `*, (${judged} AND NOT coalesce(${tried}.v, false)) AS ${when}, (${tried} IS NOT NULL) AS ${held}`,
  })
  draft.removes.push({ why: 'filtered', when })
  const message = 'cannot be filtered: the expression fails for the row'
  draft.rules.push({ column: null, rule: 'filter', message, holds: held })
}

async function bind(draft: Draft, engine: Engine, expr: string, where: string): Promise<Bound> {
  const scope = scopeOf(draft)
  const known = [...scope].map(([name, column]) => ({ name, type: sqlType(typeOf(column)!) }))
  const checked = await check(engine, expr, known, where)
  const from = checked.columns.map((name) => scope.get(name) as Column)
  const views = from.map((column) => typedView(draft, column, where))
  const shown = checked.columns.flatMap((name, i) =>
    draft.exposed.has(name) ? [] : [`${views[i]!.typed} AS ${quoteIdentifier(name)}`],
  )
  for (const name of checked.columns) draft.exposed.add(name)
  if (shown.length > 0) draft.layers.push({ list: ['*', ...shown].join(', ') })
  const tried = `_sluice_tried_${draft.layers.length}`
  // A struct, because TRY alone makes the same NULL of a failure and of a value.
  draft.layers.push({ list: `*, TRY({'v': ${checked.sql}}) AS ${tried}` })
  return { type: checked.type, from, tried, holds: [...new Set(views.flatMap(({ holds }) => holds))] }
}

/** Columns by the name that an expression uses: those with a type, and none that could be meant for another. */
function scopeOf({ columns, names }: Draft): Map<string, Column> {
  const byKey = Map.groupBy(columns, ({ name }) => keyOf(name, names))
  const alone = [...byKey.values()].flatMap((group) => (group.length === 1 ? group : []))
  return new Map(
    alone
      .filter((column) => typeOf(column) !== undefined)
      .map((column) => [columnName(column.name, names), column]),
  )
}

async function check(
  engine: Engine,
  expr: string,
  columns: Parameters<typeof checkRowExpression>[2],
  where: string,
) {
  try {
    return await checkRowExpression(engine, expr, columns)
  } catch (error) {
    if (error instanceof ManifestError) throw invalid(where, String(error.details.why), error)
    throw error
  }
}

function invalid(where: string, why: string, cause?: unknown): ContractError {
  return new ContractError({
    code: 'TRANSFORMER_EXPRESSION_INVALID',
    fact: `transformers.${where} cannot be computed: ${why}`,
    consequence: 'Nothing was read',
    next: 'Correct the expression: docs/transformers.md says what it may be',
    ...(cause === undefined ? {} : { cause }),
  })
}
