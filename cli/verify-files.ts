import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunItem } from '../core/runs/items.ts'
import { quarantineFiles } from '../core/runs/quarantine.ts'
import type { ObjectRef } from '../core/stores/object-ref.ts'
import type { ObjectStore } from '../core/stores/object-store.ts'
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

/** Compares every file that a run and its evidence name with the digest that was written down for it. */
export async function verifyRun(
  records: Records,
  run: RunItem,
  flows: readonly FlowEvidence[],
): Promise<{ readonly run: VerifiedFile[]; readonly flows: ReadonlyMap<string, VerifiedFile[]> }> {
  const scratch = join(records.home, 'scratch', `verify-${randomUUID()}`)
  await mkdir(scratch, { recursive: true })
  try {
    const verify = (store: 'lake' | 'evidence', ref: ObjectRef | null | undefined, mayBeGone = false) =>
      ref === null || ref === undefined ? [] : [verifyFile(records[store], store, ref, mayBeGone, scratch)]
    const ofRun = [
      ...verify('evidence', run.manifest),
      ...verify('evidence', run.plan),
      ...verify('evidence', run.result),
    ]
    const byFlow = new Map<string, VerifiedFile[]>()
    for (const { flow, evidence, commit } of flows) {
      const files = (evidence?.files ?? []).flatMap((ref) => verify('lake', ref, commit === undefined))
      const rejected = await rejectedFiles(records, evidence?.quarantine)
      const kept = [flow.evidence, ...rejected].flatMap((ref) => verify('evidence', ref))
      byFlow.set(flow.dataflow, await Promise.all([...kept, ...files]))
    }
    return { run: await Promise.all(ofRun), flows: byFlow }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** The reference itself and, where it is an index, the files in it; a damaged index is found by its own digest. */
async function rejectedFiles(records: Records, ref: ObjectRef | null | undefined): Promise<ObjectRef[]> {
  if (ref === null || ref === undefined) return []
  const files = await quarantineFiles(records.evidence, ref).catch(() => [])
  return [ref, ...files.filter((file) => file.key !== ref.key)]
}

async function verifyFile(
  store: ObjectStore,
  name: 'lake' | 'evidence',
  ref: ObjectRef,
  mayBeGone: boolean,
  scratch: string,
): Promise<VerifiedFile> {
  const actual = await digestObject(store, ref.key, scratch)
  const base = { store: name, key: ref.key, sha256: ref.sha256 }
  if (actual === undefined) return { ...base, state: mayBeGone ? 'removed' : 'missing' }
  return { ...base, state: actual === ref.sha256 ? 'same' : 'changed', actual_sha256: actual }
}

/** Through a local link or copy and in pieces: a data file may be larger than memory. */
export async function digestObject(
  store: ObjectStore,
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
