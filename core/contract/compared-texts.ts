import type { Engine } from '../engine/engine.ts'
import { quoteLiteral } from '../engine/sql.ts'
import { type Tree, walkTree } from './parse-tree.ts'
import type { RowColumn } from './row-expression.ts'

/** A column that is no text, and a text that the engine would cast to its type in every row. */
interface Compared {
  readonly column: RowColumn
  readonly text: string
}

/**
 * Says where an expression compares a column with a text that is none of its type: the cast fails in every row, so that
 * none would keep the rule. Binding does not tell, and of `d > '2024-13-01'` a reader hardly would.
 */
export async function comparedTextProblem(
  engine: Engine,
  tree: Tree,
  columns: readonly RowColumn[],
): Promise<string | undefined> {
  const compared = comparedTexts(tree, columns)
  if (compared.length === 0) return undefined
  const casts = compared.map(
    ({ column, text }) => `TRY_CAST(${quoteLiteral(text)} AS ${column.type}) IS NULL`,
  )
  const [row] = await engine.rows<{ fails: boolean[] }>(`SELECT [${casts.join(', ')}] AS fails`)
  const wrong = compared.find((_, i) => row!.fails[i] === true)
  if (wrong === undefined) return undefined
  const { column, text } = wrong
  return `it compares ${column.name}, which is of type ${column.type}, with ${quoteLiteral(text)}, which is no value of it`
}

function comparedTexts(tree: Tree, columns: readonly RowColumn[]): Compared[] {
  const found: Compared[] = []
  walkTree(tree, undefined, (node) => {
    const operands = operandsOf(node)
    const texts = operands.flatMap((operand) => textOf(operand) ?? [])
    for (const column of operands.flatMap((operand) => columnOf(operand, columns) ?? []))
      found.push(...texts.map((text) => ({ column, text })))
    return undefined
  })
  return found
}

function operandsOf(node: Tree): readonly Tree[] {
  const { left, right, input, lower, upper, children } = node
  if (node.class === 'COMPARISON') return [left, right] as Tree[]
  if (node.class === 'BETWEEN') return [input, lower, upper] as Tree[]
  return node.type === 'COMPARE_IN' || node.type === 'COMPARE_NOT_IN' ? (children as Tree[]) : []
}

function textOf({ class: kind, value }: Tree): string | undefined {
  const constant = value as { readonly type: { readonly id: string }; readonly value?: unknown } | undefined
  return kind === 'CONSTANT' && constant?.type.id === 'VARCHAR' ? String(constant.value ?? '') : undefined
}

/** No member of a struct, no text, and nothing nested. */
function columnOf(node: Tree, columns: readonly RowColumn[]): RowColumn | undefined {
  const path = (node.column_names ?? []) as readonly string[]
  if (node.class !== 'COLUMN_REF' || path.length !== 1) return undefined
  const column = columns.find(({ name }) => name.toLowerCase() === path[0]!.toLowerCase())
  return column === undefined || /^(VARCHAR|STRUCT|MAP)\b|\]$/.test(column.type) ? undefined : column
}
