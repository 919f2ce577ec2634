import type { CheckSpec } from '../contract/checks.ts'
import type { Draft, Report } from './rules.ts'

const kinds = ['sidecar', 'control_file', 'parquet_footers', 'table'] as const

/** Which independent count there is for what a dataflow reads, and which comparison would mean nothing. */
export function checkReconciliation(
  { row_count_reconciliation: spec }: CheckSpec,
  draft: Draft,
  report: Report,
): void {
  if (spec === undefined) return
  const { against, rows, tolerance } = spec
  const at = (...keys: string[]) => ['row_count_reconciliation', ...keys]
  const given = kinds.filter((kind) => against[kind] !== undefined)
  const [kind] = given
  if (kind === undefined) {
    report(at('against'), '`against` names no count', `Add one of ${kinds.join(', ')}`)
    return
  }
  for (const other of given.slice(1)) {
    const message = `\`against\` has \`${kind}\` and \`${other}\``
    report(at('against', other), message, 'Compare with one count: make it two checks')
  }
  if (tolerance.mode === 'absolute' && !Number.isSafeInteger(tolerance.value)) {
    report(
      at('tolerance', 'value'),
      `${tolerance.value} is no number of rows`,
      'Give a whole number, or use mode: pct',
    )
  }
  const { source, transform, sink } = draft
  if (kind === 'table') {
    if (sink?.load_type !== 'append') return
    const message = 'an append loads what is new, and `against.table` counts all rows of the table'
    report(at('against', 'table'), message, 'Use load_type: overwrite, or compare with what was delivered')
    return
  }
  if (source === undefined) {
    if (transform === undefined) return
    const message = `\`against.${kind}\` counts rows of files, and a transform reads tables`
    report(at('against', kind), message, 'Use against.table')
    return
  }
  if (kind === 'parquet_footers' && source.format !== undefined && source.format !== 'parquet') {
    const message = `a ${source.format} file says nowhere how many rows it has`
    report(at('against', kind), message, 'Use against.sidecar or against.control_file')
  }
  const watermarks = source.watermark_columns ?? []
  if (kind === 'control_file' && sink?.load_type === 'append' && watermarks.length === 0) {
    const message = 'an append reads the new objects alone, and `control_file` counts the rows of all of them'
    report(at('against', kind), message, 'Use against.sidecar, a count for each object')
  }
  if (rows !== 'read' && watermarks.length > 0) {
    const message = `\`rows: ${rows}\` leaves out the rows before the watermark, which the objects have`
    report(at('rows'), message, 'Use rows: read')
  }
}
