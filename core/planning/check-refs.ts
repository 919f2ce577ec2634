import type { CheckSpec } from '../contract/checks.ts'
import { parseRefs, type RefMistake, renderTransformSql } from './refs.ts'

/** A table that a check of a contract looks into. */
export interface CheckRead {
  readonly table: string
  /** Inside of the dataflow. */
  readonly path: readonly (string | number)[]
  /** In the text at `path`, from 1; absent where the text is the table. */
  readonly at?: { readonly line: number; readonly column: number }
  /** As the manifest has it. */
  readonly text: string
}

export interface CheckMistake extends RefMistake {
  readonly path: CheckRead['path']
}

/** In the order of the checks. */
export function checkReads(checks: readonly CheckSpec[] | undefined): {
  readonly reads: readonly CheckRead[]
  readonly mistakes: readonly CheckMistake[]
} {
  const reads: CheckRead[] = []
  const mistakes: CheckMistake[] = []
  for (const [i, { references, sql, row_count_reconciliation }] of (checks ?? []).entries()) {
    const path = ['contract', 'checks', i]
    if (references !== undefined) {
      const { table } = references
      reads.push({ table, path: [...path, 'references', 'table'], text: `table: ${table}` })
    }
    const counted = row_count_reconciliation?.against.table
    if (counted !== undefined) {
      const keys = ['row_count_reconciliation', 'against', 'table']
      reads.push({ table: counted, path: [...path, ...keys], text: `table: ${counted}` })
    }
    if (sql === undefined) continue
    const parsed = parseRefs(withLoad(sql))
    for (const { table, line, column } of parsed.refs)
      reads.push({ table, path: [...path, 'sql'], at: { line, column }, text: `ref('${table}')` })
    for (const mistake of parsed.mistakes)
      mistakes.push({
        ...mistake,
        hint: mistake.hint.replace('Write {{', 'Write {{ load }} or {{'),
        path: [...path, 'sql'],
      })
  }
  return { reads, mistakes }
}

/** Each table once, in the order of its first mention. */
export function checkTables(checks: readonly CheckSpec[] | undefined): readonly string[] {
  return [...new Set(checkReads(checks).reads.map(({ table }) => table))]
}

/** The accepted rows of the load, in the SQL of a check that is rendered. */
export const loadRelation = '_load_'

const loadCall = /\{\{(\s*)load(\s*)\}\}/g

/** As long as the text was, so that the positions of what follows stay. */
function withLoad(sql: string): string {
  return sql.replaceAll(loadCall, (_, before: string, after: string) => `"${loadRelation}"${before}${after}`)
}

/** Whether the SQL is about the load at all. */
export function readsLoad(sql: string): boolean {
  return withLoad(sql) !== sql
}

/**
 * The SQL of a check with plain names for its relations, and the tables behind them; {@link loadRelation} is the load.
 * Throws what `renderTransformSql` throws.
 */
export function renderCheckSql(sql: string): {
  readonly sql: string
  readonly tables: readonly { readonly name: string; readonly table: string }[]
} {
  const text = withLoad(sql)
  const names = [...new Set(parseRefs(text).refs.map((ref) => ref.table))]
  const tables = names.map((table, i) => ({ name: `ref_${i}_${table.replace('.', '_')}`, table }))
  const byTable = new Map(tables.map(({ name, table }) => [table, name]))
  return { sql: renderTransformSql(text, (table) => byTable.get(table)), tables }
}
