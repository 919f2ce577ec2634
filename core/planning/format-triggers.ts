import type { Dataflow, RenderedManifest } from '../manifest/types.ts'
import { waitsForObjects } from './triggers.ts'

/** What would start dataflows of a plan by itself, were the project deployed. An embedded run ignores it. */
export interface PlannedStart {
  readonly starts_by: 'schedule' | 'object_created'
  /** `cron(0 6 * * ? *) Europe/Berlin`, `s3://landing/in/*.csv`. */
  readonly when: string
  /** In code-point order. */
  readonly dataflows: readonly string[]
  /** Why it cannot be deployed as it is. */
  readonly note: string | null
}

/** In code-point order of `when`; `names` are the plan's dataflows. */
export function plannedStarts(manifest: RenderedManifest, names: ReadonlySet<string>): PlannedStart[] {
  const starts = manifest.dataflows
    .filter(({ name }) => names.has(name))
    .flatMap((dataflow) => startsOf(manifest, dataflow).map((start) => ({ ...start, name: dataflow.name })))
  const grouped = Map.groupBy(starts, ({ starts_by, when }) => `${when} ${starts_by}`)
  return [...grouped]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, same]) => {
      const { starts_by, when, note } = same[0]!
      return { starts_by, when, dataflows: same.map(({ name }) => name).sort(), note }
    })
}

/** One line for each, after a heading; nothing where there is none. Ends with a newline. */
export function formatStarts(starts: readonly PlannedStart[], format: 'text' | 'md'): string {
  if (starts.length === 0) return ''
  const heading = 'Starts by itself once deployed'
  const lines = starts.map((start) => [whenText(start), startsText(start)] as const)
  if (format === 'md') {
    const rows = lines.map(([when, what]) => `| ${escapeCell(when)} | ${escapeCell(what)} |`)
    return ['', `| ${heading.toLowerCase()} | dataflows |`, '|---|---|', ...rows, ''].join('\n')
  }
  const width = Math.max(...lines.map(([when]) => when.length))
  return ['', heading, ...lines.map(([when, what]) => `  ${when.padEnd(width)}  ${what}`), ''].join('\n')
}

type Start = Omit<PlannedStart, 'dataflows'>

function startsOf(manifest: RenderedManifest, dataflow: Dataflow): Start[] {
  const { schedule, source } = dataflow
  const starts: Start[] = []
  if (schedule !== undefined && schedule !== 'never') {
    const { cron, rate, time_zone, window_minutes } = schedule
    const expression = cron === undefined ? `rate(${rate})` : `cron(${cron}) ${time_zone}`
    const within = window_minutes === undefined ? '' : `, within ${window_minutes} min`
    starts.push({ starts_by: 'schedule', when: expression + within, note: null })
  }
  if (waitsForObjects(dataflow)) {
    const connection = manifest.connections[source!.connection]
    const place = connection?.type === 'files' ? connection.path : ''
    const note = place.startsWith('s3://') ? null : 'only from a connection in S3'
    starts.push({ starts_by: 'object_created', when: `${place}/${source!.path}`, note })
  }
  return starts
}

function whenText({ starts_by, when }: PlannedStart): string {
  return starts_by === 'schedule' ? when : `new ${when}`
}

function startsText({ dataflows, note }: PlannedStart): string {
  const shown = dataflows.length <= 5 ? dataflows : [...dataflows.slice(0, 4), `${dataflows.length - 4} more`]
  return `${shown.join(', ')}${note === null ? '' : ` (${note})`}`
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*')
}
