import { quoteIdentifier, quoteLiteral } from '../engine/sql.ts'
import { fieldIdSql } from '../tables/field-ids-sql.ts'
import { rawJson } from './raw-json.ts'
import { recordTextSql } from './record-text.ts'
import { type Rule, ruleLiteral } from './rules.ts'
import type { ScanRequest } from './scan.ts'
import { names, rawColumns, type ScanRules } from './scan-rules.ts'
import type { ScanSource } from './scan-source.ts'
import type { Removal } from './scan-transformers.ts'

/**
 * What a row carries beside its columns: of a rejected row, which goes to a scratch file, why and where it stood; of
 * an accepted row that a rule only warns of, or with a coerced value, which rules it keeps and which columns were
 * coerced. NULL in all others.
 */
export const judgedColumn = '_sluice_judged'

/** Partitions what is written by the verdict. */
export const verdictColumn = '_sluice_ok'

/** The statement's parts. */
export interface ScanStatement {
  /** Whether rows can be rejected; if not, the select has no verdict. */
  readonly judged: boolean
  readonly select: string
  readonly fieldIds: string
}

/**
 * One select from the raw input to typed columns, verdict and reasons. Each rule is evaluated once, as one
 * boolean; the verdict is the conjunction of those that reject, and reasons and counts, built for rows that break a
 * rule only, read the same booleans, so that they cannot disagree.
 */
export function scanStatement(
  request: ScanRequest,
  source: ScanSource,
  { rules, coerced, values, needed, prepared, items, named, where }: ScanRules,
): ScanStatement {
  const outputs = [
    ...request.columns.map(({ name }, i) => `${values[i]} AS ${quoteIdentifier(name)}`),
    ...request.constants.map(
      (constant) => `${ruleLiteral(constant.type, constant.value)} AS ${quoteIdentifier(constant.name)}`,
    ),
  ]
  const ids = [...request.columns, ...request.constants].map(
    (column) =>
      `${quoteIdentifier(column.name)}: ${'nested' in column && column.nested ? fieldIdSql(column.field_id, column.nested) : column.field_id}`,
  )
  const filter = where === undefined ? '' : ` WHERE ${where}`
  const input = prepared.length === 0 ? source.from : `(SELECT *, ${prepared.join(', ')} FROM ${source.from})`
  const raw = `SELECT ${[...items, ...source.extras].join(', ')} FROM ${input}`
  const base = named.length === 0 ? raw : `SELECT *, ${named.join(', ')} FROM (${raw})`
  const removes = request.transformers?.removes ?? []
  if (rules.length + removes.length === 0) {
    return {
      judged: false,
      select: `SELECT ${outputs.join(', ')} FROM (${base})${filter}`,
      fieldIds: `{${ids.join(', ')}}`,
    }
  }
  const booleans = [
    ...rules.map((rule, i) => `${rule.expression} AS ${names.verdict(i)}`),
    ...coerced.map(({ expression }, i) => `${expression} AS ${names.isCoerced(i)}`),
  ]
  const extras = rejectedExtras(request, source)
  const kept = [...new Set([...needed, ...extras.flatMap((extra) => extra.needs)])]
  const verdicts = (severity: string) =>
    rules.flatMap((rule, i) => (rule.severity === severity ? [names.verdict(i)] : []))
  const errors = allOf(verdicts('error'))
  const notes = [...verdicts('warn'), ...coerced.map((_, i) => `NOT ${names.isCoerced(i)}`)]
  const told = [
    `'held': [${rules.map((_, i) => names.verdict(i)).join(', ')}]`,
    ...(coerced.length === 0 ? [] : [`'coerced': [${coerced.map((_, i) => names.isCoerced(i)).join(', ')}]`]),
  ]
  // Of rows that leave unjudged only how far they go by the watermark is of interest.
  const left = request.watermark === undefined ? 'NULL' : json(told)
  const cases = [
    ...removes.map(({ when }) => `WHEN ${when} THEN ${left}`),
    `WHEN ${allOf([names.kept, ...notes])} THEN NULL`,
    ...(notes.length === 0 ? [] : [`WHEN ${names.kept} THEN ${json(told)}`]),
  ]
  const evidence = json([...extras.map((extra) => extra.field), ...told])
  const judged = `CASE ${cases.join(' ')} ELSE ${evidence} END AS ${judgedColumn}`
  const verdict = verdictOf(removes, rules)
  const judging = [...kept, ...removes.map(({ when }) => when), ...booleans]
  return {
    judged: verdict.length > 0,
    select: `SELECT ${[...outputs, judged, ...verdict].join(', ')}
      FROM (SELECT *, (${errors}) AS ${names.kept} FROM (SELECT ${judging.join(', ')} FROM (${base})${filter}))`,
    fieldIds: `{${[...ids, `${judgedColumn}: ${judgedFieldId}`].join(', ')}}`,
  }
}

function allOf(verdicts: readonly string[]): string {
  return verdicts.length === 0 ? 'true' : verdicts.join(' AND ')
}

/** True or false, or why a row left before it was judged. */
function verdictOf(removes: readonly Removal[], rules: readonly Rule[]): string[] {
  if (removes.length === 0) {
    return rules.some(({ severity }) => severity === 'error') ? [`${names.kept} AS ${verdictColumn}`] : []
  }
  const left = removes.map(({ why, when }) => `WHEN ${when} THEN '${why}'`)
  return [`CASE ${left.join(' ')} WHEN ${names.kept} THEN 'true' ELSE 'false' END AS ${verdictColumn}`]
}

/** SQL over the statement's rows. */
export function isRejected({ transformers }: ScanRequest): string {
  return (transformers?.removes ?? []).length === 0
    ? `${verdictColumn} IS NOT TRUE`
    : `${verdictColumn} = 'false'`
}

function json(fields: readonly string[]): string {
  return `CAST(to_json({${fields.join(', ')}}) AS VARCHAR)`
}

/** Outside any table's schema: readers by field id leave the column out. */
const judgedFieldId = 2147480000

/** In place of a value under `pii_policy: masked`: its type as the source has it, and nothing of the value, its length included. */
export function maskOf(input: 'text' | string): string {
  return `[masked ${input}]`
}

interface RejectedExtra {
  readonly field: string
  readonly needs: readonly string[]
}

function rejectedExtras(request: ScanRequest, source: ScanSource): RejectedExtra[] {
  const extras: RejectedExtra[] = []
  // First, so that it can be cut off: see numbered-by-record.ts.
  if (source.record) {
    const { fields } = source.record
    extras.push({ field: `'record': ${recordTextSql(fields)}`, needs: fields })
  }
  if (source.file) extras.push({ field: `'file': ${source.file}`, needs: [source.file] })
  if (source.row) extras.push({ field: `'row': ${source.row}`, needs: [source.row] })
  const policy = request.pii_policy ?? 'reference_only'
  if (policy !== 'reference_only') {
    const columns = rawColumns(request)
    const fields = columns.map(
      ({ name, input, raw }) =>
        `${quoteLiteral(name)}: ${policy === 'masked' ? `CASE WHEN ${raw} IS NOT NULL THEN ${quoteLiteral(maskOf(input))} END` : rawJson(input, raw)}`,
    )
    if (fields.length > 0)
      extras.push({ field: `'raw': {${fields.join(', ')}}`, needs: columns.map(({ raw }) => raw) })
  }
  return extras
}
