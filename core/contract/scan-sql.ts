import { quoteIdentifier, quoteLiteral } from '../engine/sql.ts'
import { columnRules, type Rule, ruleLiteral } from './rules.ts'
import type { ScanColumn, ScanRequest } from './scan.ts'
import type { ScanSource } from './scan-source.ts'
import { storedColumn } from './stored.ts'

/** What a rejected row carries beside its columns, in the scratch file only. */
export const rejectColumn = '_sluice_rejected'
/** Of a rejected row's booleans, one a rule. No column of a source has such a name. */
export const heldAlias = '_sluice_held'

/** The statement's parts, and the rules whose positions the scratch file's rows name. */
export interface ScanStatement {
  /** All rules of the scan, in the order of their numbers. */
  readonly rules: readonly Rule[]
  /** SQL over {@link heldAlias}, the booleans of a rejected row: the list of the numbers of the rules that it breaks, with NULLs. */
  readonly broken: string
  /** Whether rows can be rejected; if not, the select has no verdict. */
  readonly judged: boolean
  readonly select: string
  readonly fieldIds: string
}

/** Rule numbers of one column: where `type` fails the others have no value to judge and stay silent. */
interface Group {
  readonly type?: number
  readonly others: readonly number[]
}

/**
 * One select from the raw input to typed columns, verdict and reasons. Each rule is evaluated once, as one
 * boolean `v…`; the verdict is their conjunction and the reasons, built for rejected rows only, read the
 * same booleans, so that the two cannot disagree.
 */
export function scanStatement(request: ScanRequest, source: ScanSource): ScanStatement {
  const rules: Rule[] = []
  const groups: Group[] = []
  const inner: string[] = []
  for (const [i, column] of request.columns.entries()) {
    const typed = `t${i}`
    const raw = rawName(column, i)
    const rawExpression =
      column.source === null ? `CAST(NULL AS ${rawType(column)})` : quoteIdentifier(column.source)
    const judged = columnRules(column, { rawExpression, raw, typed })
    inner.push(`${judged.typed} AS ${typed}`, ...(raw === typed ? [] : [`${rawExpression} AS ${raw}`]))
    const start = rules.length
    if (judged.type) rules.push(judged.type)
    rules.push(...judged.others)
    const first = start + (judged.type ? 1 : 0)
    const stored = storedColumn(column, typed)
    if (stored.rule) rules.push(stored.rule)
    groups.push({
      ...(judged.type ? { type: start } : {}),
      others: rules.slice(first).map((_, k) => first + k),
    })
  }
  for (const [i, { source: from, name }] of (request.unexpected ?? []).entries()) {
    inner.push(`${quoteIdentifier(from)} AS u${i}`)
    groups.push({ others: [rules.length] })
    rules.push({
      column: name,
      rule: 'new_column',
      message: 'has a value in a column that the table does not have',
      expression: `(u${i} IS NULL)`,
    })
  }
  const watermark = watermarkParts(request)
  if (watermark) {
    groups.push({ others: [rules.length] })
    rules.push(watermark.rule)
  }

  const outputs = [
    ...request.columns.map(
      (column, i) => `${storedColumn(column, `t${i}`).value} AS ${quoteIdentifier(column.name)}`,
    ),
    ...request.constants.map(
      (constant) => `${ruleLiteral(constant.type, constant.value)} AS ${quoteIdentifier(constant.name)}`,
    ),
  ]
  const ids = [...request.columns, ...request.constants].map(
    (column) => `${quoteIdentifier(column.name)}: ${column.field_id}`,
  )
  const where = watermark?.where === undefined ? '' : ` WHERE ${watermark.where}`
  const base = `SELECT ${[...inner, ...source.extras].join(', ')} FROM ${source.from}`
  if (rules.length === 0) {
    return {
      rules,
      broken: '[]',
      judged: false,
      select: `SELECT ${outputs.join(', ')} FROM (${base})${where}`,
      fieldIds: `{${ids.join(', ')}}`,
    }
  }
  const booleans = rules.map((rule, i) => `${rule.expression} AS v${i}`)
  const typed = request.columns.map((_, i) => `t${i}`)
  const names = rules.map((_, i) => `v${i}`)
  const extras = rejectedExtras(request, source)
  const evidence = `to_json({${[`'held': [${names.join(', ')}]`, ...extras.map((extra) => extra.field)].join(', ')}})`
  const kept = [...new Set([...typed, ...extras.flatMap((extra) => extra.needs)])]
  const judged = `SELECT ${[...kept, ...booleans].join(', ')} FROM (${base})${where}`
  const verdict = `(${names.join(' AND ')})`
  return {
    rules,
    broken: broken(groups),
    judged: true,
    select: `SELECT ${outputs.join(', ')}, CASE WHEN ${verdict} THEN NULL ELSE CAST(${evidence} AS VARCHAR) END AS ${rejectColumn}, ${verdict} AS _ok
      FROM (${judged})`,
    fieldIds: `{${[...ids, `${rejectColumn}: ${rejectFieldId}`].join(', ')}}`,
  }
}

/** Outside any table's schema: readers by field id leave the column out, where it is NULL throughout. */
const rejectFieldId = 2147480000

/** Text in a string column is its own value. */
function rawName(column: ScanColumn, i: number): string {
  return column.type.type === 'string' && ['text', 'VARCHAR'].includes(column.input) ? `t${i}` : `r${i}`
}

function rawType(column: ScanColumn): string {
  return column.input === 'text' ? 'VARCHAR' : column.input
}

/**
 * SQL over {@link heldAlias}, a rejected row's booleans: a list with, per rule in order, its number where the row breaks
 * it and else NULL.
 */
function broken(groups: readonly Group[]): string {
  const parts = groups.flatMap((group) => {
    const alone = (i: number) => `CASE WHEN NOT ${heldAlias}[${i + 1}] THEN ${i} END`
    const behind = (i: number) =>
      `CASE WHEN ${heldAlias}[${group.type! + 1}] AND NOT ${heldAlias}[${i + 1}] THEN ${i} END`
    if (group.type === undefined) return group.others.map(alone)
    return [alone(group.type), ...group.others.map(behind)]
  })
  return `[${parts.join(', ')}]`
}

interface RejectedExtra {
  readonly field: string
  readonly needs: readonly string[]
}

function rejectedExtras(request: ScanRequest, source: ScanSource): RejectedExtra[] {
  const extras: RejectedExtra[] = []
  if (source.file) extras.push({ field: `'file': ${source.file}`, needs: [source.file] })
  if (source.row) extras.push({ field: `'row': ${source.row}`, needs: [source.row] })
  if (request.pii_policy === 'preserve') {
    const columns = request.columns.flatMap((column, i) =>
      column.source === null ? [] : [{ name: column.source, raw: rawName(column, i) }],
    )
    const fields = columns.map(({ name, raw }) => `${quoteLiteral(name)}: ${raw}`)
    if (fields.length > 0)
      extras.push({ field: `'raw': {${fields.join(', ')}}`, needs: columns.map(({ raw }) => raw) })
  }
  return extras
}

/**
 * Rows are read where any watermark column is beyond its `after`; a column that has none yet lets every
 * value through. A row without any value in them can never be told old from new: it is kept, and rejected.
 */
function watermarkParts(request: ScanRequest): { readonly rule: Rule; readonly where?: string } | undefined {
  const columns = (request.watermark?.columns ?? []).map((mark) => {
    const i = request.columns.findIndex((column) => column.name === mark.name)
    return { ...mark, typed: `t${i}`, type: request.columns[i]!.type }
  })
  if (columns.length === 0) return undefined
  const names = columns.map((column) => column.name)
  const rule: Rule = {
    column: names.length === 1 ? names[0]! : null,
    rule: 'watermark_null',
    message: `has no value in ${names.join(', ')}, by which new rows are told from old ones`,
    expression: `(${columns.map((column) => `${column.typed} IS NOT NULL`).join(' OR ')})`,
  }
  if (columns.every((column) => column.after === undefined)) return { rule }
  const beyond = columns.map((column) =>
    column.after === undefined
      ? `${column.typed} IS NOT NULL`
      : `${column.typed} > ${ruleLiteral(column.type, column.after)}`,
  )
  const none = columns.map((column) => `${column.typed} IS NULL`).join(' AND ')
  return { rule, where: `(${beyond.join(' OR ')} OR (${none}))` }
}
