import { RetryableError, SluiceError, summarizeError, TerminalError } from '../core/errors.ts'
import { type MirrorPorts, mirrorTable } from '../core/mirror/mirror-table.ts'
import { reconcile } from '../core/mirror/reconcile.ts'
import { inParallel } from '../core/stores/aws-parallel.ts'
import { tableOf } from '../core/stores/dynamodb-catalog.ts'
import type { TableIdentifier } from '../core/stores/state-store.ts'
import { controlHandler } from './control-handler.ts'

/** Records of the catalog table's stream, keys only; or an order to compare everything. */
export type MirrorEvent = StreamEvent | { readonly mode: 'reconcile' }

interface StreamEvent {
  readonly Records: readonly StreamRecord[]
}

export interface StreamRecord {
  readonly dynamodb: {
    readonly SequenceNumber: string
    readonly Keys: Readonly<Record<string, { readonly S: string }>>
  }
}

/** As Lambda wants it: the stream is read again from the first of these. */
export interface BatchResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[]
}

/** Counts; the particulars are in the log. */
export interface ReconcileResponse {
  readonly tables: number
  readonly drift: number
  readonly on_the_way: number
  readonly failed: number
}

/**
 * Copies the catalog's pointers to Glue. It is no part of the workflow: a dataflow has committed before this
 * hears of it, so nothing that goes wrong here stops one, and what Spark commits to the catalog is copied too.
 *
 * A record says only *that* a table was touched. Which pointer it has is read from the catalog, so that records
 * may come twice, late, or in any order. A table that Glue cannot serve now is asked for again; one that can
 * never be mirrored is reported and holds up no other.
 */
export async function mirror(
  event: MirrorEvent,
  ports: MirrorPorts,
): Promise<BatchResponse | ReconcileResponse> {
  if ('Records' in event && Array.isArray(event.Records)) return await mirrorTouched(event.Records, ports)
  if ('mode' in event && event.mode === 'reconcile') return await compareAll(ports)
  throw new TerminalError({
    code: 'MIRROR_EVENT_INVALID',
    fact: 'The mirror was called with neither records of a stream nor {"mode":"reconcile"}',
    consequence: 'Nothing was done',
    next: 'Call it with {"mode":"reconcile"} to compare all tables',
  })
}

/** Tables mirrored side by side. */
const lanes = 8

async function mirrorTouched(records: readonly StreamRecord[], ports: MirrorPorts): Promise<BatchResponse> {
  const failures = await inParallel(touched(records), lanes, async ({ table, first }) => {
    const name = `${table.namespace}.${table.name}`
    try {
      const { action } = await mirrorTable(ports, table)
      ports.report({ event: 'mirrored', table: name, action })
      return []
    } catch (error) {
      const again = mayTryAgain(error)
      const event = again ? 'mirror_delayed' : 'mirror_failed'
      ports.report({ event, table: name, error: summarizeError(error) })
      return again ? [{ itemIdentifier: first }] : []
    }
  })
  return { batchItemFailures: failures.flat() }
}

/** Each table once, with the sequence number of the first record that names it. */
function touched(records: readonly StreamRecord[]): { table: TableIdentifier; first: string }[] {
  const tables = new Map<string, { table: TableIdentifier; first: string }>()
  for (const { dynamodb } of records) {
    const table = tableOf(dynamodb.Keys)
    const name = dynamodb.Keys.identifier?.S ?? ''
    if (table !== undefined && !tables.has(name)) tables.set(name, { table, first: dynamodb.SequenceNumber })
  }
  return [...tables.values()]
}

/** An error that nobody has classified may pass; Lambda gives up on it by the record's age. */
function mayTryAgain(error: unknown): boolean {
  return error instanceof RetryableError || !(error instanceof SluiceError)
}

async function compareAll(ports: MirrorPorts): Promise<ReconcileResponse> {
  const { tables, drift, on_the_way, failed } = await reconcile(ports)
  for (const each of drift) ports.report({ event: 'mirror_drift', ...each })
  for (const each of failed) ports.report({ event: 'mirror_failed', ...each })
  const counts = { tables, drift: drift.length, on_the_way, failed: failed.length }
  ports.report({ event: 'mirror_reconciled', ...counts })
  return counts
}

export const handler = controlHandler<MirrorEvent, MirrorPorts>('mirror', mirror, async () => {
  const { mirrorPortsFromEnvironment } = await import('./mirror-environment.ts')
  return mirrorPortsFromEnvironment()
})
