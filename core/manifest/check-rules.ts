import { type CheckSpec, checkColumns, checkKinds, freshnessMistake } from '../contract/checks.ts'
import { nestedTypeNames } from '../contract/column-types.ts'
import type { ColumnContract } from '../contract/types.ts'
import { readsLoad } from '../planning/check-refs.ts'
import { columnName } from '../sources/column-names.ts'
import { checkReconciliation } from './reconciliation-rules.ts'
import type { Draft, Report } from './rules.ts'

/** The rules across the keys of a contract's checks. */
export function checkChecks(draft: Draft, report: Report): void {
  const names = new Set<string>()
  for (const [i, check] of (draft.contract?.checks ?? []).entries()) {
    const path = ['contract', 'checks', i]
    if (names.has(check.name)) {
      report([...path, 'name'], `there is a check \`${check.name}\` before`, 'Choose another name')
    }
    names.add(check.name)
    const kinds = checkKinds.filter((kind) => check[kind] !== undefined)
    if (kinds.length === 0) {
      report(path, `check \`${check.name}\` checks nothing`, `Add one of ${checkKinds.join(', ')}`)
    }
    for (const kind of kinds.slice(1)) {
      const message = `check \`${check.name}\` has \`${kinds[0]}\` and \`${kind}\``
      report([...path, kind], message, 'A check has one kind: make it two checks')
    }
    const within: Report = (inside, message, hint) => report([...path, ...inside], message, hint)
    checkRange(check, within)
    checkTwice(check, draft, within)
    checkPairs(check, within)
    checkAboutLoad(check, within)
    checkNested(check, draft, within)
    checkReconciliation(check, draft, within)
    checkFreshness(check, draft, within)
  }
}

function checkRange({ row_count }: CheckSpec, report: Report): void {
  if (row_count === undefined) return
  const { min, max } = row_count
  if (min === undefined && max === undefined) {
    report(['row_count'], '`row_count` has neither `min` nor `max`', 'Give it one of them')
  } else if (min !== undefined && max !== undefined && min > max) {
    report(['row_count', 'min'], `min ${min} is greater than max ${max}`, 'No load would pass: swap them')
  }
}

/** Whether the source has the column only gate 2 can tell; two spellings of one column are a mistake here. */
function checkTwice({ unique, references }: CheckSpec, { column_names = 'lower' }: Draft, report: Report) {
  const lists = { unique: ['unique'], columns: ['references', 'columns'], to: ['references', 'to'] }
  const columns = { unique, columns: references?.columns, to: references?.to }
  for (const key of ['unique', 'columns', 'to'] as const) {
    const list = columns[key] ?? []
    const names = key === 'to' ? list : list.map((column) => columnName(column, column_names))
    for (const [i, name] of names.entries()) {
      if (names.indexOf(name) < i)
        report([...lists[key], i], `\`${list[i]}\` is named twice`, 'Remove one of the two')
    }
  }
}

function checkAboutLoad({ sql }: CheckSpec, report: Report): void {
  if (sql === undefined || readsLoad(sql)) return
  report(
    ['sql'],
    'the SQL does not read `{{ load }}`',
    'Without the rows of the load it checks nothing of it',
  )
}

function checkPairs({ references }: CheckSpec, report: Report): void {
  if (references === undefined || references.columns.length === references.to.length) return
  const { columns, to } = references
  const message = `\`columns\` has ${columns.length} and \`to\` has ${to.length}`
  report(['references', 'to'], message, 'Name one column of the table for each column of the load')
}

const nestedPaths = [
  ['unique', 'unique'],
  ['max_null_ratio', 'max_null_ratio', 'column'],
  ['references', 'references', 'columns'],
] as const

/** Checks of columns compare and count single values. */
function checkNested(check: CheckSpec, { contract, column_names = 'lower' }: Draft, report: Report): void {
  if (check.freshness !== undefined) return
  for (const column of checkColumns(check)) {
    const wanted = columnName(column, column_names)
    const [, found] =
      Object.entries(contract?.columns ?? {}).find(([name]) => columnName(name, column_names) === wanted) ??
      []
    if (found?.type === undefined || !nestedTypeNames.includes(found.type)) continue
    const [, ...path] = nestedPaths.find(([kind]) => check[kind] !== undefined) ?? ['']
    report(path, `\`${column}\` is a ${found.type}, and checks are of single values`, 'Name another column')
  }
}

/** Files of text have no types, and a text has no age. */
function checkFreshness({ freshness }: CheckSpec, draft: Draft, report: Report): void {
  if (freshness === undefined) return
  const { column_names = 'lower', contract, source } = draft
  const wanted = columnName(freshness.column, column_names)
  const entry = Object.entries(contract?.columns ?? {}).find(
    ([name]) => columnName(name, column_names) === wanted,
  )
  const path = ['freshness', 'column']
  const column = entry?.[1] as ColumnContract | undefined
  if (column === undefined) {
    if (source?.format === undefined || source.format === 'parquet') return
    const message = `\`${freshness.column}\` has no type in the contract, and in a ${source.format} file all is text`
    report(path, message, 'Add it to contract.columns as date, timestamp or timestamp_tz')
  } else if (column.type !== undefined) {
    const message = freshnessMistake(column)
    if (message !== undefined) report(path, message, 'Name a column of one of these types')
  }
}
