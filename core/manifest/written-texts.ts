import { sqlType } from '../contract/lake-types.ts'
import { columnTypeProblem, contractType } from '../contract/nested-contract.ts'
import { patternHint, patternsOf } from '../contract/patterns.ts'
import type { RowColumn } from '../contract/row-expression.ts'
import type { ColumnContract } from '../contract/types.ts'
import type { WrittenText } from '../contract/written.ts'
import { TerminalError } from '../errors.ts'
import { loadRelation, renderCheckSql } from '../planning/check-refs.ts'
import { refTables, renderTransformSql } from '../planning/refs.ts'
import { columnName } from '../sources/column-names.ts'
import type { Path } from './located.ts'
import type { Draft } from './rules.ts'

/** A text of a dataflow that only the engine can read, and where it stands. */
export interface PlacedText {
  readonly path: Path
  readonly written: WrittenText
  readonly hint: string
}

/** Says of each text why it cannot be run, or nothing (core/contract/written.ts). */
export type JudgeTexts = (texts: readonly WrittenText[]) => Promise<readonly (string | undefined)[]>

/** References that are none are other rules' to report; a SQL with one is left out. */
export function writtenTexts(draft: Draft): PlacedText[] {
  return [...patterns(draft), ...expressions(draft), ...selects(draft)]
}

function patterns({ contract, transformers }: Draft): PlacedText[] {
  const columns = (contract?.columns ?? {}) as Readonly<Record<string, ColumnContract>>
  const own = patternsOf({ columns }).map(({ path, pattern }) => ({ path: ['contract', ...path], pattern }))
  const replaced = (transformers?.values ?? []).flatMap((rule, i) =>
    rule.operation === 'regex_replace' && rule.pattern !== undefined
      ? [{ path: ['transformers', 'values', i, 'pattern'], pattern: rule.pattern }]
      : [],
  )
  return [...own, ...replaced].map(({ path, pattern }) => ({
    path,
    written: { kind: 'pattern', text: pattern },
    hint: patternHint,
  }))
}

/** What the contract judges is of its types; what transformers read is not yet. */
function expressions({ contract, transformers, column_names }: Draft): PlacedText[] {
  const columns = knownColumns(contract?.columns ?? {}, column_names)
  const place = (path: Path, text: string | undefined, isTyped: boolean, isCondition: boolean) => {
    if (text === undefined) return []
    const page = isTyped ? 'contracts' : 'transformers'
    const hint = `Write one SQL expression over the row; docs/${page}.md says what it may be`
    return [{ path, written: { kind: 'expression', text, columns, isTyped, isCondition } as const, hint }]
  }
  return [
    ...(contract?.rules ?? []).flatMap(({ expr }, i) =>
      place(['contract', 'rules', i, 'expr'], expr, true, true),
    ),
    ...(transformers?.computed ?? []).flatMap(({ expr }, i) =>
      place(['transformers', 'computed', i, 'expr'], expr, false, false),
    ),
    ...place(['transformers', 'filter'], transformers?.filter, false, true),
  ]
}

/** Without the way of naming columns nothing is known of them. */
function knownColumns(
  columns: NonNullable<NonNullable<Draft['contract']>['columns']>,
  names: Draft['column_names'],
): RowColumn[] {
  if (names === undefined) return []
  return Object.entries(columns).flatMap(([name, draft]) => {
    const column = draft as ColumnContract | undefined
    if (column?.type === undefined || columnTypeProblem(column) !== undefined) return []
    return [{ name: columnName(name, names), type: sqlType(contractType(column)) }]
  })
}

function selects({ contract, transform }: Draft): PlacedText[] {
  const checks = (contract?.checks ?? []).flatMap(({ sql }, i): PlacedText[] => {
    if (sql === undefined) return []
    const rendered = rendering(() => renderCheckSql(sql))
    if (rendered === undefined) return []
    const relations = [loadRelation, ...rendered.tables.map(({ name }) => name)]
    const hint = 'Write one SELECT over {{ load }} and ref() tables whose rows are the violations'
    const path = ['contract', 'checks', i, 'sql']
    return [{ path, written: { kind: 'check', text: rendered.sql, relations }, hint }]
  })
  const sql = transform?.sql
  if (sql === undefined) return checks
  const tables = refTables(sql)
  const relationOf = (table: string) => `ref_${tables.indexOf(table)}_${table.replace('.', '_')}`
  const text = rendering(() => renderTransformSql(sql, relationOf))
  if (text === undefined) return checks
  const hint = 'Write one SELECT over ref() relations and CTEs'
  const written = { kind: 'transform', text, relations: tables.map(relationOf) } as const
  return [...checks, { path: ['transform', 'sql'], written, hint }]
}

function rendering<T>(render: () => T): T | undefined {
  try {
    return render()
  } catch (error) {
    if (error instanceof TerminalError && error.code === 'TRANSFORM_REF_INVALID') return undefined
    throw error
  }
}
