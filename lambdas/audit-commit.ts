import {
  CommitConflictError,
  ConditionFailedError,
  LeaseLostError,
  UnknownOutcomeError,
} from '../core/errors.ts'
import { approvalGone, consumeApproval } from '../core/runs/approvals.ts'
import { readCommit, readSourceState } from '../core/runs/commit.ts'
import type { AuditCommitRecord } from '../core/runs/commit-records.ts'
import type { CommitItem, HeadItem, SourceStateChange } from '../core/runs/items.ts'
import { commitKey, dataflowKey, stateKey } from '../core/runs/keys.ts'
import { leaseLost, readHead } from '../core/runs/lease.ts'
import { outdated, replayAcknowledgement } from '../core/runs/replay.ts'
import { isRepetition } from '../core/runs/uncommitted.ts'
import { warningsOf } from '../core/runs/warnings.ts'
import { nextSourceState } from '../core/sources/source-state.ts'
import type { Write } from '../core/stores/state-store.ts'
import { parseTable } from '../core/tables/identifier.ts'
import { type GateTask, gateHandler } from './gate-handler.ts'

/**
 * Gate 10: the one moment at which the load becomes visible. A single transaction
 * 0. moves the dataflow's head, if this attempt's fence is still the newest,
 * 1. moves the table's pointer from the base to the prepared metadata, if nobody else has,
 * 2. writes the commit record, if this run has none for this dataflow,
 * 3. checks that the source state is still the one that extract read,
 * 4. uses up the approval of the table's change, where one was needed,
 * 5. acknowledges the rejected rows that a replay brings.
 *
 * After an answer that never came the commit record is read back: it is there, or it is not and then the
 * transaction did not happen *yet*. That last word is why an unknown outcome is not repeated here: the next
 * attempt raises the fence first, and from then on condition 0 keeps the lost transaction out for good.
 */
export async function auditCommit(task: GateTask): Promise<AuditCommitRecord> {
  const finalize = task.record('finalize')
  const found = await readCommit(task.ports, task.project, task.dataflow.name, task.ref.run_id)
  if (found !== undefined) return await recognise(task, found)
  const commit = await commitItem(task)
  const head: HeadItem = { ...task.head, last_commit: task.ref.run_id }
  const { previous_version } = commit.source_state
  const pk = dataflowKey(task.project, task.dataflow.name)
  const writes: Write[] = [
    { kind: 'put', item: head, expect: { fence: task.ref.fence } },
    {
      kind: 'pointer',
      table: parseTable(task.dataflow.sink.table),
      base: finalize.base_location ?? undefined,
      next: finalize.metadata_location,
    },
    { kind: 'put', item: commit, expect: 'absent' },
    {
      kind: 'check',
      pk,
      sk: stateKey,
      expect: previous_version === 0 ? 'absent' : { version: previous_version },
    },
  ]
  const { approval } = task.record('physical_ddl')
  let replayIndex = -1
  if (approval !== null)
    writes.push(
      await consumeApproval(task.ports, task.project, task.dataflow.name, approval.plan, task.ref.run_id),
    )
  const { replay } = task.manifest
  if (replay !== undefined) {
    writes.push(await replayAcknowledgement(task.ports, replay, task.ref.run_id))
    replayIndex = writes.length - 1
  }
  try {
    await task.ports.state.transact(writes)
  } catch (error) {
    if (error instanceof ConditionFailedError) return await explain(task, error, replayIndex)
    if (error instanceof UnknownOutcomeError) return await readBack(task, error)
    throw error
  }
  task.head = head
  return { metadata_location: finalize.metadata_location, snapshot_id: finalize.snapshot_id, found: false }
}

async function commitItem(task: GateTask): Promise<CommitItem> {
  const { run_id, attempt, round, fence } = task.ref
  const finalize = task.record('finalize')
  const contract = task.record('contract')
  return {
    pk: dataflowKey(task.project, task.dataflow.name),
    sk: commitKey(run_id),
    run_id,
    dataflow: task.dataflow.name,
    attempt,
    fence,
    table: task.dataflow.sink.table,
    snapshot_id: finalize.snapshot_id,
    base_location: finalize.base_location,
    metadata_location: finalize.metadata_location,
    rows: contract.rows,
    evidence: task.record('evidence').evidence,
    ...(contract.quarantine === undefined ? {} : { quarantine: contract.quarantine }),
    ...warningsOf(task.log),
    leftovers: round > 0 || contract.files.some(({ object }) => isRepetition(object.key)),
    source_state: await sourceStateChange(task),
    committed_at: task.ports.clock().toISOString(),
  }
}

async function sourceStateChange(task: GateTask): Promise<SourceStateChange> {
  const { run_id, attempt, round } = task.ref
  const { project, dataflow, ports } = task
  const stored = await readSourceState(ports, project, dataflow.name)
  const extract = task.record('extract')
  if (extract.replay !== undefined && stored !== undefined)
    return { previous_version: extract.state_version, state: stored.state }
  const key = `state/${project}/${dataflow.name}/${run_id}-${String(attempt).padStart(4, '0')}-${round}.json`
  return await nextSourceState(ports, dataflow, stored, extract, task.record('contract'), key)
}

/** The same transaction may fail because it has already happened: that is success, and is looked for first. */
async function explain(
  task: GateTask,
  error: ConditionFailedError,
  replayIndex: number,
): Promise<AuditCommitRecord> {
  const found = await readCommit(task.ports, task.project, task.dataflow.name, task.ref.run_id)
  if (found !== undefined) return await recognise(task, found)
  if (error.index === 0) throw leaseLost(error)
  if (error.index === 1) {
    throw new CommitConflictError({
      code: 'COMMIT_CONFLICT',
      fact: `another writer has committed to ${task.dataflow.sink.table} since this attempt read it`,
      consequence: 'Nothing of this attempt is visible; its files are staged again on the new base',
      cause: error,
    })
  }
  if (error.index === replayIndex && task.manifest.replay !== undefined) {
    throw outdated(task.manifest.replay.plan, error)
  }
  if (error.index === 4) {
    throw approvalGone(task.dataflow.name, task.record('physical_ddl').approval?.plan ?? '', error)
  }
  const state = await readSourceState(task.ports, task.project, task.dataflow.name)
  throw new LeaseLostError({
    code: 'SOURCE_STATE_MOVED',
    fact: `the source state is at version ${state?.version ?? 0}, but this attempt read version ${task.record('extract').state_version}`,
    consequence: 'Nothing of this attempt is visible',
    next: 'Run again; it reads from the newer state',
    cause: error,
  })
}

async function readBack(task: GateTask, error: UnknownOutcomeError): Promise<AuditCommitRecord> {
  const found = await readCommit(task.ports, task.project, task.dataflow.name, task.ref.run_id)
  if (found !== undefined) return await recognise(task, found)
  throw error
}

async function recognise(task: GateTask, found: CommitItem): Promise<AuditCommitRecord> {
  task.head = await readHead(task.ports, task.project, task.dataflow.name)
  return { metadata_location: found.metadata_location, snapshot_id: found.snapshot_id, found: true }
}

export const handler = gateHandler('audit_commit', auditCommit)
