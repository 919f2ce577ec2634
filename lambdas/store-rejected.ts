import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { keepFirstSeen } from '../core/contract/rejected.ts'
import type { RejectContext, RejectedFile } from '../core/contract/scan.ts'
import type { Engine } from '../core/engine/engine.ts'
import { IntegrityError, SourceError } from '../core/errors.ts'
import { digestOf } from '../core/json.ts'
import { checkPreserve } from '../core/runs/environments.ts'
import { filesAbout, type QuarantineIndex, readQuarantineIndex } from '../core/runs/quarantine.ts'
import type { QuarantineFile } from '../core/runs/records.ts'
import type { ObjectRef } from '../core/stores/object-ref.ts'
import type { GateTask } from './gate-handler.ts'
import { quarantineName } from './index-rejected.ts'
import { storeOnce } from './store-once.ts'

/** What every rejected row of this call says besides its reasons. */
export function rejectContext(task: GateTask, shard?: number): RejectContext {
  // The plan has refused it; a run that was planned elsewhere, or before the environment was set, comes to this.
  checkPreserve(task.ports.environment, [task.dataflow])
  return {
    contract_sha256: digestOf(task.dataflow.contract),
    seen_at: task.ports.clock().toISOString(),
    scan: quarantineName(task, shard),
  }
}

/**
 * A row that the dataflow's last quarantine holds, too, keeps the time at which it was seen first. Only that one is
 * looked at, and only its files about the same versions of objects: whoever reads an object again, a strict dataflow
 * that was stopped by it or an overwrite, does so in its next run.
 */
export async function withFirstSeen(
  task: GateTask,
  engine: Engine,
  rejected: RejectedFile,
): Promise<RejectedFile> {
  const { quarantine } = task.head
  if (quarantine === undefined) return rejected
  const index = await knownIndex(task, quarantine)
  const files = index === undefined ? [] : filesAbout(index, rejected.objects)
  const directory = join(engine.directory, 'seen')
  await mkdir(directory, { recursive: true })
  const paths: string[] = []
  for (const { key } of files) {
    const info = await task.ports.evidence.head(key)
    // It may have been removed after its time.
    if (info !== undefined) paths.push(await task.ports.evidence.download(info, directory))
  }
  return paths.length === 0 ? rejected : await keepFirstSeen(engine, rejected, paths)
}

/** An index that is gone or damaged knows no row. No load waits for what an older one has set aside. */
async function knownIndex(task: GateTask, ref: ObjectRef): Promise<QuarantineIndex | undefined> {
  try {
    return await readQuarantineIndex(task.ports.evidence, ref)
  } catch (error) {
    if (error instanceof IntegrityError || error instanceof SourceError) return undefined
    throw error
  }
}

export async function storeRejected(
  task: GateTask,
  { file, rows, objects }: RejectedFile,
  shard?: number,
): Promise<QuarantineFile> {
  const { object } = await storeOnce(task.ports.evidence, quarantineName(task, shard), file)
  return { object, rows, ...(objects === undefined ? {} : { objects }) }
}
