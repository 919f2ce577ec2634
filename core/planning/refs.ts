import { TerminalError } from '../errors.ts'
import { tablePattern, tableRule } from '../manifest/grammar.ts'

/** One `{{ ref('namespace.table') }}` of a transform. Offsets in UTF-16 units, `end` behind the last brace. */
export interface Ref {
  readonly table: string
  /** In the SQL, from 1. */
  readonly line: number
  readonly column: number
  readonly start: number
  readonly end: number
}

export interface RefMistake {
  /** Line and column in the SQL, from 1. */
  readonly line: number
  readonly column: number
  readonly message: string
  readonly hint: string
}

const refCall = /^\s*ref\s*\(\s*(?:'([^'"]*)'|"([^'"]*)")\s*\)\s*$/

/**
 * Finds the references of a SQL text. Only `ref` with one quoted table is known; any other `{{ … }}` is a
 * mistake. The text is not read as SQL: a reference inside of a comment or a string is a reference.
 */
export function parseRefs(sql: string): {
  readonly refs: readonly Ref[]
  readonly mistakes: readonly RefMistake[]
} {
  const refs: Ref[] = []
  const mistakes: RefMistake[] = []
  const fail = (offset: number, message: string, hint: string): void => {
    mistakes.push({ ...positionIn(sql, offset), message, hint })
  }
  let position = sql.indexOf('{{')
  while (position !== -1) {
    const close = sql.indexOf('}}', position)
    if (close === -1) {
      fail(
        position,
        '`{{` is not closed',
        "Write {{ ref('namespace.table') }}, or { { where SQL itself needs two braces",
      )
      break
    }
    const inner = sql.slice(position + 2, close)
    const match = refCall.exec(inner)
    const table = match?.[1] ?? match?.[2]
    const end = close + 2
    if (table === undefined) {
      const shown = inner.trim().replaceAll(/\s+/g, ' ').slice(0, 60)
      const hint = "Write {{ ref('namespace.table') }}; nothing else is filled in"
      fail(position, `\`{{ ${shown} }}\` is not a reference`, hint)
    } else if (!tablePattern.test(table)) {
      fail(position, `\`${table.slice(0, 60)}\` cannot be a table`, capital(tableRule))
    } else {
      refs.push({ table, ...positionIn(sql, position), start: position, end })
    }
    position = sql.indexOf('{{', end)
  }
  return { refs, mistakes }
}

/**
 * The SQL with every reference replaced by the relation that `relationOf` names, as one quoted identifier.
 * Throws `TerminalError` `TRANSFORM_REF_INVALID` for a text that `loadManifest` would have refused, and
 * `TRANSFORM_REF_UNKNOWN` where `relationOf` knows no relation for the table.
 */
export function renderTransformSql(sql: string, relationOf: (table: string) => string | undefined): string {
  const { refs, mistakes } = parseRefs(sql)
  const mistake = mistakes[0]
  if (mistake !== undefined) {
    throw new TerminalError({
      code: 'TRANSFORM_REF_INVALID',
      fact: `line ${mistake.line}, column ${mistake.column} of the SQL: ${mistake.message}`,
      consequence: 'The transform was not run',
      next: mistake.hint,
    })
  }
  let rendered = ''
  let position = 0
  for (const ref of refs) {
    rendered += sql.slice(position, ref.start) + quoteRelation(ref.table, relationOf(ref.table))
    position = ref.end
  }
  return rendered + sql.slice(position)
}

/** Tables that a transform reads, each once, in the order of their first reference. */
export function refTables(sql: string): readonly string[] {
  return [...new Set(parseRefs(sql).refs.map((ref) => ref.table))]
}

function positionIn(sql: string, offset: number): { line: number; column: number } {
  const before = sql.slice(0, offset)
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') }
}

function quoteRelation(table: string, relation: string | undefined): string {
  if (relation !== undefined) return `"${relation.replaceAll('"', '""')}"`
  throw new TerminalError({
    code: 'TRANSFORM_REF_UNKNOWN',
    fact: `the transform refers to ${table}, and no relation was prepared for it`,
    consequence: 'The transform was not run',
    next: 'Plan the run again from the current manifest',
    details: { table },
  })
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
