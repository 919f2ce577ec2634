import { ManifestError } from '../errors.ts'
import { canonicalJson, sha256 } from '../json.ts'
import type { Dataflow, RenderedManifest } from '../manifest/types.ts'
import { type KeyPattern, keyPattern } from './key-pattern.ts'

/** What starts runs of a deployed project by itself: one execution of exactly its dataflows. */
export type Trigger = ScheduleTrigger | ObjectTrigger

interface Common {
  /** Names what starts it, not what is started: 16 hexadecimal digits. */
  readonly id: string
  /** In code-point order; never empty. Their order in the run is the plan's. */
  readonly dataflows: readonly string[]
  /** The execution's input: JSON of the project and the dataflows. */
  readonly input: string
}

export interface ScheduleTrigger extends Common {
  readonly kind: 'schedule'
  /** `cron(0 6 * * ? *)`, `rate(1 hour)`. */
  readonly expression: string
  readonly time_zone: string
  readonly window_minutes: number | null
}

export interface ObjectTrigger extends Common {
  readonly kind: 'object_created'
  readonly bucket: string
  /** Matches more than the source does; the dataflow itself tells what is new. Absent: every key. */
  readonly key?: KeyPattern
}

type Start = DistributiveOmit<Trigger, keyof Common>
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

/**
 * Bytes of an execution's input: Step Functions takes 262,144, and so does a schedule. A target of an EventBridge
 * rule takes 8,192 characters (API reference, `Target`).
 */
const largestInput = { schedule: 262_144, object_created: 8192 } as const

/**
 * The triggers that a manifest asks for. Dataflows that start at the same times are one trigger, and so are those
 * that read the same files. Pure, and a function of the set of the active dataflows: their order changes nothing.
 * Throws `ManifestError` `TRIGGER_SOURCE_LOCAL` where arrivals are to be seen at a place that tells of none, and
 * `TRIGGER_TOO_LARGE` where one starts more dataflows than an input can name.
 */
export function planTriggers(manifest: RenderedManifest): Trigger[] {
  const active = manifest.dataflows.filter((dataflow) => dataflow.is_active)
  refuseLocal(
    active.filter((dataflow) => waitsForObjects(dataflow) && place(manifest, dataflow) === undefined),
  )
  const starts = active.flatMap((dataflow) =>
    startsOf(manifest, dataflow).map((start) => ({ start, id: idOf(start), name: dataflow.name })),
  )
  const triggers = [...Map.groupBy(starts, ({ id }) => id)].map(([id, same]): Trigger => {
    const dataflows = same.map(({ name }) => name).sort()
    const input = canonicalJson({ project: manifest.project, dataflows })
    return { ...same[0]!.start, id, dataflows, input }
  })
  triggers.forEach(refuseLarge)
  return triggers.sort((a, b) => (a.id < b.id ? -1 : 1))
}

export function waitsForObjects({ on, source }: Dataflow): boolean {
  return on === 'object_created' && source !== undefined
}

function startsOf(manifest: RenderedManifest, dataflow: Dataflow): Start[] {
  const { schedule } = dataflow
  const starts: Start[] = []
  if (schedule !== undefined && schedule !== 'never') {
    const { cron, rate, time_zone, window_minutes } = schedule
    const expression = cron === undefined ? `rate(${rate})` : `cron(${cron})`
    starts.push({ kind: 'schedule', expression, time_zone, window_minutes: window_minutes ?? null })
  }
  const found = waitsForObjects(dataflow) ? place(manifest, dataflow) : undefined
  if (found !== undefined) {
    const key = keyPattern(found.prefix, dataflow.source!.path)
    starts.push({ kind: 'object_created', bucket: found.bucket, ...(key === undefined ? {} : { key }) })
  }
  return starts
}

/** Of the dataflow's files, where they lie in S3. */
function place(
  manifest: RenderedManifest,
  { source }: Dataflow,
): { readonly bucket: string; readonly prefix: string } | undefined {
  const connection = manifest.connections[source!.connection]
  if (connection?.type !== 'files' || !connection.path.startsWith('s3://')) return undefined
  const [bucket = '', ...prefix] = connection.path.slice('s3://'.length).split('/')
  return { bucket, prefix: prefix.join('/') }
}

function idOf(start: Start): string {
  return sha256(canonicalJson(start)).slice(0, 16)
}

function refuseLocal(dataflows: readonly Dataflow[]): void {
  if (dataflows.length === 0) return
  const places = dataflows.map(({ name, source }) => `${name} (connection ${source!.connection})`)
  throw new ManifestError({
    code: 'TRIGGER_SOURCE_LOCAL',
    fact: `on: object_created takes a connection in S3, and these have none: ${places.join(', ')}`,
    consequence: 'Nothing was deployed',
    next: 'Give the connection a path s3://bucket/prefix, or the dataflow a schedule instead',
  })
}

function refuseLarge({ kind, dataflows, input }: Trigger): void {
  const [size, largest] = [Buffer.byteLength(input), largestInput[kind]]
  if (size <= largest) return
  const what = kind === 'schedule' ? 'one schedule starts' : 'one place’s objects start'
  throw new ManifestError({
    code: 'TRIGGER_TOO_LARGE',
    fact: `${what} ${dataflows.length} dataflows (${dataflows[0]}, …), whose names take ${size} bytes; an input has at most ${largest}`,
    consequence: 'Nothing was deployed',
    next: 'Give some of them another schedule, a minute later for instance',
  })
}
