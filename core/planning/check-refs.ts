import type { CheckSpec } from '../contract/checks.ts'

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

/** In the order of the checks. */
export function checkReads(checks: readonly CheckSpec[] | undefined): readonly CheckRead[] {
  return (checks ?? []).flatMap(({ references }, i): CheckRead[] => {
    if (references === undefined) return []
    const { table } = references
    return [{ table, path: ['contract', 'checks', i, 'references', 'table'], text: `table: ${table}` }]
  })
}

/** Each table once, in the order of its first mention. */
export function checkTables(checks: readonly CheckSpec[] | undefined): readonly string[] {
  return [...new Set(checkReads(checks).map(({ table }) => table))]
}
