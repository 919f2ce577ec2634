import type { RejectContext, RejectedFile } from '../core/contract/scan.ts'
import { digestOnce } from '../core/json.ts'
import type { QuarantineFile } from '../core/runs/contract-record.ts'
import { checkPreserve } from '../core/runs/environments.ts'
import type { GateTask } from './gate-handler.ts'
import { quarantineName } from './index-rejected.ts'
import { storeOnce } from './store-once.ts'

/** What every rejected row of this call says besides its reasons. */
export function rejectContext(task: GateTask, shard?: number): RejectContext {
  // The plan has refused it; a run that was planned elsewhere, or before the environment was set, comes to this.
  checkPreserve(task.ports.environment, [task.dataflow])
  return {
    contract_sha256: digestOnce(task.dataflow.contract),
    seen_at: task.ports.clock().toISOString(),
    scan: quarantineName(task, shard),
  }
}

/** `supersedes`: keys of earlier files all of whose rows are in this one. */
export async function storeRejected(
  task: GateTask,
  { file, rows, objects }: RejectedFile,
  supersedes: readonly string[],
  shard?: number,
): Promise<QuarantineFile> {
  const { object } = await storeOnce(task.ports.evidence, quarantineName(task, shard), file)
  const known = supersedes.length === 0 ? {} : { supersedes }
  return { object, rows, ...(objects === undefined ? {} : { objects }), ...known }
}
