import { IntegrityError } from '../core/errors.ts'
import { advanceSourceState, readCommit } from '../core/runs/commit.ts'
import type { SourceStateRecord } from '../core/runs/commit-records.ts'
import { type GateTask, gateHandler } from './gate-handler.ts'

/** Gate 11: the source state moves to what the commit record entitles to, and only because there is one. */
export async function sourceState(task: GateTask): Promise<SourceStateRecord> {
  const { run_id, dataflow } = task.ref
  const commit = await readCommit(task.ports, task.project, dataflow, run_id)
  if (commit === undefined) {
    throw new IntegrityError({
      code: 'COMMIT_MISSING',
      fact: `run ${run_id} has no commit record for ${dataflow}`,
      consequence: 'The source state stays where it was',
      next: 'Run the dataflow again; it reads the same rows',
    })
  }
  const moved = await advanceSourceState(task.ports, task.project, commit)
  return { version: moved.version, state: moved.state }
}

export const handler = gateHandler('source_state', sourceState)
