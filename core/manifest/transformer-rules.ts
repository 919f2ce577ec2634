import { type ColumnType, typeText } from '../contract/column-types.ts'
import { acceptsText } from '../contract/grammar.ts'
import { columnTypeProblem, contractType } from '../contract/nested-contract.ts'
import type { ColumnContract } from '../contract/types.ts'
import { isReserved, reservedPrefix } from '../sources/column-names.ts'
import { parseTerm } from '../tables/terms.ts'
import { parseFormat } from '../transformers/formats.ts'
import { maskProblem } from '../transformers/masks.ts'
import { keyOf } from '../transformers/names.ts'
import type { Transformers } from '../transformers/types.ts'
import type { Path } from './located.ts'
import type { Draft, Report } from './rules.ts'

/** What can be said of transformers before the source's columns are known; the rest is gate 2's (core/transformers). */
export function checkTransformers(draft: Draft, report: Report): void {
  const { transformers, column_names } = draft
  if (transformers === undefined || column_names === undefined) return
  const steps = transformers as Transformers
  const at: Report = (path, message, hint) => report(['transformers', ...path], message, hint)
  const key = (name: string) => keyOf(name, column_names)
  checkRepeated(steps, key, at)
  checkNewNames(steps, key, at)
  checkProjection(steps, key, at)
  checkProtected(draft, steps, key, at)
  checkTypes(draft, steps, key, at)
}

type Key = (name: string) => string

/** Every list of columns, with its place. */
function columnLists(steps: Transformers): [Path, readonly string[]][] {
  const lists: [Path, readonly string[]][] = []
  for (const step of ['values', 'hash_columns', 'masking'] as const) {
    for (const [i, { columns }] of (steps[step] ?? []).entries()) lists.push([[step, i, 'columns'], columns])
  }
  const { deduplicate } = steps
  if (deduplicate !== undefined) {
    // Of a draft, which may lack what the schema asks for.
    lists.push([['deduplicate', 'columns'], deduplicate.columns ?? []])
    lists.push([['deduplicate', 'latest_by'], deduplicate.latest_by ?? []])
  }
  for (const step of ['select', 'drop'] as const) lists.push([[step], steps[step] ?? []])
  return lists
}

function checkRepeated(steps: Transformers, key: Key, at: Report): void {
  for (const [path, columns] of columnLists(steps)) {
    const seen = new Set<string>()
    for (const [i, column] of columns.entries()) {
      if (seen.has(key(column))) at([...path, i], `\`${column}\` stands in this list twice`, 'Name it once')
      seen.add(key(column))
    }
  }
}

function newColumns(steps: Transformers): { readonly path: Path; readonly name: string }[] {
  return (['hash_columns', 'computed'] as const).flatMap((step) =>
    (steps[step] ?? []).map(({ name }, i) => ({ path: [step, i, 'name'], name })),
  )
}

function checkNewNames(steps: Transformers, key: Key, at: Report): void {
  const seen = new Map<string, string>()
  for (const { path, name } of newColumns(steps)) {
    const other = seen.get(key(name))
    if (isReserved(name))
      at(path, `names that begin with ${reservedPrefix} are Sluice's own`, 'Choose another')
    else if (other !== undefined)
      at(path, `there is a new column \`${other}\` already`, 'Choose another name')
    seen.set(key(name), name)
  }
}

function checkProjection({ select, drop, rename, masking }: Transformers, key: Key, at: Report): void {
  if (select !== undefined && drop !== undefined) {
    at(['drop'], '`select` and `drop` are both given', 'What select does not name goes: remove drop')
  }
  const dropped = new Set(drop?.map(key))
  const isGone = (name: string) =>
    dropped.has(key(name)) || (select !== undefined && !select.some((column) => key(column) === key(name)))
  for (const [i, rule] of (masking ?? []).entries()) {
    for (const [j, name] of rule.columns.entries()) {
      if (isGone(name))
        at(['masking', i, 'columns', j], `\`${name}\` does not get into the table`, 'Remove it')
    }
  }
  const froms = new Set(Object.keys(rename ?? {}).map(key))
  const targets = new Map<string, string>()
  for (const [from, to] of Object.entries(rename ?? {})) {
    const path = ['rename', from]
    const other = targets.get(key(to))
    if (isGone(from)) at(path, `\`${from}\` does not get into the table`, 'Remove it')
    else if (key(from) === key(to))
      at(path, `\`${from}\` is called \`${to}\` in the table anyhow`, 'Remove it')
    else if (isReserved(to))
      at(path, `names that begin with ${reservedPrefix} are Sluice's own`, 'Choose another name')
    else if (other !== undefined) at(path, `\`${other}\` is renamed to \`${to}\`, too`, 'Choose another name')
    else if (froms.has(key(to))) {
      at(
        path,
        `\`${to}\` is renamed itself`,
        'All are renamed at once: choose a name that is not there before',
      )
    }
    targets.set(key(to), from)
  }
}

/** As the table calls a column. */
function outputOf({ rename }: Transformers, name: string, key: Key): string {
  const entry = Object.entries(rename ?? {}).find(([from]) => key(from) === key(name))
  return key(entry?.[1] ?? name)
}

/** A masked value can tell neither new rows from old ones nor in which partition a row belongs. */
function checkProtected(draft: Draft, steps: Transformers, key: Key, at: Report): void {
  const watermarks = (draft.source ?? draft.transform)?.watermark_columns ?? []
  const partitions = (draft.sink?.physical?.partition_by ?? []).map(parseTerm)
  const uses = new Map<string, string>([
    ...partitions.flatMap((term): [string, string][] =>
      typeof term === 'string' ? [] : [[key(term.column), 'partitions the table']],
    ),
    ...(steps.deduplicate?.columns ?? []).map((name): [string, string] => [
      outputOf(steps, name, key),
      'tells which rows are one',
    ]),
    ...watermarks.map((name): [string, string] => [key(name), 'tells new rows from old ones']),
  ])
  for (const [i, rule] of (steps.masking ?? []).entries()) {
    for (const [j, name] of rule.columns.entries()) {
      const use = uses.get(outputOf(steps, name, key))
      if (use !== undefined)
        at(['masking', i, 'columns', j], `\`${name}\` ${use}, and is not masked`, 'Mask another column')
    }
  }
  for (const { path, name } of newColumns(steps)) {
    if (!watermarks.some((column) => key(column) === outputOf(steps, name, key))) continue
    const message = `\`${name}\` is made here, and a watermark column must be one of the source`
    at(path, message, 'Load by a column of the source')
  }
}

/** Where the contract says the type, whether the rule is for it. */
function checkTypes({ contract, column_names }: Draft, steps: Transformers, key: Key, at: Report): void {
  const types = new Map<string, ColumnType>()
  for (const [name, column] of Object.entries(contract?.columns ?? {})) {
    if (column?.type === undefined) continue
    const typed = column as ColumnContract
    if (columnTypeProblem(typed)) continue
    types.set(keyOf(name, column_names ?? 'lower'), contractType(typed))
  }
  const typeOf = (name: string) => types.get(outputOf(steps, name, key))
  const formats = new Map(Object.entries(steps.formats ?? {}).map(([name, format]) => [key(name), format]))
  for (const [i, rule] of (steps.values ?? []).entries()) {
    if (rule.operation !== 'fill_null') continue
    for (const name of rule.columns) {
      const problem = literalProblem(rule.value, typeOf(name), formats.get(key(name)))
      if (problem !== undefined) at(['values', i, 'value'], problem, `It goes into \`${name}\``)
    }
  }
  for (const [name, format] of Object.entries(steps.formats ?? {})) {
    const problem = formatProblem(format, typeOf(name))
    if (problem !== undefined)
      at(['formats', name], problem, 'Correct the format, or the type in the contract')
  }
  for (const [i, rule] of (steps.masking ?? []).entries()) {
    for (const [j, name] of rule.columns.entries()) {
      const type = typeOf(name)
      if (type === undefined) continue
      const problem = maskProblem(rule, type)
      const hint = `\`${name}\` is ${typeText(type)}`
      if (problem !== undefined) at(['masking', i, 'columns', j], problem, hint)
      const literal = rule.method === 'redact' ? literalProblem(rule.value, type) : undefined
      if (literal !== undefined) at(['masking', i, 'value'], literal, `It goes into \`${name}\``)
    }
  }
}

/** In a column with a format a value is written in that format. */
function literalProblem(value: unknown, type: ColumnType | undefined, format?: string): string | undefined {
  const text = String(value)
  const parsed = format === undefined ? undefined : parseFormat(format)
  if (typeof parsed === 'object') {
    const isWritten = new RegExp(`^(?:${parsed.pattern})$`).test(text)
    return isWritten ? undefined : `${JSON.stringify(value)} is not written as ${format}`
  }
  if (type === undefined || acceptsText(type, text)) return undefined
  return `${JSON.stringify(value)} is not a value of type ${typeText(type)}`
}

function formatProblem(format: string, type: ColumnType | undefined): string | undefined {
  const parsed = parseFormat(format)
  if (typeof parsed === 'string' || type === undefined) return undefined
  const isZoned = parsed.input === 'TIMESTAMP WITH TIME ZONE'
  if (type.type === 'timestamp_tz') return isZoned ? undefined : 'timestamp_tz needs a zone (XXX)'
  if (type.type !== 'date' && type.type !== 'timestamp')
    return `type ${typeText(type)} is no date or timestamp`
  return isZoned ? `type ${type.type} has no zone` : undefined
}
