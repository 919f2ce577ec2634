import { TerminalError } from '../errors.ts'
import type { ColumnNames } from '../manifest/types.ts'

/** The table's own columns begin so; sources may not. */
export const reservedPrefix = '_sluice_'

/** Of a file of corrected rows: which rejected row each is. It is never loaded. */
export const rowIdColumn = `${reservedPrefix}row_id`

/**
 * The table's name for an input column, as DataCoolie makes it: ASCII letters and digits, everything else
 * `_`, none at the ends, `_` before a leading digit; `snake` sets `_` at case boundaries first. A name that
 * begins with `_` stays as it is, and so does one of which nothing would be left.
 */
export function columnName(name: string, mode: ColumnNames): string {
  if (name.startsWith('_')) return name
  const split =
    mode === 'snake'
      ? name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
      : name
  const lower = split
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
  if (lower === '') return name
  return /^[0-9]/.test(lower) ? `_${lower}` : lower
}

/** Input name → table name. Two columns with one name, and reserved names, are refused. */
export function columnNames(names: readonly string[], mode: ColumnNames): Map<string, string> {
  const result = new Map(names.map((name) => [name, columnName(name, mode)]))
  checkOutputNames([...result])
  return result
}

/** Pairs of a column's own name and the table's: `COLUMN_RESERVED`, and `COLUMN_COLLISION` for two that are one. */
export function checkOutputNames(pairs: readonly (readonly [name: string, output: string])[]): void {
  refuseReserved(pairs.flatMap(([name, output]) => (isReserved(output) ? [name] : [])))
  const groups = Map.groupBy(pairs, ([, target]) => target.toLowerCase())
  for (const [target, group] of groups) {
    if (group.length > 1) {
      throw refused(
        'COLUMN_COLLISION',
        `columns ${list(group.map(([name]) => name))} would all be called ${target}`,
      )
    }
  }
}

export function isReserved(name: string): boolean {
  return name.toLowerCase().startsWith(reservedPrefix)
}

/** Of the columns that a source has, those that could be taken for Sluice's own. */
export function refuseReserved(reserved: readonly string[]): void {
  if (reserved.length === 0) return
  throw refused(
    'COLUMN_RESERVED',
    `column ${list(reserved)} begins with ${reservedPrefix}, which Sluice keeps for its own columns`,
  )
}

function list(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(', ')
}

function refused(code: string, fact: string): TerminalError {
  return new TerminalError({
    code,
    fact,
    consequence: 'Nothing was written',
    next: 'Rename the column in the source, or select it under another name in a transform',
  })
}
