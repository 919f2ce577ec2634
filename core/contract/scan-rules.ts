import { quoteIdentifier } from '../engine/sql.ts'
import { coercedSql, isCoercible } from './coercions.ts'
import type { ColumnType } from './column-types.ts'
import type { BoundRowRule } from './row-rules.ts'
import { columnRules, type Rule, ruleLiteral } from './rules.ts'
import type { ScanColumn, ScanRequest } from './scan.ts'
import { readAlias, type ScanTransformerRule } from './scan-transformers.ts'
import { storedColumn } from './stored.ts'

/** A rule with its place among others: its number is its position. */
export interface PlacedRule extends Rule {
  /** Numbers of the rules without which it has no value to judge: the types of its columns. */
  readonly behind: readonly number[]
}

/** What a scan judges, and the expressions that its judging reads. */
export interface ScanRules {
  /** In the order of their numbers. */
  readonly rules: readonly PlacedRule[]
  /** Columns whose texts are coerced, each with SQL over {@link items}: whether this row's is, and is a value now. */
  readonly coerced: readonly { readonly column: string; readonly expression: string }[]
  /** Columns whose values of no type go to a variant column, each with the number of its type's rule. */
  readonly variants: readonly { readonly column: string; readonly rule: number }[]
  /** SQL of what is written, one a column, over {@link items} and the rules' verdicts. */
  readonly values: readonly string[]
  /** Those of {@link items} that {@link values} read. */
  readonly needed: readonly string[]
  /** Select items over the input's columns, which {@link items} read besides these. */
  readonly prepared: readonly string[]
  /** Select items over the input's columns. */
  readonly items: readonly string[]
  /** Select items that give columns their names, where rules over the row need them. */
  readonly named: readonly string[]
  /** SQL of the rows that are read, over {@link items}; `undefined`: all. */
  readonly where: string | undefined
}

/** Names that the scan gives its own expressions. No column of a source begins so. */
export const names = {
  typed: (i: number) => `_sluice_t${i}`,
  verdict: (i: number) => `_sluice_v${i}`,
  /** Whether a row breaks no rule that rejects. */
  kept: '_sluice_kept',
  /** Of column `i`: what is made of a nested value once. */
  prepared: (i: number) => `_sluice_p${i}`,
  /** Of column `i`: its text, coerced. */
  coerced: (i: number) => `_sluice_c${i}`,
  /** Of the `i`th coerced column. */
  isCoerced: (i: number) => `_sluice_k${i}`,
  unexpected: (i: number) => `_sluice_u${i}`,
  /** As the source has it. Text in a string column is its own value. */
  raw: (column: ScanColumn, i: number) =>
    column.type.type === 'string' && isText(column) ? `_sluice_t${i}` : `_sluice_r${i}`,
}

function isText({ input }: ScanColumn): boolean {
  return input === 'text' || input === 'VARCHAR'
}

function isCoerced(column: ScanColumn, request: ScanRequest): boolean {
  return (
    request.coerce === true && column.contract !== undefined && isText(column) && isCoercible(column.type)
  )
}

/** All rules of a scan; `rowRules` are those of `request.rules`, bound to its columns. */
export function scanRules(request: ScanRequest, rowRules: readonly BoundRowRule[]): ScanRules {
  const rules: PlacedRule[] = []
  const items: string[] = []
  const prepared: string[] = []
  const coerced: ScanRules['coerced'][number][] = []
  const add = (rule: Rule, behind: readonly number[] = []) => {
    // Where a type only warns, its row is loaded: what has no value to judge must not reject it either.
    const loaded = behind.filter((type) => rules[type]?.severity === 'warn')
    const silent = loaded.map((type) => `NOT (${rules[type]!.expression}) OR `).join('')
    const expression = silent === '' ? rule.expression : `(${silent}${rule.expression})`
    return rules.push({ ...rule, expression, behind }) - 1
  }
  const typeRules = new Map<string, readonly number[]>()
  const variants: ScanRules['variants'][number][] = []
  const withVariant = new Set(request.columns.map(({ variant_of }) => variant_of))
  for (const [i, column] of request.columns.entries()) {
    if (column.variant_of !== undefined) continue
    const typed = names.typed(i)
    const raw = names.raw(column, i)
    const rawExpression = readExpression(request, column)
    const coerces = isCoerced(column, request)
    // What is judged of a coerced column is its new text; what quarantine keeps is the old one.
    const text = names.coerced(i)
    const judged = columnRules(column, {
      ...(coerces ? { rawExpression: text, raw: text } : { rawExpression, raw }),
      prepared: names.prepared(i),
      typed,
    })
    if (judged.prepared !== undefined) prepared.push(`${judged.prepared} AS ${names.prepared(i)}`)
    items.push(`${judged.typed} AS ${typed}`, ...(raw === typed ? [] : [`${rawExpression} AS ${raw}`]))
    const type = withTransformers(request, column.name, judged.type)
    // What a transformer needs of the column is no text to keep, so that there the enforcement decides.
    const keeps = withVariant.has(column.name) && type !== undefined && type === judged.type
    const behind = type === undefined ? [] : [add(keeps ? { ...type, severity: 'warn' } : type)]
    if (keeps) variants.push({ column: column.name, rule: behind[0]! })
    if (coerces) {
      prepared.push(`${coercedSql(column.type, rawExpression)} AS ${names.coerced(i)}`)
      items.push(names.coerced(i))
      const isValue = type === undefined ? 'true' : type.expression
      const differs = `${names.coerced(i)} IS DISTINCT FROM ${raw}`
      coerced.push({ column: column.name, expression: `(${differs}) AND ${isValue}` })
    }
    // Of a nested column each place has a type of its own.
    const others = judged.others.map((rule) => ({ rule: rule.rule, number: add(rule, behind) }))
    const inside = others.flatMap(({ rule, number }) => (rule === 'type' ? [number] : []))
    typeRules.set(column.name, [...behind, ...inside])
    const stored = storedColumn(column, typed)
    if (stored.rule) add(stored.rule, behind)
  }
  for (const [i, { source, name }] of (request.unexpected ?? []).entries()) {
    const value = request.transformers?.values[name] ?? quoteIdentifier(source)
    items.push(`${value} AS ${names.unexpected(i)}`)
    add({
      column: name,
      rule: 'new_column',
      severity: 'error',
      message: 'has a value in a column that the table does not have',
      expression: `(${names.unexpected(i)} IS NULL)`,
    })
  }
  items.push(...handedOn(request))
  for (const rule of unjudgedRules(request)) add(rule)
  const watermark = watermarkParts(request)
  if (watermark) add(watermark.rule)
  for (const { name, severity, message, sql, columns } of rowRules) {
    const behind = columns.flatMap((column) => typeRules.get(column) ?? [])
    add({ column: null, rule: 'row_rule', name, severity, message, expression: sql }, behind)
  }
  const wanted = new Set(rowRules.flatMap(({ columns }) => columns))
  const named = request.columns.flatMap((column, i) => {
    if (!wanted.has(column.name)) return []
    const { stored: _, ...judged } = column
    return [`${storedColumn(judged, names.typed(i)).value} AS ${quoteIdentifier(column.name)}`]
  })
  const written = writtenValues(request, variants)
  return { rules, coerced, variants, ...written, prepared, items, named, where: watermark?.where }
}

/** A value that is none of its type is NULL in its column, whatever the engine's cast makes of it. */
function writtenValues(
  { columns }: ScanRequest,
  variants: ScanRules['variants'],
): Pick<ScanRules, 'values' | 'needed'> {
  const needed: string[] = []
  const values = columns.map((column, i) => {
    const of = column.variant_of ?? column.name
    const found = variants.find((variant) => variant.column === of)
    const verdict = found === undefined ? undefined : names.verdict(found.rule)
    if (column.variant_of === undefined) {
      const typed = names.typed(i)
      needed.push(typed)
      return storedColumn(column, verdict === undefined ? typed : `(CASE WHEN ${verdict} THEN ${typed} END)`)
        .value
    }
    const base = columns.findIndex(({ name }) => name === of)
    const raw = names.raw(columns[base]!, base)
    if (verdict !== undefined) needed.push(raw)
    const text = verdict === undefined ? 'NULL' : `CASE WHEN ${verdict} THEN NULL ELSE ${raw} END`
    return storedColumn(column, `CAST(${text} AS VARCHAR)`).value
  })
  return { values, needed }
}

function readExpression({ transformers }: ScanRequest, column: ScanColumn): string {
  const made = transformers?.values[column.name]
  if (made !== undefined) return made
  return column.source === null ? `CAST(NULL AS ${rawType(column)})` : quoteIdentifier(column.source)
}

/** What transformers need of a column that is judged is one rule with its type: without it there is no value. */
function withTransformers({ transformers }: ScanRequest, name: string, type: Rule | undefined) {
  const needed = transformers?.rules.filter(({ column }) => column === name) ?? []
  return needed.length === 0 ? type : oneRule(needed, type === undefined ? [] : [type.expression])
}

/** What transformers need of columns that are not judged; one rule a column. */
function unjudgedRules({ transformers, columns }: ScanRequest): Rule[] {
  const judged = new Set<string | null>(columns.map(({ name }) => name))
  const needed = (transformers?.rules ?? []).filter(({ column }) => !judged.has(column))
  return [...Map.groupBy(needed, ({ column }) => column).values()].map((rules) => oneRule(rules, []))
}

function oneRule(needed: readonly ScanTransformerRule[], more: readonly string[]): Rule {
  const { column, rule, message } = needed[0]!
  const all = [...needed.map(({ holds }) => holds), ...more]
  return { column, rule, severity: 'error', message, expression: `(${all.join(' AND ')})` }
}

/** Names out of the transformers that are not among the columns, and that the verdict or quarantine needs. */
function handedOn(request: ScanRequest): readonly string[] {
  if (request.transformers === undefined) return []
  const raw =
    (request.pii_policy ?? 'reference_only') !== 'reference_only'
      ? rawColumns(request).map((column) => column.raw)
      : []
  const { rules, removes } = request.transformers
  return [...new Set([...rules.map(({ holds }) => holds), ...removes.map(({ when }) => when), ...raw])]
}

/** `input`: as of a column of the scan. */
export interface RawColumn {
  readonly name: string
  readonly input: string
  readonly raw: string
}

/**
 * The raw values that quarantine may keep: as they were read, and with transformers without what these hide. Columns
 * that the table does not have are among them: without the value for which a row was rejected it is not the row.
 */
export function rawColumns({ columns, unexpected, transformers }: ScanRequest): RawColumn[] {
  if (transformers === undefined) {
    const loaded = columns.flatMap((column, i) =>
      column.source === null ? [] : [{ name: column.source, input: column.input, raw: names.raw(column, i) }],
    )
    const others = (unexpected ?? []).map(({ source }, i) => ({
      name: source,
      input: 'value',
      raw: names.unexpected(i),
    }))
    return [...loaded, ...others]
  }
  const { reads, shown } = transformers
  return reads.flatMap(({ name, input }, i) =>
    shown.includes(name) ? [{ name, input, raw: readAlias(i) }] : [],
  )
}

function rawType(column: ScanColumn): string {
  return column.input === 'text' ? 'VARCHAR' : column.input
}

/**
 * SQL over `held`, a list of booleans, one a rule: a list with, per rule in order, its number where the row breaks it
 * and else NULL. Where the type of a value fails, the rules that would judge that value stay silent.
 */
export function brokenRules(rules: readonly PlacedRule[], held: string): string {
  const parts = rules.map(({ behind }, i) => {
    const judged = behind.map((type) => `${held}[${type + 1}] AND `).join('')
    return `CASE WHEN ${judged}NOT ${held}[${i + 1}] THEN ${i} END`
  })
  return `[${parts.join(', ')}]`
}

/**
 * Rows are read where any watermark column is beyond its `after`; a column that has none yet lets every
 * value through. A row without any value in them can never be told old from new: it is kept, and rejected.
 */
function watermarkParts(request: ScanRequest): { readonly rule: Rule; readonly where?: string } | undefined {
  const columns = (request.watermark?.columns ?? []).map((mark) => {
    const i = request.columns.findIndex((column) => column.name === mark.name)
    return { ...mark, typed: names.typed(i), type: request.columns[i]!.type }
  })
  if (columns.length === 0) return undefined
  const listed = columns.map((column) => column.name)
  const rule: Rule = {
    column: listed.length === 1 ? listed[0]! : null,
    rule: 'watermark_null',
    severity: 'error',
    message: `has no value in ${listed.join(', ')}, by which new rows are told from old ones`,
    expression: `(${columns.map((column) => `${column.typed} IS NOT NULL`).join(' OR ')})`,
  }
  const where = watermarkBeyond(columns)
  return { rule, ...(where === undefined ? {} : { where }) }
}

/** SQL of the rows that are read; `undefined`: all. */
export function watermarkBeyond(
  columns: readonly { readonly typed: string; readonly type: ColumnType; readonly after?: string }[],
): string | undefined {
  if (columns.every((column) => column.after === undefined)) return undefined
  const beyond = columns.map((column) =>
    column.after === undefined
      ? `${column.typed} IS NOT NULL`
      : `${column.typed} > ${ruleLiteral(column.type, column.after)}`,
  )
  const none = columns.map((column) => `${column.typed} IS NULL`).join(' AND ')
  return `(${beyond.join(' OR ')} OR (${none}))`
}
