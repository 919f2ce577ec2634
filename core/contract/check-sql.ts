import type { Engine } from '../engine/engine.ts'
import { wordsOfBinding } from '../engine/engine-errors.ts'
import { quoteIdentifier } from '../engine/sql.ts'
import { ManifestError, TerminalError } from '../errors.ts'
import type { ColumnType } from './column-types.ts'
import { functionName, parseSelects, type Tree, walkTree } from './parse-tree.ts'
import { aggregateOverRows, scalarFunctions } from './pure-functions.ts'
import { relationSelect } from './readers.ts'
import { checkTransformSql } from './transform-sql.ts'

/** A relation that the SQL of a check may name, with its columns. */
export interface CheckRelation {
  readonly name: string
  readonly columns: readonly { readonly name: string; readonly type: ColumnType }[]
}

/**
 * Lets one SELECT through that names only the relations, and whose rows depend on nothing but theirs: no clock, no
 * chance, no instance. It is bound to the relations' columns, and run on no row.
 * Throws `ManifestError` `CHECK_SQL_REFUSED`, naming the construct; a failed statement undoes what the lease has made.
 */
export async function verifyCheckSql(
  engine: Engine,
  sql: string,
  relations: readonly CheckRelation[],
): Promise<void> {
  await parseCheckSql(
    engine,
    sql,
    relations.map(({ name }) => name),
  )
  try {
    await makeViews(
      engine,
      relations.map(({ name, columns }) => ({
        name,
        select: relationSelect({ paths: [], columns: named(columns) }),
      })),
    )
    await engine.rows(`DESCRIBE ${sql}`)
  } catch (error) {
    if (!(error instanceof TerminalError) || error.code !== 'ENGINE_STATEMENT') throw error
    throw refused(wordsOfBinding(error))
  }
}

/** All of {@link verifyCheckSql} that can be told before the relations' columns are known. */
export async function parseCheckSql(
  engine: Engine,
  sql: string,
  relations: readonly string[],
): Promise<void> {
  try {
    await checkTransformSql(engine, sql, relations)
  } catch (error) {
    if (!(error instanceof ManifestError) || error.code !== 'TRANSFORM_REFUSED') throw error
    throw refused(String(error.details.why))
  }
  const functions = await scalarFunctions(engine)
  walkTree(await treeOf(engine, sql), undefined, (tree) => {
    const problem = chanceProblem(tree, functions)
    if (problem !== undefined) throw refused(problem)
    return undefined
  })
}

function named(columns: CheckRelation['columns']) {
  return columns.map((column) => ({ ...column, source: column.name }))
}

/** They are parsed as columns, and are the clock or the session where no column is called so. */
const sessionWords =
  /^(current_(date|time|timestamp|user|role|catalog|schema|database)|localtime|localtimestamp|session_user|user)$/i
/** Of several rows they take the one that comes first, or a part by chance. */
const firstComer = /^(first|last|any_value|arbitrary)$/
const sampling = /^(reservoir_quantile|approx_\w+)$/

function chanceProblem(tree: Tree, functions: ReadonlyMap<string, string | null>): string | undefined {
  if (tree.sample !== undefined && tree.sample !== null) return 'it takes a sample of the rows'
  if (tree.class === 'COLUMN_REF') {
    const names = tree.column_names as readonly string[]
    const [name = ''] = names
    if (names.length > 1 || !sessionWords.test(name)) return undefined
    return `it reads ${name}, which is the clock or the session; a column of that name is written with its table's`
  }
  if (tree.class !== 'FUNCTION') return undefined
  const name = functionName(tree)
  if (sampling.test(name)) return `it calls ${name}(), which guesses`
  const orders = (tree.order_bys as { readonly orders?: readonly unknown[] } | undefined)?.orders ?? []
  if (firstComer.test(name) && orders.length === 0)
    return `it calls ${name}(), whose result is any of the rows'; give it an ORDER BY, or use min or max`
  if (name === 'age' && (tree.children as readonly unknown[]).length < 2)
    return 'it calls age() of one argument, which reads the clock; give it two'
  const kind = functions.get(name)
  if (kind === undefined || kind === null || kind === aggregateOverRows) return undefined
  return `it calls ${name}(), which ${kind}`
}

/**
 * Those of the columns that the SQL can tell apart from absent ones, at least one: all of them where it has a `*` in
 * another place than the outermost list, or another construct that reads columns without naming them.
 */
export async function columnsNamed<C extends { readonly name: string }>(
  engine: Engine,
  sql: string,
  columns: readonly C[],
): Promise<readonly C[]> {
  const root = await treeOf(engine, sql)
  const words = new Set<string>()
  const relations = new Set<string>()
  const single: string[] = []
  const outermost = new Set(isPlain(root) ? (root.select_list as readonly Tree[]) : [])
  let readsAll = false
  walkTree(root, undefined, (tree) => {
    if (tree.class === 'STAR' && !outermost.has(tree)) readsAll = true
    if (tree.class === 'POSITIONAL_REFERENCE' || tree.type === 'PIVOT' || tree.ref_type === 'NATURAL')
      readsAll = true
    if (tree.class === 'COLUMN_REF' && (tree.column_names as string[]).length === 1)
      single.push(String((tree.column_names as string[])[0]).toLowerCase())
    for (const key of ['alias', 'table_name']) relations.add(String(tree[key] ?? '').toLowerCase())
    for (const value of Object.values(tree).flat()) {
      if (typeof value === 'string') words.add(value.toLowerCase())
    }
    return undefined
  })
  // A relation named where a value stands is its whole row.
  const names = new Set(columns.map(({ name }) => name.toLowerCase()))
  if (single.some((name) => relations.has(name) && !names.has(name))) readsAll = true
  if (readsAll) return columns
  const found = columns.filter(({ name }) => words.has(name.toLowerCase()))
  return found.length === 0 ? columns.slice(0, 1) : found
}

/** A SELECT whose outermost list does not decide how many rows there are. */
function isPlain(root: Tree): boolean {
  const modifiers = (root.modifiers ?? []) as readonly Tree[]
  return (
    root.type === 'SELECT_NODE' &&
    root.aggregate_handling === 'STANDARD_HANDLING' &&
    modifiers.every(({ type }) => type !== 'DISTINCT_MODIFIER')
  )
}

/**
 * How many rows the SQL has over the relations, each a SELECT by its name. Throws `TerminalError`
 * `CHECK_SQL_FAILED` where it cannot be run on their values, without a word of the engine's, which may quote them.
 */
export async function countViolations(
  engine: Engine,
  sql: string,
  relations: readonly { readonly name: string; readonly select: string }[],
): Promise<number> {
  try {
    await makeViews(engine, relations)
    const [row] = await engine.rows<{ violations: bigint }>(`SELECT count(*) AS violations FROM (${sql}\n)`)
    return Number(row!.violations)
  } catch (error) {
    if (!(error instanceof TerminalError) || error.code !== 'ENGINE_STATEMENT') throw error
    throw new TerminalError({
      code: 'CHECK_SQL_FAILED',
      fact: `the SQL cannot be run on these rows (${/\b(\w+ Error)\b/.exec(error.message)?.[1] ?? 'an error of the engine'})`,
      consequence: 'Nothing was written',
      next: 'Write it for every value that the columns may have: TRY_CAST, nullif, CASE',
      cause: error,
    })
  }
}

async function makeViews(
  engine: Engine,
  relations: readonly { readonly name: string; readonly select: string }[],
): Promise<void> {
  const views = relations.map(
    ({ name, select }) => `CREATE OR REPLACE TEMP VIEW ${quoteIdentifier(name)} AS ${select};`,
  )
  await engine.run(views.join('\n'))
}

async function treeOf(engine: Engine, sql: string): Promise<Tree> {
  const parsed = await parseSelects(engine, sql)
  if (parsed.error !== undefined) throw refused(parsed.error)
  return parsed.statements[0] as Tree
}

function refused(why: string): ManifestError {
  return new ManifestError({
    code: 'CHECK_SQL_REFUSED',
    fact: `The SQL is refused: ${why}`,
    consequence: 'Nothing was written',
    next: 'Write one SELECT over {{ load }} and ref() tables whose rows are the violations',
    details: { why },
  })
}
