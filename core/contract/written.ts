import type { Engine } from '../engine/engine.ts'
import { ManifestError } from '../errors.ts'
import { parseCheckSql } from './check-sql.ts'
import { patternError } from './patterns.ts'
import { checkRowExpression, clockProblem, parseRowExpression, type RowColumn } from './row-expression.ts'
import { notTrueOrFalse } from './row-rules.ts'
import { checkTransformSql } from './transform-sql.ts'

/** What a manifest writes for the engine to read, before anything of a load is known. */
export type WrittenText =
  | { readonly kind: 'pattern'; readonly text: string }
  | WrittenExpression
  /** One SELECT; references have become the names of `relations`. */
  | { readonly kind: 'transform' | 'check'; readonly text: string; readonly relations: readonly string[] }

export interface WrittenExpression {
  readonly kind: 'expression'
  readonly text: string
  /** Those that the contract names. A load may have others, too. */
  readonly columns: readonly RowColumn[]
  /** Whether the columns have these types where the expression is asked. */
  readonly isTyped: boolean
  /** Whether it must be true or false. */
  readonly isCondition: boolean
}

/**
 * Why a text cannot be run on any load, or `undefined`. An expression is bound where every column that it names is known;
 * gate 2 binds all of them to the columns that are there. Nothing is run.
 */
export async function writtenProblem(engine: Engine, written: WrittenText): Promise<string | undefined> {
  if (written.kind === 'pattern') return await patternError(engine, written.text)
  try {
    if (written.kind === 'expression') return await expressionProblem(engine, written)
    const check = written.kind === 'transform' ? checkTransformSql : parseCheckSql
    await check(engine, written.text, written.relations)
    return undefined
  } catch (error) {
    if (error instanceof ManifestError && typeof error.details.why === 'string') {
      return refusedFor(written, error.details.why)
    }
    throw error
  }
}

async function expressionProblem(
  engine: Engine,
  { text, columns, isTyped, isCondition }: WrittenExpression,
): Promise<string | undefined> {
  const { names, parameters } = await parseRowExpression(engine, text)
  const known = new Set(columns.map(({ name }) => name.toLowerCase()))
  const others = names.filter((name) => !known.has(name.toLowerCase()))
  for (const name of others) {
    const problem = clockProblem(name)
    if (problem !== undefined) return refusedFor({ kind: 'expression' }, problem)
  }
  if (others.length > 0 || parameters.length > 0 || (names.length > 0 && !isTyped)) return undefined
  const bound = await checkRowExpression(engine, text, columns)
  const problem = isCondition ? notTrueOrFalse(bound) : undefined
  return problem === undefined ? undefined : refusedFor({ kind: 'expression' }, problem)
}

function refusedFor({ kind }: Pick<WrittenText, 'kind'>, why: string): string {
  return `the ${kind === 'expression' ? 'expression' : 'SQL'} is refused: ${why}`
}
