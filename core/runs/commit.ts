import { ConditionFailedError, IntegrityError } from '../errors.ts'
import type { Ports, ReadPorts } from '../ports.ts'
import type { CommitItem, SourceStateItem } from './items.ts'
import { commitKey, dataflowKey, stateKey } from './keys.ts'

type State = Pick<Ports, 'state' | 'clock'>

export async function readCommit(
  ports: Pick<ReadPorts, 'state'>,
  project: string,
  dataflow: string,
  runId: string,
): Promise<CommitItem | undefined> {
  return (await ports.state.get(dataflowKey(project, dataflow), commitKey(runId))) as CommitItem | undefined
}

/** `undefined` before the first commit; its version counts as 0. */
export async function readSourceState(
  ports: Pick<ReadPorts, 'state'>,
  project: string,
  dataflow: string,
): Promise<SourceStateItem | undefined> {
  return (await ports.state.get(dataflowKey(project, dataflow), stateKey)) as SourceStateItem | undefined
}

/**
 * Moves the source state to what the commit entitles to, from exactly the version that the commit saw.
 *
 * Doing it again changes nothing: a state that this commit, or a commit after it, has already moved is left
 * as it is. (A later commit cannot exist before this one's state has moved, since `admit` heals it first and
 * every commit checks the version that it read.)
 */
export async function advanceSourceState(
  ports: State,
  project: string,
  commit: CommitItem,
): Promise<SourceStateItem> {
  const current = await readSourceState(ports, project, commit.dataflow)
  const version = current?.version ?? 0
  const wanted = commit.source_state.previous_version + 1
  if (current !== undefined && version >= wanted) return current
  if (version !== commit.source_state.previous_version) throw versionMismatch(commit, version)
  const next: SourceStateItem = {
    pk: dataflowKey(project, commit.dataflow),
    sk: stateKey,
    version: wanted,
    run_id: commit.run_id,
    table: commit.table,
    state: commit.source_state.state,
    updated_at: ports.clock().toISOString(),
  }
  try {
    await ports.state.transact([
      { kind: 'put', item: next, expect: version === 0 ? 'absent' : { version } },
      { kind: 'check', pk: commit.pk, sk: commit.sk, expect: { run_id: commit.run_id } },
    ])
    return next
  } catch (error) {
    const now = await readSourceState(ports, project, commit.dataflow)
    if (error instanceof ConditionFailedError && now !== undefined && now.version >= wanted) return now
    throw error
  }
}

function versionMismatch(commit: CommitItem, version: number): IntegrityError {
  return new IntegrityError({
    code: 'SOURCE_STATE_VERSION',
    fact: `the commit of run ${commit.run_id} on ${commit.dataflow} follows source state version ${commit.source_state.previous_version}, but version ${version} is stored`,
    consequence: 'The source state was not moved',
    next: 'The state table was changed by something else; restore it before the next run',
  })
}
