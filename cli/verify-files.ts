import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunItem } from '../core/runs/items.ts'
import { type NamedObject, objectsOfDataflow, objectsOfRun } from '../core/runs/run-objects.ts'
import type { ObjectReader } from '../core/stores/object-store.ts'
import type { FlowEvidence } from './flow-evidence.ts'
import type { Records } from './home.ts'

/**
 * `removed`: a file of an attempt that did not commit; it was cleared away, as it should be. `changed` and
 * `missing` are what must not be.
 */
export type FileState = 'same' | 'changed' | 'missing' | 'removed'

export interface VerifiedFile {
  readonly store: 'lake' | 'evidence'
  readonly key: string
  readonly sha256: string
  readonly state: FileState
  /** Absent where there is no file. */
  readonly actual_sha256?: string
}

/** Compares every object that a run and its evidence name with the digest that was written down for it. */
export async function verifyRun(
  records: Records,
  run: RunItem,
  flows: readonly FlowEvidence[],
): Promise<{ readonly run: VerifiedFile[]; readonly flows: ReadonlyMap<string, VerifiedFile[]> }> {
  const scratch = join(records.home, 'scratch', `verify-${randomUUID()}`)
  await mkdir(scratch, { recursive: true })
  try {
    const verify = async (objects: readonly NamedObject[]) =>
      await Promise.all(objects.map((object) => verifyFile(records, object, scratch)))
    const byFlow = new Map<string, VerifiedFile[]>()
    for (const { flow, commit } of flows) {
      byFlow.set(flow.dataflow, await verify(await objectsOfDataflow(records, run, flow, commit)))
    }
    return { run: await verify(await objectsOfRun(records, run)), flows: byFlow }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function verifyFile(
  records: Records,
  { store, ref, mayBeGone }: NamedObject,
  scratch: string,
): Promise<VerifiedFile> {
  const actual = await digestObject(records[store], ref.key, scratch)
  const base = { store, key: ref.key, sha256: ref.sha256 }
  if (actual === undefined) return { ...base, state: mayBeGone ? 'removed' : 'missing' }
  return { ...base, state: actual === ref.sha256 ? 'same' : 'changed', actual_sha256: actual }
}

/** Through a local link or copy and in pieces: a data file may be larger than memory. */
export async function digestObject(
  store: ObjectReader,
  key: string,
  scratch: string,
): Promise<string | undefined> {
  const info = await store.head(key)
  if (info === undefined) return undefined
  const path = await store.download(info, scratch)
  try {
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }))
      hash.update(chunk as Buffer)
    return hash.digest('hex')
  } finally {
    await rm(path, { force: true })
  }
}
