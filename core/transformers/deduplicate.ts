import { isNested } from '../contract/column-types.ts'
import { watermarkBeyond } from '../contract/scan-rules.ts'
import { readAlias } from '../contract/scan-transformers.ts'
import { judgeInput } from '../contract/typed-input.ts'
import { type Draft, findColumn, typedView, typeOf } from './columns.ts'
import type { Deduplicate } from './types.ts'

/**
 * Of rows that agree in the columns the latest stays, before any of them is judged: were only good rows compared, a
 * newest row that is bad would let an older one through as if it were the newest.
 *
 * - Rows at or before the watermark are old: they are left out first, as the scan will leave them out.
 * - A row with NULL in one of the columns, or with a value in them or in `latest_by` that is none of its type, is like
 *   no other row and stays: the contract judges it.
 * - Between several latest rows the source's columns decide in their order, the greatest value first and NULL last: the
 *   same rows come to the same, in whatever order they are read.
 */
export function addDeduplicate(
  draft: Draft,
  { columns, latest_by, keep_ties }: Deduplicate,
  request: { readonly reads: number; readonly after: Readonly<Record<string, string | null>> },
): void {
  leaveOutOld(draft, request.after)
  const keys = columns.map((name) => typedView(draft, findColumn(draft, name, 'deduplicate'), 'deduplicate'))
  const latest = latest_by.map((name) =>
    typedView(draft, findColumn(draft, name, 'deduplicate.latest_by'), 'deduplicate.latest_by'),
  )
  const compared = [
    ...keys.map(({ typed }) => `${typed} IS NOT NULL`),
    ...new Set([...keys, ...latest].flatMap(({ holds }) => holds)),
  ]
  draft.layers.push({ list: `*, (${compared.join(' AND ')}) AS _sluice_compared` })
  const ties = keep_ties ? [] : Array.from({ length: request.reads }, (_, i) => readAlias(i))
  const order = [...latest.map(({ typed }) => typed), ...ties].map((value) => `${value} DESC NULLS LAST`)
  const place = `${keep_ties ? 'rank' : 'row_number'}() OVER (PARTITION BY ${['_sluice_compared', ...keys.map(({ typed }) => typed)].join(', ')} ORDER BY ${order.join(', ')})`
  const when = '_sluice_deduplicated'
  draft.layers.push({ list: `*, (_sluice_compared AND ${place} > 1) AS ${when}` })
  draft.removes.push({ why: 'deduplicated', when })
}

/** By the very condition of the scan, so that nothing is compared that the scan would not read. */
function leaveOutOld(draft: Draft, after: Readonly<Record<string, string | null>>): void {
  const marks = Object.entries(after).flatMap(([name, value]) => {
    const column = draft.columns.find(({ output }) => output === name)
    const type = column === undefined ? undefined : typeOf(column)
    if (column === undefined || type === undefined || isNested(type)) return []
    const { typed } = judgeInput(type, column.input, column.value)
    return [{ typed: `(${typed})`, type, ...(value === null ? {} : { after: value }) }]
  })
  const where = watermarkBeyond(marks)
  if (where !== undefined) draft.layers.push({ list: '*', where })
}
