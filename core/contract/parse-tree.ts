import type { Engine } from '../engine/engine.ts'
import { quoteLiteral } from '../engine/sql.ts'

/** A node of the engine's parse tree. Expressions carry a `class`, query nodes and table references a `type` alone. */
export type Tree = Readonly<Record<string, unknown>>

export type Parsed =
  | { readonly error: string }
  /** One query node a statement. */
  | { readonly error?: undefined; readonly statements: readonly Tree[] }

/** Parses SELECT statements, without binding or running anything; every other statement is an error. */
export async function parseSelects(engine: Engine, sql: string): Promise<Parsed> {
  const [row] = await engine.rows<{ tree: string }>(`SELECT json_serialize_sql(${quoteLiteral(sql)}) AS tree`)
  const parsed = JSON.parse(row!.tree) as {
    readonly error: boolean
    readonly error_message?: string
    readonly statements?: readonly { readonly node: Tree }[]
  }
  if (parsed.error) return { error: parseProblem(parsed.error_message) }
  return { statements: (parsed.statements ?? []).map(({ node }) => node) }
}

function parseProblem(said = 'it cannot be parsed'): string {
  return said.startsWith('Only SELECT statements') ? 'it has a statement that is no SELECT' : said
}

/**
 * Calls `enter` for every node, parents first, with the scope that its parent has answered with. It answers with the
 * scope of the node's own children; those under a key of `skipped` are its own affair.
 */
export function walkTree<Scope>(
  node: unknown,
  scope: Scope,
  enter: (tree: Tree, scope: Scope) => Scope,
  skipped: readonly string[] = [],
): void {
  if (Array.isArray(node)) {
    for (const item of node) walkTree(item, scope, enter, skipped)
    return
  }
  if (node === null || typeof node !== 'object') return
  const tree = node as Tree
  const inner = enter(tree, scope)
  for (const [key, value] of Object.entries(tree)) {
    if (!skipped.includes(key)) walkTree(value, inner, enter, skipped)
  }
}

/** In lower case, as the engine's catalog has it. */
export function functionName(tree: Tree): string {
  return String(tree.function_name ?? '').toLowerCase()
}

/** They tell of the instance, or have effects, and are no function of the rows. */
export const instanceFunctions =
  /^(current_setting|getvariable|getenv|nextval|currval|setseed|write_log|query|query_table|txid_current|current_(database|schema|schemas|query|user|role)|in_search_path|parse_duckdb_log_message|read_\w+|glob|sniff_csv|pg_\w+|duckdb_\w+|pragma_\w+|json_execute_serialized_sql|enable_logging|checkpoint|force_checkpoint)$/
