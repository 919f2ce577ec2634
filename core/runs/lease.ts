import { ConditionFailedError, LeaseHeldError, LeaseLostError } from '../errors.ts'
import type { Ports, ReadPorts } from '../ports.ts'
import type { Write } from '../stores/state-store.ts'
import type { HeadItem, Lease } from './items.ts'
import { dataflowKey, headKey } from './keys.ts'

/** An attempt that has shown no life for this long may be taken over. One Lambda lives at most 15 minutes. */
const leaseMilliseconds = 30 * 60 * 1000

/** While a gate is at work its lease is renewed this often, so that only an attempt that died loses it. */
export const renewalMilliseconds = leaseMilliseconds / 6

export async function readHead(
  ports: Pick<ReadPorts, 'state'>,
  project: string,
  dataflow: string,
): Promise<HeadItem> {
  const pk = dataflowKey(project, dataflow)
  const item = await ports.state.get(pk, headKey)
  return (item ?? { pk, sk: headKey, fence: 0, lease: null, last_commit: null }) as HeadItem
}

/**
 * The write by which an attempt takes the dataflow over: the fence grows, so that everything an older
 * attempt still tries to write fails.
 *
 * Throws `LeaseHeldError` while another run holds the lease, it has not expired, and its process is not
 * known to be dead. A run may always take over from itself: that is what a retry and a resume are.
 */
export function takeLease(
  ports: Ports,
  head: HeadItem,
  runId: string,
  attempt: number,
): { head: HeadItem; write: Write } {
  const now = ports.clock().getTime()
  const held = head.lease
  if (held !== null && held.run_id !== runId && held.expires_at > now && !ports.worker.isGone(held.worker)) {
    throw new LeaseHeldError({
      code: 'LEASE_HELD',
      fact: `run ${held.run_id} is working on ${head.pk.slice('DATAFLOW#'.length)} and holds its lease until ${new Date(held.expires_at).toISOString()}`,
      consequence: 'Nothing was read or written by this run',
      next: `Wait for that run to end (sluice status ${held.run_id}), or start again after the lease has expired`,
      details: { run_id: held.run_id, expires_at: held.expires_at },
    })
  }
  const next: HeadItem = { ...head, fence: head.fence + 1, lease: lease(ports, runId, attempt) }
  return {
    head: next,
    write: { kind: 'put', item: next, expect: head.fence === 0 ? 'absent' : { fence: head.fence } },
  }
}

/**
 * The condition that every write of an attempt shares: its fence is the newest, and nothing was committed since
 * the head was read (a call that somebody repeated, and that ends after the repetition has committed, would
 * otherwise take `last_commit` back, by which the source state is healed). When a third of the lease has
 * passed, the same write renews it.
 */
export function holdLease(ports: Ports, head: HeadItem): Write {
  return isYoung(ports, head) ? checkLease(head) : renewal(ports, head)
}

/** The condition of {@link holdLease} alone. It changes nothing, so calls that are many at a time do not part over it. */
export function checkLease({ pk, sk, fence, last_commit }: HeadItem): Write {
  return { kind: 'check', pk, sk, expect: { fence, last_commit } }
}

function isYoung(ports: Ports, head: HeadItem): boolean {
  const held = head.lease as Lease
  return held.expires_at - ports.clock().getTime() > (leaseMilliseconds * 2) / 3
}

/**
 * Renews the lease of an attempt whose shards are at work side by side: whoever finds it old does so for all of them.
 * It looks at the stored head first, so that forty shards renew it once and not forty times. A lease that another
 * attempt has taken over is left alone; the shard's own record, which has the fence in its condition, then fails.
 */
export async function renewSharedLease(ports: Ports, known: HeadItem): Promise<void> {
  if (isYoung(ports, known)) return
  const head = (await ports.state.get(known.pk, known.sk)) as HeadItem | undefined
  const isOurs = head?.fence === known.fence && head.lease !== null && head.last_commit === known.last_commit
  if (isOurs && !isYoung(ports, head)) await renewLease(ports, head)
}

/** Renews the lease whatever its age, under the same conditions. */
export async function renewLease(ports: Ports, head: HeadItem): Promise<void> {
  await transactFenced(ports, [renewal(ports, head)], 0)
}

function renewal(ports: Ports, head: HeadItem): Write {
  const { fence, last_commit } = head
  const held = head.lease as Lease
  const renewed: HeadItem = { ...head, lease: lease(ports, held.run_id, held.attempt) }
  return { kind: 'put', item: renewed, expect: { fence, last_commit } }
}

/** Raises the fence as well, so that a late write of the attempt that ends here cannot bring its lease back. */
export function releaseLease(head: HeadItem): Write {
  return { kind: 'put', item: { ...head, fence: head.fence + 1, lease: null }, expect: { fence: head.fence } }
}

/** Applies the writes; a failed condition on the write at `headIndex` means that the fence is stale. */
export async function transactFenced(
  ports: Pick<Ports, 'state'>,
  writes: readonly Write[],
  headIndex: number,
): Promise<void> {
  try {
    await ports.state.transact(writes)
  } catch (error) {
    if (error instanceof ConditionFailedError && error.index === headIndex) throw leaseLost(error)
    throw error
  }
}

export function leaseLost(cause?: unknown): LeaseLostError {
  return new LeaseLostError({
    code: 'LEASE_LOST',
    fact: 'a newer attempt has taken this dataflow over',
    consequence: 'This attempt stopped and wrote nothing more',
    next: 'Look at the newer attempt; there is nothing to repair here',
    cause,
  })
}

function lease(ports: Ports, runId: string, attempt: number): Lease {
  return {
    run_id: runId,
    attempt,
    worker: ports.worker.id,
    expires_at: ports.clock().getTime() + leaseMilliseconds,
  }
}
