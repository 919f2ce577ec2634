import type { Engine } from '../engine/engine.ts'
import { quoteIdentifier } from '../engine/sql.ts'
import { ManifestError } from '../errors.ts'
import { constantProblem } from './constant-problem.ts'
import { functionName, instanceFunctions, parseSelects, type Tree, walkTree } from './parse-tree.ts'
import { relationSelect } from './readers.ts'
import type { ScanRelation } from './scan.ts'

/**
 * Lets one SELECT through that names only `relations` and its own CTEs. It is judged by the engine's parse
 * tree; nothing is bound, and nothing run but its constants. Throws `ManifestError` `TRANSFORM_REFUSED`, naming the
 * construct.
 */
export async function checkTransformSql(
  engine: Engine,
  sql: string,
  relations: readonly string[],
): Promise<void> {
  const parsed = await parseSelects(engine, sql)
  if (parsed.error !== undefined) throw refused(parsed.error)
  const { statements } = parsed
  if (statements.length !== 1) throw refused(`it has ${statements.length} statements, not one SELECT`)
  walk(statements[0], new Set(relations.map((name) => name.toLowerCase())))
  const problem = await constantProblem(engine, statements[0])
  if (problem !== undefined) throw refused(problem)
}

const tableFunctions = new Set(['range', 'generate_series', 'unnest'])
const tableReferences = new Set([
  'BASE_TABLE',
  'JOIN',
  'SUBQUERY',
  'TABLE_FUNCTION',
  'EMPTY',
  'EXPRESSION_LIST',
  'PIVOT',
])

/** `known`: relations and CTEs in scope, in lower case. */
function walk(node: unknown, known: ReadonlySet<string>): void {
  const enter = (tree: Tree, outer: ReadonlySet<string>) => {
    const scope = withCtes(tree, outer)
    checkNode(tree, scope)
    return scope
  }
  walkTree(node, known, enter, ['cte_map'])
}

/** A CTE sees those before it and, if it is recursive, itself. */
function withCtes(tree: Tree, known: ReadonlySet<string>): ReadonlySet<string> {
  const map = (tree.cte_map as { map?: readonly { key: string; value: unknown }[] } | undefined)?.map ?? []
  if (map.length === 0) return known
  const scope = new Set(known)
  for (const { key, value } of map) {
    const name = key.toLowerCase()
    const query = (value as { query?: { node?: Tree } }).query?.node
    const recursive = query?.type === 'RECURSIVE_CTE_NODE'
    walk(value, recursive ? new Set([...scope, name]) : scope)
    scope.add(name)
  }
  return scope
}

function checkNode(tree: Tree, known: ReadonlySet<string>): void {
  const type = String(tree.type ?? '')
  if (tree.class === 'FUNCTION') checkFunction(tree)
  else if (tree.class === 'PARAMETER') throw refused('it has a parameter, and there is nothing to bind')
  else if (tree.class === undefined && isTableReference(tree)) {
    if (!tableReferences.has(type)) throw refused(`it has ${type}, which reads no relation`)
    if (type === 'BASE_TABLE') checkTable(tree, known)
    if (type === 'TABLE_FUNCTION') checkTableFunction(tree)
  }
}

/** Table references carry a `sample` or a `query_location`, expressions a `class`, query nodes `modifiers`. */
function isTableReference(tree: Tree): boolean {
  return 'type' in tree && 'alias' in tree && 'sample' in tree
}

function checkTable(tree: Tree, known: ReadonlySet<string>): void {
  const { catalog_name: catalog, schema_name: schema, table_name: table, at_clause: at } = tree
  const path = [catalog, schema, table].filter((part) => part !== undefined && part !== '').join('.')
  if (catalog || schema) throw refused(`it reads ${path}; relations have no schema here`)
  if (at) throw refused(`it reads ${path} at another version; snapshots are pinned by the run`)
  if (!known.has(String(table).toLowerCase())) {
    const names = [...known].join(', ')
    throw refused(
      `it reads ${path}, which is none of its relations (${names === '' ? 'it has none' : names})`,
    )
  }
}

function checkTableFunction(tree: Tree): void {
  const name = functionName((tree.function as Tree | undefined) ?? {})
  if (!tableFunctions.has(name)) {
    throw refused(`it reads ${name}(); the table functions known are ${[...tableFunctions].join(', ')}`)
  }
}

function checkFunction(tree: Tree): void {
  const name = functionName(tree)
  if (instanceFunctions.test(name))
    throw refused(`it calls ${name}(), which tells of the engine and not of the rows`)
}

function refused(what: string): ManifestError {
  return new ManifestError({
    code: 'TRANSFORM_REFUSED',
    fact: `The transform's SQL is refused: ${what}`,
    consequence: 'Nothing was read',
    next: 'Write one SELECT over ref() relations and CTEs',
    details: { why: what },
  })
}

/** Makes temporary views of the relations and of the transform; answers with the transform's name in SQL. */
export async function createRelations(
  engine: Engine,
  sql: string,
  relations: Readonly<Record<string, ScanRelation>>,
): Promise<string> {
  await checkTransformSql(engine, sql, Object.keys(relations))
  const views = Object.entries(relations).map(
    ([name, relation]) =>
      `CREATE OR REPLACE TEMP VIEW ${quoteIdentifier(name)} AS ${relationSelect(relation)};`,
  )
  await engine.run(`${views.join('\n')}\nCREATE OR REPLACE TEMP VIEW ${transformView} AS ${sql}`)
  return transformView
}

const transformView = '"_sluice_transform"'
