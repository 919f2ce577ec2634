import type { FlowItem } from '../core/runs/items.ts'
import type { FlowProgress, Progress } from './progress.ts'
import { visible } from './report.ts'
import { duration, number } from './words.ts'

/** `3,000,000 read, 2,999,000 accepted, 1,000 quarantined`; empty where nothing was judged. */
export function rowsText(rows: FlowItem['rows']): string {
  if (rows === undefined) return ''
  const parts = [`${number(rows.read)} read`, `${number(rows.accepted)} accepted`]
  if (rows.quarantined > 0) parts.push(`${number(rows.quarantined)} quarantined`)
  if (rows.filtered > 0) parts.push(`${number(rows.filtered)} filtered`)
  return parts.join(', ')
}

/** What is printed when a dataflow has ended; `seconds` since its execution began. */
export function endLine(flow: FlowItem, seconds: number): string {
  const parts = [
    ...(flow.reason === undefined ? [] : [flow.reason.replaceAll('_', ' ')]),
    ...(flow.status === 'failed' && flow.gate !== undefined ? [`at ${flow.gate}`] : []),
    ...(flow.error === undefined ? [] : [`[${flow.error.code}] ${flow.error.message}`]),
    ...(flow.error === undefined && flow.rows !== undefined ? [rowsText(flow.rows)] : []),
  ]
  const said = parts.length === 0 ? '' : `: ${parts.join(', ')}`
  // Cut off before it was settled, which follows when everything at work has ended.
  const status = flow.status === 'running' ? 'interrupted' : flow.status
  return visible(`${flow.dataflow} ${status} after ${duration(seconds)}${said}`)
}

/** `12 of 100 done, 3 failed, 4 at work`. */
export function totalsText(progress: Progress, total: number, done: number, failed: number): string {
  if (progress.phase === 'planning') return 'planning'
  const parts = [`${number(done)} of ${number(total)} done`]
  if (failed > 0) parts.push(`${number(failed)} failed`)
  if (progress.active.size > 0) parts.push(`${number(progress.active.size)} at work`)
  if (progress.phase === 'sealing') parts.push('sealing')
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
