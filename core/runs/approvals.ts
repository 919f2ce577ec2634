import { ConditionFailedError, PolicyError } from '../errors.ts'
import type { Ports, ReadPorts } from '../ports.ts'
import type { Item, Write } from '../stores/state-store.ts'
import { approvalKey, dataflowKey } from './keys.ts'

/** A person's word that one plan of changes to a table's definition may be carried out, once. */
export interface ApprovalItem extends Item {
  readonly dataflow: string
  /** Digest of the plan. */
  readonly plan: string
  readonly approved_by: string
  /** ISO 8601, UTC. */
  readonly approved_at: string
  /** The run whose commit carried the plan out; `null`: none has. */
  readonly consumed_by: string | null
}

export async function readApproval(
  ports: Pick<ReadPorts, 'state'>,
  project: string,
  dataflow: string,
  plan: string,
): Promise<ApprovalItem | undefined> {
  return (await ports.state.get(dataflowKey(project, dataflow), approvalKey(plan))) as
    | ApprovalItem
    | undefined
}

/** Records the approval; one that is there and not used up is left as it is. */
export async function approvePlan(
  ports: Pick<Ports, 'state' | 'clock'>,
  project: string,
  approval: Pick<ApprovalItem, 'dataflow' | 'plan' | 'approved_by'>,
): Promise<ApprovalItem> {
  const before = await readApproval(ports, project, approval.dataflow, approval.plan)
  if (before !== undefined && before.consumed_by === null) return before
  const item: ApprovalItem = {
    pk: dataflowKey(project, approval.dataflow),
    sk: approvalKey(approval.plan),
    ...approval,
    approved_at: ports.clock().toISOString(),
    consumed_by: null,
  }
  const expect = before === undefined ? 'absent' : { consumed_by: before.consumed_by }
  try {
    await ports.state.transact([{ kind: 'put', item, expect }])
    return item
  } catch (error) {
    const now = await readApproval(ports, project, approval.dataflow, approval.plan)
    if (error instanceof ConditionFailedError && now?.consumed_by === null) return now
    throw error
  }
}

/** The write by which a commit uses the approval up; it fails where another commit has. Throws `PolicyError` `DDL_APPROVAL_GONE`. */
export async function consumeApproval(
  ports: Pick<ReadPorts, 'state'>,
  project: string,
  dataflow: string,
  plan: string,
  runId: string,
): Promise<Write> {
  const approval = await readApproval(ports, project, dataflow, plan)
  if (approval === undefined || approval.consumed_by !== null) throw approvalGone(dataflow, plan)
  return {
    kind: 'put',
    item: { ...approval, consumed_by: runId },
    expect: { plan, approved_at: approval.approved_at, consumed_by: null },
  }
}

export function approvalGone(dataflow: string, plan: string, cause?: unknown): PolicyError {
  return new PolicyError({
    code: 'DDL_APPROVAL_GONE',
    fact: `the approval of plan ${plan} of ${dataflow} was used up by another commit, or taken back`,
    consequence: 'Nothing of this attempt is visible',
    next: 'Run again: the plan is made anew, and can be approved anew',
    cause,
  })
}
