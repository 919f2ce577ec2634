import { ContractError } from '../errors.ts'
import type { ColumnNames } from '../manifest/types.ts'
import { checkOutputNames, columnName } from '../sources/column-names.ts'
import type { Transformers } from './types.ts'

/** The name that is meant: a column's own, or else the one of which `column_names` makes the same. Throws `ContractError`. */
export function findName(names: readonly string[], mode: ColumnNames, meant: string, where: string): string {
  if (names.includes(meant)) return meant
  const key = keyOf(meant, mode)
  const found = names.filter((name) => keyOf(name, mode) === key)
  if (found.length === 1) return found[0] as string
  if (found.length === 0) {
    throw refused(
      'TRANSFORMER_COLUMN_MISSING',
      `transformers.${where} names ${meant}, which is no column at that point; there are ${names.join(', ')}`,
      'Correct the name, or deliver the column',
    )
  }
  throw refused(
    'TRANSFORMER_COLUMN_AMBIGUOUS',
    `transformers.${where} names ${meant}, which may be ${found.join(', ')}`,
    'Write it as the source does',
  )
}

/** Two names with one key would be one column of the table. */
export function keyOf(name: string, mode: ColumnNames): string {
  return columnName(name, mode).toLowerCase()
}

/** Refuses new columns whose names others have. */
export function checkNew(names: readonly string[], made: readonly string[], mode: ColumnNames): void {
  const taken = new Map(names.map((name) => [keyOf(name, mode), name]))
  for (const name of made) {
    const other = taken.get(keyOf(name, mode))
    taken.set(keyOf(name, mode), name)
    if (other === undefined) continue
    throw refused(
      'TRANSFORMER_COLUMN_TAKEN',
      `the transformers would make a column ${name}, and there is ${other} already`,
      'Give it another name, or change the values of the one that is there',
    )
  }
}

/** A column that gets into the table, and what it is called there. */
export interface Projected {
  readonly name: string
  readonly output: string
}

/** What `select`, `drop` and `rename` leave of all columns, in the table's order. Throws `ContractError` and `TerminalError`. */
export function project(
  names: readonly string[],
  { select, drop, rename }: Pick<Transformers, 'select' | 'drop' | 'rename'>,
  mode: ColumnNames,
): readonly Projected[] {
  const find = (where: string) => (name: string) => findName(names, mode, name, where)
  const dropped = new Set(drop?.map(find('drop')))
  const kept = select?.map(find('select')) ?? names.filter((name) => !dropped.has(name))
  const renamed = new Map(
    Object.entries(rename ?? {}).map(([from, to]) => [findName(kept, mode, from, 'rename'), to]),
  )
  const projected = kept.map((name) => ({ name, output: columnName(renamed.get(name) ?? name, mode) }))
  checkOutputNames(projected.map(({ name, output }) => [name, output]))
  return projected
}

/** Nothing has been read when transformers are refused. */
export function refused(code: string, fact: string, next: string): ContractError {
  return new ContractError({ code, fact, consequence: 'Nothing was read', next })
}
