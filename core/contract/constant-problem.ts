import type { Engine } from '../engine/engine.ts'
import { wordsOfBinding } from '../engine/engine-errors.ts'
import { quoteLiteral } from '../engine/sql.ts'
import { TerminalError } from '../errors.ts'
import { functionName, type Parsed, parseSelects, type Tree, walkTree } from './parse-tree.ts'

/** An expression of constants alone, and what to say of it where it cannot be computed. */
interface Probe {
  readonly tree: Tree
  readonly said: (sql: string) => string
}

/**
 * Says which constant of an expression or a SELECT can be computed for no row: a cast of a text that is no value of its
 * type, an escape, a pattern, a format, a part of a date or a time zone that is none. Binding does not tell of all of
 * them, and of some not even TRY keeps the error: the first row would stop the load. Each is computed alone. A cast that
 * only some rows come to, or that stands in TRY, is the author's.
 */
export async function constantProblem(engine: Engine, root: unknown): Promise<string | undefined> {
  const probes: Probe[] = []
  const endings: string[] = []
  walkTree(root, false, (tree, isOptional: boolean) => {
    if (tree.class === 'CAST' && !isOptional && isCastOfText(tree)) {
      probes.push({ tree, said: (sql) => `it has ${sql}, which is no value` })
      return true
    }
    if (tree.class === 'FUNCTION') {
      const children = tree.children as readonly Tree[]
      endings.push(...patternEnding(tree, children))
      probes.push(...callProbe(tree, children))
    }
    return isOptional || reachedBySome.has(String(tree.type))
  })
  if (endings.length > 0 || probes.length === 0) return endings[0]
  if ((await failureOf(engine, await selectOf(engine, probes))) === undefined) return undefined
  for (const probe of probes) {
    const sql = await selectOf(engine, [probe])
    const error = await failureOf(engine, sql)
    const words = error === undefined ? '' : wordsOfBinding(error)
    // Whatever else is wrong with it is told when the whole of it is bound.
    if (ofValues.test(words)) return `${probe.said(sql.replace(/^SELECT /, ''))}: ${words}`
  }
  return undefined
}

const ofValues =
  /^DuckDB says: ((Conversion|Out of Range|Invalid Input|Not implemented|Syntax) Error|Binder Error: Pattern failed)/

const reachedBySome: ReadonlySet<string> = new Set(['CASE_EXPR', 'OPERATOR_COALESCE', 'OPERATOR_TRY'])

function isCastOfText({ child }: Tree): boolean {
  const inner = child as Tree
  return textOf(inner) !== undefined || (inner.class === 'CAST' && isCastOfText(inner))
}

const likeEscape = /^(not_)?i?like_escape$/

/** Functions that read one of their texts as a language, and what stands for the others of their arguments. */
const readers: readonly (readonly [RegExp, Tree])[] = [
  [/^(regexp_(matches|replace|extract|extract_all|full_match|split_to_array)|strptime)$/, columnOf('t')],
  [/^(strftime|timezone|date_?(part|trunc|diff|sub))$/, columnOf('m')],
]

/** A row without a value: no function makes an error of it, and of a NULL that is written out not even of the rest. */
const noValues = ' FROM (SELECT CAST(NULL AS VARCHAR) AS t, CAST(NULL AS TIMESTAMP) AS m)'

function columnOf(name: string): Tree {
  return { class: 'COLUMN_REF', type: 'COLUMN_REF', alias: '', column_names: [name] }
}

/** The call with its constants, over a row without a value. */
function callProbe(tree: Tree, children: readonly Tree[]): Probe[] {
  const name = functionName(tree)
  if (likeEscape.test(name)) {
    // It is looked at where there is a text to compare, and nothing can be wrong with an empty one.
    const made = [emptyText, emptyText, children[2]]
    const said = () => 'it has LIKE with an ESCAPE that is none'
    return textOf(children[2]) === undefined ? [] : [{ tree: { ...tree, children: made }, said }]
  }
  const other = readers.find(([names]) => names.test(name))?.[1]
  if (other === undefined || !children.some(hasText)) return []
  const made = children.map((child) => (isKept(child) ? child : other))
  const said = () => `it calls ${name}() with a constant that it cannot read`
  return [{ tree: { ...tree, children: made }, said }]
}

/** Only rows that match so far come to the end of a pattern, so that many a load would go through. */
function patternEnding(tree: Tree, [, pattern, escapedBy]: readonly Tree[]): string[] {
  const mark = textOf(escapedBy)
  const letters = [...(textOf(pattern) ?? '')]
  if (!likeEscape.test(functionName(tree)) || mark === undefined) return []
  for (let i = 0; i < letters.length; i++) {
    if (letters[i] !== mark) continue
    i += 1
    if (i === letters.length) return ['it has LIKE with a pattern that ends with its own escape']
  }
  return []
}

function textOf(tree: Tree | undefined): string | undefined {
  const { value } = (tree?.value ?? {}) as { readonly value?: unknown }
  return tree?.class === 'CONSTANT' && typeof value === 'string' ? value : undefined
}

function hasText(tree: Tree): boolean {
  return textOf(tree) !== undefined || (isListed(tree) && (tree.children as readonly Tree[]).some(hasText))
}

function isListed(tree: Tree): boolean {
  return functionName(tree) === 'list_value'
}

/** Numbers beyond JavaScript's would come back as others. */
function isKept(tree: Tree): boolean {
  const { value } = (tree.value ?? {}) as { readonly value?: unknown }
  if (tree.class === 'CONSTANT') return typeof value === 'string' || Number.isSafeInteger(value)
  return isListed(tree) && (tree.children as readonly Tree[]).every(isKept)
}

const emptyText: Tree = {
  class: 'CONSTANT',
  type: 'VALUE_CONSTANT',
  alias: '',
  value: { type: { id: 'VARCHAR', type_info: null }, is_null: false, value: '' },
}

async function selectOf(engine: Engine, probes: readonly Probe[]): Promise<string> {
  const { statements } = (await parseSelects(engine, 'SELECT 1')) as Extract<Parsed, { error?: undefined }>
  const node = { ...statements[0], select_list: probes.map(({ tree }) => tree) }
  const tree = { error: false, statements: [{ node, named_param_map: [] }] }
  // A place that is not known is a number that JavaScript has not.
  const text = JSON.stringify(tree, (key, value) => (key === 'query_location' ? undefined : value))
  const [row] = await engine.rows<{ sql: string }>(
    `SELECT json_deserialize_sql(${quoteLiteral(text)}) AS sql`,
  )
  return row!.sql
}

async function failureOf(engine: Engine, sql: string): Promise<TerminalError | undefined> {
  try {
    await engine.rows(`${sql}${noValues}`)
    return undefined
  } catch (error) {
    if (error instanceof TerminalError && error.code === 'ENGINE_STATEMENT') return error
    throw error
  }
}
