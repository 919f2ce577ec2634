import { ConditionFailedError, RetryableError } from '../errors.ts'
import type { Ports, ReadPorts } from '../ports.ts'
import type { ObjectRef } from '../stores/object-ref.ts'
import type { Item, Put } from '../stores/state-store.ts'
import { quarantineKey, runKey } from './keys.ts'
import type { QuarantineIndex } from './quarantine.ts'

/** What has become of the rows that one run of a dataflow set aside. Absent as long as nobody has said anything. */
export interface QuarantineItem extends Item {
  readonly run_id: string
  readonly dataflow: string
  readonly index: ObjectRef
  /** From 1; grows with every acknowledgement, so that two of them cannot count the same row. */
  readonly version: number
  readonly rows: number
  /** In the order in which they were given. */
  readonly acknowledged: readonly Acknowledgement[]
  readonly expires_at: string
  /** The files of rejected rows are gone, or are being removed; the index stays. */
  readonly removed?: { readonly by: string; readonly at: string }
}

/** Somebody's word that rows need nothing more: they were replayed, or they may stay out. */
export interface Acknowledgement {
  readonly covers: Covers
  /** How many rows this one covers that none before it does. */
  readonly rows: number
  readonly by: string
  /** ISO 8601, UTC. */
  readonly at: string
  /** Why they may stay out; there exactly where they were not replayed. */
  readonly reason?: string
  readonly replay?: { readonly plan: string; readonly run_id: string; readonly input_sha256: string }
}

/** Which of the rows that are still pending. `codes`: those that have any of these reasons. */
export type Covers =
  | { readonly all: true }
  | { readonly row_ids: readonly string[] }
  | { readonly codes: readonly string[] }

/** Row ids in one acknowledgement, and acknowledgements of one quarantine: what an item of 400 KB has room for. */
export const maxRowIds = 100
export const maxAcknowledgements = 50

export async function readQuarantineItem(
  ports: Pick<ReadPorts, 'state'>,
  runId: string,
  dataflow: string,
): Promise<QuarantineItem | undefined> {
  return (await ports.state.get(runKey(runId), quarantineKey(dataflow))) as QuarantineItem | undefined
}

export function acknowledgedRows(item: QuarantineItem | undefined): number {
  return (item?.acknowledged ?? []).reduce((sum, { rows }) => sum + rows, 0)
}

/** The write that adds an acknowledgement to exactly this version of the item; 0 stands for "no item yet". */
export function acknowledgeWrite(
  known: QuarantineItem | undefined,
  index: { readonly ref: ObjectRef } & Pick<QuarantineIndex, 'run_id' | 'dataflow' | 'rows' | 'expires_at'>,
  acknowledgement: Acknowledgement,
): Put {
  const { ref, run_id, dataflow, rows, expires_at } = index
  const version = known?.version ?? 0
  const item: QuarantineItem = {
    ...known,
    pk: runKey(run_id),
    sk: quarantineKey(dataflow),
    run_id,
    dataflow,
    index: ref,
    rows,
    expires_at,
    version: version + 1,
    acknowledged: [...(known?.acknowledged ?? []), acknowledgement],
  }
  return { kind: 'put', item, expect: version === 0 ? 'absent' : { version } }
}

/** Throws `RetryableError` `QUARANTINE_MOVED` where somebody else has acknowledged rows meanwhile. */
export async function writeQuarantineItem(ports: Pick<Ports, 'state'>, write: Put): Promise<void> {
  try {
    await ports.state.transact([write])
  } catch (error) {
    if (!(error instanceof ConditionFailedError)) throw error
    const { run_id, dataflow } = write.item as QuarantineItem
    throw new RetryableError({
      code: 'QUARANTINE_MOVED',
      fact: `somebody else has just changed what is said of the quarantine of ${dataflow} in run ${run_id}`,
      consequence: 'Nothing was acknowledged or removed',
      next: 'Do it again: it looks at the rows that are pending now',
      cause: error,
    })
  }
}
