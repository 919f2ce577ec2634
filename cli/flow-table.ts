import { resultText } from '../core/contract/checks.ts'
import type { FlowResult } from '../core/runs/result.ts'
import type { Block, Cell, Column, Tone } from './report.ts'
import { duration, number, plural } from './words.ts'

/** More rows than this do not help anybody to see which one needs looking at. */
const shownRows = 60
const shownErrors = 20

const columns: readonly Column[] = [
  { title: 'dataflow' },
  { title: 'status' },
  { title: 'read', align: 'right' },
  { title: 'accepted', align: 'right' },
  { title: 'quarantined', align: 'right' },
  { title: 'filtered', align: 'right' },
  { title: 'time', align: 'right' },
  { title: 'why' },
]

const tones: Readonly<Record<FlowResult['status'], Tone>> = {
  succeeded: 'good',
  failed: 'bad',
  skipped: 'dim',
  pending: 'warn',
  running: 'warn',
}

/**
 * The dataflows of a run and, below, the errors in full. Where there are very many, only those that somebody
 * may have to look at; `all` lifts that limit.
 */
export function flowBlocks(flows: readonly FlowResult[], all: boolean): Block[] {
  const worth = all || flows.length <= shownRows ? flows : worstFirst(flows).slice(0, shownRows)
  const failed = flows.filter((flow) => flow.error !== undefined)
  const blocks: Block[] = []
  if (worth.length > 0) blocks.push({ kind: 'table', columns, rows: worth.map(flowRow) })
  if (worth.length < flows.length) {
    blocks.push({
      kind: 'text',
      text: `${plural(flows.length - worth.length, 'more dataflow')} not shown here`,
    })
  }
  if (failed.length > 0) {
    const items = failed.slice(0, all ? failed.length : shownErrors).map(errorLine)
    if (items.length < failed.length) items.push(`and ${failed.length - items.length} more`)
    blocks.push({ kind: 'list', title: 'What failed', items })
  }
  const warned = flows.flatMap(warningLines)
  if (warned.length > 0) {
    const items = warned.slice(0, all ? warned.length : shownErrors)
    if (items.length < warned.length) items.push(`and ${warned.length - items.length} more`)
    blocks.push({ kind: 'list', title: 'What the contracts warn of', items })
  }
  return blocks
}

function warningLines({ dataflow, warnings }: FlowResult): string[] {
  if (warnings === undefined) return []
  const lines = warnings.checks.map(
    (warning) => `${dataflow}: ${warning.name} (${warning.check}): ${resultText(warning)}`,
  )
  const more = warnings.count - lines.length
  return more === 0 ? lines : [...lines, `${dataflow}: ${plural(more, 'more warning')}, in its evidence`]
}

function flowRow(flow: FlowResult): Cell[] {
  const { rows } = flow
  const count = (value: number | undefined): Cell => (value === undefined ? '' : number(value))
  const quarantined = rows?.quarantined ?? 0
  return [
    flow.dataflow,
    { text: flow.status, tone: tones[flow.status] },
    count(rows?.read),
    count(rows?.accepted),
    quarantined > 0 ? { text: number(quarantined), tone: 'warn' } : count(rows?.quarantined),
    count(rows?.filtered),
    flow.duration_seconds === undefined ? '' : duration(flow.duration_seconds),
    whyText(flow),
  ]
}

/** `nothing new`, `CONTRACT_REJECTED at contract`, `7 rows with warnings`, `attempt 3`. */
function whyText(flow: FlowResult): string {
  const parts = [
    // What was cut off says so in its error.
    ...(flow.reason === undefined || flow.error !== undefined ? [] : [flow.reason.replaceAll('_', ' ')]),
    ...(flow.error === undefined
      ? []
      : [`${flow.error.code}${flow.gate === undefined ? '' : ` at ${flow.gate}`}`]),
    ...(flow.warnings === undefined ? [] : [plural(flow.warnings.count, 'warning')]),
    ...((flow.rows?.deduplicated ?? 0) > 0 ? [`${number(flow.rows?.deduplicated ?? 0)} deduplicated`] : []),
    ...((flow.rows?.warned ?? 0) > 0 ? [`${plural(flow.rows?.warned ?? 0, 'row')} with warnings`] : []),
    ...(flow.attempts > 1 ? [`attempt ${flow.attempts}`] : []),
  ]
  return parts.join(', ')
}

function errorLine(flow: FlowResult): string {
  return `${flow.dataflow}: ${flow.error?.message}`
}

/** Those that did not succeed, then those with rows in quarantine or with warnings; the rest is left out. */
function worstFirst(flows: readonly FlowResult[]): FlowResult[] {
  const isFine = (flow: FlowResult) => flow.status === 'succeeded' || flow.reason === 'nothing_new'
  const isNoted = ({ rows, warnings }: FlowResult) =>
    (rows?.quarantined ?? 0) + (rows?.warned ?? 0) > 0 || warnings !== undefined
  const noted = flows.filter((flow) => isFine(flow) && isNoted(flow))
  return [...flows.filter((flow) => !isFine(flow)), ...noted]
}
