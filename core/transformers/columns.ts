import { type ColumnType, isNested, typeText } from '../contract/column-types.ts'
import { columnType } from '../contract/input-type.ts'
import { contractType } from '../contract/nested-contract.ts'
import type { Removal, ScanTransformerRule } from '../contract/scan-transformers.ts'
import { judgeInput } from '../contract/typed-input.ts'
import type { ColumnContract } from '../contract/types.ts'
import { type ContractError, TerminalError } from '../errors.ts'
import type { ColumnNames } from '../manifest/types.ts'
import { findName, refused } from './names.ts'

/** A column between reading and judging. */
export interface Column {
  /** As the source calls it, or the transformer that made it. */
  readonly name: string
  /** As the table calls it; absent where it does not get there. */
  readonly output?: string
  readonly contract?: ColumnContract
  /** The source's columns that it is made of. */
  readonly from: readonly string[]
  /** Whether it is a column of the source, and not made of one. */
  readonly own: boolean
  /** Name of its value in the layers. */
  readonly value: string
  /** `text`, or DuckDB's type of the value. */
  input: string
  /** `input` before a mask: the type that the column has where no contract names it. */
  declared: string
  /** Which transformers have changed it, in order. */
  readonly by: string[]
  masked: boolean
  /** Booleans that must hold besides, for the value to stand for what was read. */
  readonly needs: string[]
  /** There once a transformer has needed it. */
  view?: TypedView
}

/** A column's value as one of its type. */
export interface TypedView {
  /** Name of the value; NULL also where the raw value is none of the type. */
  readonly typed: string
  /** Names of booleans, never NULL, all true where the value stands for what was read. */
  readonly holds: readonly string[]
}

/** The pipeline as far as it has been built. */
export interface Draft {
  readonly names: ColumnNames
  readonly columns: Column[]
  /** What each SELECT says before and behind its FROM, the innermost first. */
  readonly layers: { readonly list: string; readonly where?: string }[]
  readonly rules: ScanTransformerRule[]
  readonly removes: Removal[]
  /** Names under which expressions see columns, where one has done so already. */
  readonly exposed: Set<string>
  /** What the table calls a column, and what its contract says. */
  place(name: string): Pick<Column, 'output' | 'contract'>
}

/** The layers as one SELECT over a relation. */
export function layersSql({ layers }: Draft, relation: string): string {
  return layers.reduce((inner, { list, where }, i) => {
    const from = i === 0 ? inner : `(${inner})`
    return `SELECT ${list} FROM ${from}${where === undefined ? '' : ` WHERE ${where}`}`
  }, relation)
}

/** The type that the contract gives a column, or else the source; `undefined` for one that no table can hold. */
export function typeOf({ contract, declared, name }: Column): ColumnType | undefined {
  if (contract !== undefined) return contractType(contract)
  try {
    return columnType(declared, name)
  } catch (error) {
    if (error instanceof TerminalError) return undefined
    throw error
  }
}

export function findColumn({ columns, names }: Draft, name: string, where: string): Column {
  const all = columns.map((column) => column.name)
  return columns[all.indexOf(findName(all, names, name, where))] as Column
}

/** A column that a transformer makes. That its name is free has been checked. */
export function addColumn(
  draft: Draft,
  made: {
    readonly name: string
    readonly input: string
    readonly from: readonly Column[]
    readonly by: string
  },
): Column {
  const column: Column = {
    name: made.name,
    ...draft.place(made.name),
    from: [...new Set(made.from.flatMap(({ from }) => from))],
    own: false,
    value: `_sluice_made_${draft.columns.length}`,
    input: made.input,
    declared: made.input,
    by: [made.by],
    masked: false,
    needs: [],
  }
  draft.columns.push(column)
  return column
}

/**
 * The typed value beside the raw one, under a name of its own. It is as strict as the contract: `12.7` is NULL where
 * the contract says integer, so that no transformer goes on with what the contract will refuse. Where the contract does
 * not judge that very value, because the column is masked later or does not get into the table, the rule does.
 */
export function typedView(draft: Draft, column: Column, where: string): TypedView {
  column.view ??= makeView(draft, column, where)
  return column.view
}

function makeView(draft: Draft, column: Column, where: string): TypedView {
  const type = typeOf(column)
  if (type === undefined) throw wrongType(column, where, 'no column of a table can have its type')
  if (isNested(type)) throw wrongType(column, where, 'it is for columns of single values')
  const { typed: sql, verdict } = judgeInput(type, column.input, column.value)
  const { needs } = column
  const number = draft.layers.length
  const typed = `_sluice_typed_${number}`
  const holds = verdict(column.value, typed)
  if (sql === column.value && holds === undefined) return { typed: column.value, holds: needs }
  draft.layers.push({ list: `*, ${sql} AS ${typed}` })
  if (holds === undefined) return { typed, holds: needs }
  const held = `_sluice_holds_${number}`
  draft.layers.push({ list: `* REPLACE (CASE WHEN ${holds} THEN ${typed} END AS ${typed})` })
  draft.layers.push({ list: `*, (${typed} IS NOT NULL OR ${column.value} IS NULL) AS ${held}` })
  const message = `is not a value of type ${typeText(type)}`
  draft.rules.push({ column: column.output ?? column.name, rule: 'type', message, holds: held })
  return { typed, holds: [...needs, held] }
}

export function wrongType(column: Column, where: string, why: string): ContractError {
  const type = typeOf(column)
  const what = type === undefined ? column.input : typeText(type)
  return refused(
    'TRANSFORMER_COLUMN_TYPE',
    `transformers.${where} cannot take column ${column.name} (${what}): ${why}`,
    'Give the column another type in the contract, or take it out of the rule',
  )
}
