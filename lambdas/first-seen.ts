import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { keepFirstSeen, type SeenBefore } from '../core/contract/first-seen.ts'
import type { RejectedFile } from '../core/contract/scan.ts'
import type { Engine } from '../core/engine/engine.ts'
import { filesAbout, knownFiles } from '../core/runs/seen-files.ts'
import { sha256File } from '../core/stores/object-ref.ts'
import type { GateTask } from './gate-handler.ts'

/**
 * A row that an earlier quarantine of the dataflow holds, too, keeps the time at which it was seen first. Of the files that
 * its newest index knows (core/runs/seen-files.ts) only those about the same versions of objects are fetched. One that is
 * gone, or no longer what was written, knows no row: no load waits for what an older one has set aside.
 */
export async function withFirstSeen(
  task: GateTask,
  engine: Engine,
  rejected: RejectedFile,
): Promise<SeenBefore> {
  const { evidence, clock } = task.ports
  // Rows of a query have no place, so none of them is known again.
  if (task.head.quarantine === undefined || task.dataflow.transform !== undefined)
    return { rejected, superseded: [] }
  const known = await knownFiles(evidence, task.head.quarantine, clock())
  const directory = join(engine.directory, 'seen')
  await mkdir(directory, { recursive: true })
  const keys = new Map<string, string>()
  for (const { key, sha256 } of filesAbout(known, rejected.objects)) {
    const info = await evidence.head(key)
    if (info === undefined) continue
    const path = await evidence.download(info, directory)
    if ((await sha256File(path)) === sha256) keys.set(path, key)
  }
  const seen = await keepFirstSeen(engine, rejected, [...keys.keys()])
  return { ...seen, superseded: seen.superseded.flatMap((path) => keys.get(path) ?? []) }
}
