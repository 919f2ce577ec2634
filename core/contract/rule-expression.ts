import type { Engine } from '../engine/engine.ts'
import { quoteLiteral, quoteLiterals } from '../engine/sql.ts'
import { ContractError } from '../errors.ts'
import { refusedFunctions } from './transform-sql.ts'
import type { ColumnType, RowRule, Severity } from './types.ts'
import { sqlType } from './types.ts'

/** A rule over the row, ready for the scan. */
export interface CompiledRule {
  readonly name: string
  readonly severity: Severity
  /** SQL over `t0`, `t1` …, the typed values by position; true or false, never NULL. */
  readonly expression: string
  /** Positions of the columns that it names. */
  readonly columns: readonly number[]
}

/**
 * Makes SQL of the rules' expressions. Each is one expression over the output columns, judged by the engine's
 * parse tree: no subquery, window, aggregate or lambda, and no function that is not the same for the same row. It
 * must be a boolean; NULL, and an error on a row's values, count as false. Throws `ContractError`
 * `CONTRACT_RULE_INVALID`, naming rule and construct; nothing is run.
 */
export async function compileRules(
  engine: Engine,
  rules: readonly RowRule[],
  columns: readonly { readonly name: string; readonly type: ColumnType }[],
): Promise<CompiledRule[]> {
  const compiled: CompiledRule[] = []
  for (const rule of rules) compiled.push(await compileRule(engine, rule, columns))
  return compiled
}

async function compileRule(
  engine: Engine,
  rule: RowRule,
  columns: readonly { readonly name: string; readonly type: ColumnType }[],
): Promise<CompiledRule> {
  const parsed = await parse(engine, rule)
  const found: Found = { functions: new Set(), columns: new Set() }
  const positions = new Map(columns.map(({ name }, i) => [name.toLowerCase(), i]))
  const tree = rewrite(parsed.statements[0]!.node.select_list[0]!, rule, positions, found)
  await checkFunctions(engine, rule, [...found.functions])
  if (found.columns.size === 0) throw refused(rule, 'it names no column')
  parsed.statements[0]!.node.select_list[0] = tree as Tree
  const [row] = await engine.rows<{ sql: string }>(
    `SELECT json_deserialize_sql(${quoteLiteral(JSON.stringify(parsed))}) AS sql`,
  )
  const sql = row!.sql.replace(/^SELECT /, '')
  await checkBinds(engine, rule, sql, columns)
  return {
    name: rule.name,
    severity: rule.severity ?? 'error',
    expression: `coalesce(TRY(${sql}), false)`,
    columns: [...found.columns],
  }
}

type Tree = Record<string, unknown>

interface Parsed {
  readonly error: boolean
  readonly error_message?: string
  readonly statements: readonly { readonly node: Tree & { readonly select_list: Tree[] } }[]
}

interface Found {
  readonly functions: Set<string>
  readonly columns: Set<number>
}

/** The expression stands alone in a SELECT; whatever else is in the tree came out of a bracket closed too early. */
async function parse(engine: Engine, rule: RowRule): Promise<Parsed> {
  const [row] = await engine.rows<{ tree: string }>(
    `SELECT json_serialize_sql(${quoteLiteral(`SELECT (${rule.expr}\n)`)}) AS tree`,
  )
  const parsed = JSON.parse(row!.tree) as Parsed
  if (parsed.error) throw refused(rule, parsed.error_message ?? 'it cannot be parsed')
  const node = parsed.statements[0]?.node
  const empty = (value: unknown) =>
    value === null || value === undefined || (Array.isArray(value) && value.length === 0)
  const alone =
    parsed.statements.length === 1 &&
    node?.type === 'SELECT_NODE' &&
    node.select_list.length === 1 &&
    (node.from_table as Tree).type === 'EMPTY' &&
    [node.modifiers, node.where_clause, node.group_expressions, node.having, node.sample, node.qualify].every(
      empty,
    )
  if (!alone) throw refused(rule, 'it is more than one expression')
  return parsed
}

const classes = new Set([
  'COLUMN_REF',
  'CONSTANT',
  'COMPARISON',
  'CONJUNCTION',
  'OPERATOR',
  'FUNCTION',
  'CASE',
  'CAST',
  'BETWEEN',
])

/** The tree with every column under its position's name. */
function rewrite(
  node: unknown,
  rule: RowRule,
  positions: ReadonlyMap<string, number>,
  found: Found,
): unknown {
  if (Array.isArray(node)) return node.map((item) => rewrite(item, rule, positions, found))
  if (node === null || typeof node !== 'object') return node
  const tree = node as Tree
  if (typeof tree.class === 'string' && !classes.has(tree.class)) {
    throw refused(rule, `it has a ${tree.class.toLowerCase()}, and a rule sees one row`)
  }
  if (tree.class === 'FUNCTION') {
    if (tree.schema !== '' || tree.catalog !== '') throw refused(rule, 'it names a schema')
    found.functions.add(String(tree.function_name).toLowerCase())
  }
  if (tree.class === 'CONSTANT') return tree
  if (tree.class === 'COLUMN_REF') {
    const names = tree.column_names as readonly string[]
    const position = names.length === 1 ? positions.get(names[0]!.toLowerCase()) : undefined
    if (position === undefined) throw refused(rule, `it names ${names.join('.')}, which is no column`)
    found.columns.add(position)
    return { ...tree, column_names: [`t${position}`] }
  }
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]) => [key, rewrite(value, rule, positions, found)]),
  )
}

/** The engine's own catalog says which functions give the same for the same arguments. */
async function checkFunctions(engine: Engine, rule: RowRule, names: readonly string[]): Promise<void> {
  if (names.length === 0) return
  const rows = await engine.rows<{ name: string }>(
    `SELECT lower(function_name) AS name FROM duckdb_functions()
     WHERE lower(function_name) IN (SELECT unnest(${quoteLiterals(names)})) GROUP BY 1
     HAVING bool_and(function_type = 'scalar' AND stability = 'CONSISTENT')`,
  )
  const fine = new Set(rows.map((row) => row.name))
  const wrong = names.find((name) => (!fine.has(name) && name !== 'nullif') || refusedFunctions.test(name))
  if (wrong === undefined) return
  throw refused(rule, `it calls ${wrong}(), which is no function of the row's values alone`)
}

async function checkBinds(
  engine: Engine,
  rule: RowRule,
  sql: string,
  columns: readonly { readonly type: ColumnType }[],
): Promise<void> {
  const typed = columns.map(({ type }, i) => `CAST(NULL AS ${sqlType(type)}) AS t${i}`)
  let kind: string
  try {
    const [row] = await engine.rows<{ column_type: string }>(
      `DESCRIBE SELECT ${sql} AS v FROM (SELECT ${typed.join(', ')})`,
    )
    kind = row!.column_type
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    throw refused(rule, said.split('\n')[0]!)
  }
  if (kind !== 'BOOLEAN') throw refused(rule, `it gives ${kind}, not true or false`)
}

function refused(rule: RowRule, what: string): ContractError {
  return new ContractError({
    code: 'CONTRACT_RULE_INVALID',
    fact: `The contract's rule ${rule.name} is refused: ${what}`,
    consequence: 'Nothing was read',
    next: 'Write one boolean expression over columns of the table, such as arrival >= departure',
    details: { rule: rule.name },
  })
}
