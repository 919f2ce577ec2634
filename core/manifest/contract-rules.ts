import { checkContract } from '../contract/check-contract.ts'
import { nestedTypeNames } from '../contract/column-types.ts'
import type { ColumnContract, ContractSpec } from '../contract/types.ts'
import { ringsOf } from '../sinks/swapped-columns.ts'
import { columnName, isReserved, reservedPrefix } from '../sources/column-names.ts'
import type { Draft, Report } from './rules.ts'

/** What core/contract says of each column and each rule, at its place. A column without a type is the schema's to report. */
export function checkColumns(contract: Draft['contract'], report: Report): void {
  const { enforcement = 'strict', columns = {}, rules = [] } = contract ?? {}
  const specs: ContractSpec[] = Object.entries(columns).flatMap(([name, column]) =>
    isTyped(column) ? [{ enforcement, columns: { [name]: column as ColumnContract } }] : [],
  )
  for (const spec of [...specs, { enforcement, columns: {}, rules }]) {
    for (const { path, message, hint } of checkContract(spec)) report(['contract', ...path], message, hint)
  }
}

/** Whether the column and all that is nested in it have a type. */
function isTyped(column: DraftColumn | undefined): boolean {
  if (column?.type === undefined) return false
  const { items, fields, keys, values } = column
  const members = [items, keys, values, ...Object.values(fields ?? {})]
  return members.every((member) => member === undefined || isTyped(member))
}

type DraftColumn = NonNullable<NonNullable<NonNullable<Draft['contract']>['columns']>[string]>

/** The rules for which columns must be told apart by the name that they get in the table. */
export function checkColumnNames(draft: Draft, report: Report): void {
  const { column_names } = draft
  if (column_names === undefined) return
  const typed = new Map<string, string>()
  for (const name of Object.keys(draft.contract?.columns ?? {})) {
    const output = columnName(name, column_names)
    if (isReserved(output)) {
      const message = `\`${name}\` begins with ${reservedPrefix}, which Sluice keeps for its own columns`
      report(['contract', 'columns', name], message, 'No source may have it: take it out')
    }
    const other = typed.get(output)
    typed.set(output, name)
    if (other === undefined) continue
    const message = `\`${other}\` and \`${name}\` are both column \`${output}\` of the table`
    report(['contract', 'columns', name], message, 'Keep one of the two')
  }
  checkRenames(draft, report)
  checkNestedWatermarks(draft, typed, report)
  checkWatermarkTypes(draft, new Set(typed.keys()), report)
}

/** One column of the table becomes one column of the contract, and not one that stays; columns may swap their names. */
function checkRenames(draft: Draft, report: Report): void {
  const columns = Object.entries(draft.contract?.columns ?? {})
  const tableName = (name: string) => columnName(name, draft.column_names ?? 'lower')
  const names = new Set(columns.map(([name]) => tableName(name)))
  const renames = columns.map(([name, column]) => ({ name: tableName(name), ...renameOf(column) }))
  const swapped = new Set(ringsOf(renames).flat())
  const taken = new Map<string, string>()
  for (const [name, column] of columns) {
    const from = column?.rename_from
    if (from === undefined) continue
    const path = ['contract', 'columns', name, 'rename_from']
    const other = taken.get(from)
    taken.set(from, name)
    if (swapped.has(tableName(name))) {
      checkSwap(draft, name, tableName, (message, hint) => report(path, message, hint))
    } else if (names.has(from)) {
      report(path, `\`${from}\` is a column of this contract itself`, 'Take one of the two out')
    } else if (other !== undefined) {
      report(path, `\`${other}\` is renamed from \`${from}\`, too`, 'A column becomes one column')
    }
  }
}

function renameOf(column: DraftColumn | undefined): { readonly rename_from?: string } {
  return column?.rename_from === undefined ? {} : { rename_from: column.rename_from }
}

/** What goes by a column's name elsewhere would go on with another column's values. */
function checkSwap(
  { source, transform, contract }: Draft,
  name: string,
  tableName: (name: string) => string,
  report: (message: string, hint: string) => void,
): void {
  const marks = (source ?? transform)?.watermark_columns ?? []
  if (marks.some((mark) => mark !== undefined && tableName(mark) === tableName(name)))
    report(
      `watermark column \`${name}\` swaps its name, and what is new would be told by the values of another column`,
      'Give it a name that no column has',
    )
  else if (contract?.conflict_policy === 'variant_column')
    report(
      `\`${name}\` swaps its name, and its variant column would go on with the texts of another column`,
      'Give it a name that no column has',
    )
}

/** `typed`: the contract's columns by the name that they get. */
function checkNestedWatermarks(
  { source, transform, contract, column_names }: Draft,
  typed: ReadonlyMap<string, string>,
  report: Report,
): void {
  const key = source === undefined ? 'transform' : 'source'
  for (const [index, column] of ((source ?? transform)?.watermark_columns ?? []).entries()) {
    const name = typed.get(columnName(column, column_names ?? 'lower'))
    const type = name === undefined ? undefined : contract?.columns?.[name]?.type
    if (type === undefined || !nestedTypeNames.includes(type)) continue
    const message = `watermark column \`${column}\` is a ${type}, which has no order`
    report([key, 'watermark_columns', index], message, 'Load by a column of single values')
  }
}

/** Files of text have no types: a watermark would silently be compared as text, and every row after 9 be lost. */
function checkWatermarkTypes(
  { source, sink, column_names }: Draft,
  typed: ReadonlySet<string>,
  report: Report,
) {
  if (source?.format === undefined || source.format === 'parquet' || sink?.load_type !== 'append') return
  for (const [index, column] of (source.watermark_columns ?? []).entries()) {
    if (typed.has(columnName(column, column_names ?? 'lower'))) continue
    const message = `watermark column \`${column}\` has no type in the contract, and in a ${source.format} file all is text, where 10 comes before 9`
    const hint = 'Add it to contract.columns (type: string where the order of texts is meant)'
    report(['source', 'watermark_columns', index], message, hint)
  }
}
