import type { Engine } from '../engine/engine.ts'
import { wordsOfBinding } from '../engine/engine-errors.ts'
import { quoteIdentifier } from '../engine/sql.ts'
import { ManifestError, TerminalError } from '../errors.ts'
import { comparedTextProblem } from './compared-texts.ts'
import { constantProblem } from './constant-problem.ts'
import { functionName, parseSelects, type Tree, walkTree } from './parse-tree.ts'
import { scalarFunctions } from './pure-functions.ts'

/** A column that an expression may name, as the table calls it. */
export interface RowColumn {
  readonly name: string
  /** DuckDB's: `BIGINT`, `DECIMAL(18,2)`. */
  readonly type: string
}

export interface RowExpression {
  /** Stands by itself in any SQL over a relation that has the columns under their names. */
  readonly sql: string
  /** DuckDB's type of the result. */
  readonly type: string
  /** The columns named in it, in the spelling and the order of those given. */
  readonly columns: readonly string[]
}

/** An expression that is one, whatever the columns are. */
export interface ParsedExpression {
  readonly tree: Tree
  /** Stands by itself in any SQL over a relation that has the columns under their names. */
  readonly sql: string
  /** What it names as columns, as it spells them. */
  readonly names: readonly string[]
  /** What it may name besides: `x` of `lambda x: …` is a parameter, and of `x -> '$.a'`, which is parsed alike, a column. */
  readonly parameters: readonly string[]
}

/**
 * Lets one scalar expression over one row through, in DuckDB's SQL: no query, aggregate or window, no function
 * that depends on clock, chance or the instance, no column that is not there. Columns are named as in the table,
 * in any case, quoted (`"_Key"`) or not; `a.b` is a field of the struct `a`. It is judged by the engine's parse tree
 * and then bound to the types of the columns; nothing is run. Everything that is not known is refused.
 *
 * A failed statement undoes what the lease has made so far, so call it before making views.
 * Throws `ManifestError` `EXPRESSION_REFUSED`, naming the construct; `details.why` says it without the expression.
 */
export async function checkRowExpression(
  engine: Engine,
  expr: string,
  columns: readonly RowColumn[],
): Promise<RowExpression> {
  const { tree, sql, names, parameters } = await parseRowExpression(engine, expr)
  const byName = new Map(columns.map(({ name }) => [name.toLowerCase(), name]))
  for (const name of names) {
    if (byName.has(name.toLowerCase())) continue
    const known = [...byName.values()].join(', ')
    throw refusal(
      expr,
      clockProblem(name) ?? `it names ${name}, which is no column; the columns are ${known}`,
    )
  }
  const used = new Set([...names, ...parameters].map((name) => byName.get(name.toLowerCase())))
  const type = await boundType(engine, sql, columns, (why) => refusal(expr, why))
  const problem = await comparedTextProblem(engine, tree, columns)
  if (problem !== undefined) throw refusal(expr, problem)
  return { sql, type, columns: columns.map(({ name }) => name).filter((name) => used.has(name)) }
}

/** All of {@link checkRowExpression} that can be told before the columns are known. */
export async function parseRowExpression(engine: Engine, expr: string): Promise<ParsedExpression> {
  const sql = `(${expr}\n)`
  const tree = await parseOne(engine, expr, sql)
  const functions = await scalarFunctions(engine)
  const names = new Set<string>()
  const bound = new Set<string>()
  walkTree(tree, new Set<string>(), (node, parameters: ReadonlySet<string>) => {
    if (node.class === undefined) return parameters
    if (node.class === 'COLUMN_REF') {
      const name = String((node.column_names as string[])[0])
      const isParameter = parameters.has(name.toLowerCase())
      ;(isParameter ? bound : names).add(name)
    }
    const problem = classProblem(node) ?? functionProblem(node, functions)
    if (problem !== undefined) throw refusal(expr, problem)
    return node.class === 'LAMBDA' ? new Set([...parameters, ...lambdaParameters(node)]) : parameters
  })
  const problem = await constantProblem(engine, tree)
  if (problem !== undefined) throw refusal(expr, problem)
  return { tree, sql, names: [...names], parameters: [...bound] }
}

/** A word that is parsed as a column, and is the clock where there is no column of that name. */
export function clockProblem(name: string): string | undefined {
  if (!/^(current_(date|time|timestamp)|localtime|localtimestamp)$/i.test(name)) return undefined
  return `it reads ${name}, which is the clock and not of the row`
}

/**
 * The same tree with and without brackets: then it is one expression, and nothing in it (a comment, a bracket, a
 * semicolon) reaches beyond its end.
 */
async function parseOne(engine: Engine, expr: string, sql: string): Promise<Tree> {
  if (expr.trim() === '') throw refusal(expr, 'it is empty')
  if (expr.includes('\0')) throw refusal(expr, 'it has a NUL character')
  const bare = await parseSelects(engine, `SELECT ${expr}`)
  if (bare.error !== undefined) throw refusal(expr, bare.error)
  const [node] = bare.statements
  if (node === undefined || bare.statements.length > 1) throw refusal(expr, 'it is several statements')
  const items = node.select_list as readonly Tree[] | undefined
  if (items?.length !== 1) throw refusal(expr, 'it is several expressions, or a query')
  const bracketed = await parseSelects(engine, `SELECT ${sql}`)
  if (bracketed.error !== undefined) throw refusal(expr, `in brackets it is none: ${bracketed.error}`)
  if (textOf(bracketed.statements) !== textOf(bare.statements)) {
    throw refusal(expr, 'it is more than one expression')
  }
  return items[0]!
}

/** Of a tree, without the places of its nodes. */
function textOf(tree: unknown): string {
  return JSON.stringify(tree, (key, value: unknown) => (key === 'query_location' ? undefined : value))
}

const scalarClasses: readonly unknown[] = [
  'COLUMN_REF',
  'CONSTANT',
  'FUNCTION',
  'OPERATOR',
  'COMPARISON',
  'CONJUNCTION',
  'BETWEEN',
  'CASE',
  'CAST',
  'LAMBDA',
]

const refusedClasses: Readonly<Record<string, string>> = {
  SUBQUERY: 'a subquery, and an expression reads one row',
  WINDOW: 'a window over other rows',
  PARAMETER: 'a parameter, and there is nothing to bind',
  STAR: '* or COLUMNS(), which is no one value',
  POSITIONAL_REFERENCE: 'a column by its position; name it',
  DEFAULT: 'DEFAULT, which is no value',
  COLLATE: 'a collation; compare lower() of both instead',
}

function classProblem(node: Tree): string | undefined {
  if (scalarClasses.includes(node.class)) return undefined
  return `it has ${refusedClasses[String(node.class)] ?? String(node.class)}`
}

function functionProblem(node: Tree, functions: ReadonlyMap<string, string | null>): string | undefined {
  if (node.class !== 'FUNCTION') return undefined
  const name = functionName(node)
  const path = [node.catalog, node.schema].filter((part) => part !== undefined && part !== '')
  if (path.length > 0 && path.join('.') !== 'main') {
    return `it calls ${[...path, name].join('.')}(); write a function's name alone, its arguments in brackets`
  }
  // Of two times it is a difference; of one it reads the clock.
  const isAgeOfNow = name === 'age' && (node.children as unknown[]).length < 2
  const known = isAgeOfNow ? 'of one argument reads the clock; give it two' : functions.get(name)
  if (known === null) return undefined
  return `it calls ${name}(), which ${known ?? 'is no scalar function'}`
}

/** `x` of `lambda x: …`. JSON's `->` is parsed as one as well; the binder tells them apart. */
function lambdaParameters(node: Tree): string[] {
  const names: string[] = []
  walkTree(node.lhs, undefined, (tree) => {
    if (tree.class === 'COLUMN_REF') names.push(String((tree.column_names as string[])[0]).toLowerCase())
    return undefined
  })
  return names
}

async function boundType(
  engine: Engine,
  sql: string,
  columns: readonly RowColumn[],
  refused: (why: string) => ManifestError,
): Promise<string> {
  const values = columns.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${quoteIdentifier(name)}`)
  const relation = `(SELECT ${['1 AS _sluice_row', ...values].join(', ')})`
  try {
    const [described] = await engine.rows<{ column_type: string }>(`DESCRIBE SELECT ${sql} FROM ${relation}`)
    return described!.column_type
  } catch (error) {
    if (!(error instanceof TerminalError) || error.code !== 'ENGINE_STATEMENT') throw error
    throw refused(wordsOfBinding(error))
  }
}

function refusal(expr: string, why: string): ManifestError {
  return new ManifestError({
    code: 'EXPRESSION_REFUSED',
    fact: `The expression ${JSON.stringify(expr)} is refused: ${why}`,
    consequence: 'Nothing was read',
    next: "Write one SQL expression over the row's columns, named as in the table",
    details: { why },
  })
}
