import type { FlowItem } from '../core/runs/items.ts'
import type { Change, FlowProgress, Progress } from './progress.ts'
import { visible } from './report.ts'
import { duration, number, plural } from './words.ts'

/** `3,000,000 read, 2,999,000 accepted, 1,000 quarantined`; empty where nothing was judged. */
export function rowsText(rows: FlowItem['rows']): string {
  if (rows === undefined) return ''
  const parts = [`${number(rows.read)} read`, `${number(rows.accepted)} accepted`]
  if (rows.quarantined > 0) parts.push(`${number(rows.quarantined)} quarantined`)
  if (rows.filtered > 0) parts.push(`${number(rows.filtered)} filtered`)
  if (rows.deduplicated > 0) parts.push(`${number(rows.deduplicated)} deduplicated`)
  if ((rows.warned ?? 0) > 0) parts.push(`${number(rows.warned ?? 0)} with warnings`)
  return parts.join(', ')
}

/** What is printed of one change, without its time. */
export function changeLine(runId: string, change: Change): string {
  switch (change.kind) {
    case 'planned': {
      const before = change.before === 0 ? '' : `, ${change.before} of them done before`
      return `run ${runId} started: ${plural(change.total, 'dataflow')}${before}`
    }
    case 'began':
      return `${change.dataflow} started${change.attempt > 1 ? `, attempt ${change.attempt}` : ''}`
    case 'again': {
      const { error, gate, dataflow } = change.flow
      const why = error === undefined ? '' : ` at ${gate} [${error.code}]`
      return `${dataflow} failed${why}, and tries again in ${change.delay_seconds} s`
    }
    case 'ended':
      return endLine(change.flow, change.seconds)
  }
}

/** What is printed when a dataflow has ended; `seconds` since its newest attempt began. */
export function endLine(flow: FlowItem, seconds: number): string {
  const parts = [
    ...(flow.reason === undefined || flow.error !== undefined ? [] : [flow.reason.replaceAll('_', ' ')]),
    ...(flow.status === 'failed' && flow.gate !== undefined ? [`at ${flow.gate}`] : []),
    ...(flow.error === undefined ? [] : [`[${flow.error.code}] ${flow.error.message}`]),
    ...(flow.error === undefined && flow.rows !== undefined ? [rowsText(flow.rows)] : []),
  ]
  const said = parts.length === 0 ? '' : `: ${parts.join(', ')}`
  return visible(`${flow.dataflow} ${flow.status} after ${duration(seconds)}${said}`)
}

/** `12 of 100 done, 3 failed, 4 at work`. */
export function totalsText({ phase, total, ended, active }: Progress): string {
  if (phase === 'planning') return 'planning'
  const failed = [...ended.values()].filter((status) => status === 'failed').length
  const parts = [`${number(ended.size)} of ${number(total)} done`]
  if (failed > 0) parts.push(`${number(failed)} failed`)
  if (active.size > 0) parts.push(`${number(active.size)} at work`)
  if (phase === 'sealing') parts.push('sealing')
  return parts.join(', ')
}

/** One line of the live display: `orders  contract  0.40 s  6 read, …`. `now` in milliseconds since the epoch. */
export function activeLine(flow: FlowProgress, width: number, now: number): string {
  const gate = flow.status === 'waiting' ? 'waits to try again' : flow.gate
  const attempt = flow.attempt > 1 ? ` (attempt ${flow.attempt})` : ''
  const time = duration(Math.max(0, now - flow.started_at) / 1000)
  const parts = [
    flow.dataflow.padEnd(width),
    `${gate}${attempt}`.padEnd(13),
    time.padStart(8),
    rowsText(flow.rows),
  ]
  return visible(parts.join('  ').trimEnd())
}
