import { ConditionFailedError } from '../errors.ts'
import { canonicalJson, sha256 } from '../json.ts'
import { type ObjectRef, readJsonRef, writeJson } from '../stores/object-ref.ts'
import type { ObjectStore } from '../stores/object-store.ts'

/** Several files of rejected rows under one reference: what the shards of one load have set aside. */
export interface QuarantineIndex {
  readonly schema: 'sluice.quarantine_index.v1'
  /** In the order of the shards. */
  readonly files: readonly ObjectRef[]
}

/**
 * One reference for all of the files, or `undefined` where there is none. A single file stands for itself. The index is
 * written under `key` once; a repetition, which names the same files, finds its own.
 */
export async function indexQuarantine(
  store: ObjectStore,
  key: string,
  files: readonly ObjectRef[],
): Promise<ObjectRef | undefined> {
  if (files.length < 2) return files[0]
  const index: QuarantineIndex = { schema: 'sluice.quarantine_index.v1', files }
  try {
    return await writeJson(store, key, index, 'absent')
  } catch (error) {
    if (!(error instanceof ConditionFailedError)) throw error
    const body = Buffer.from(`${canonicalJson(index)}\n`, 'utf8')
    const ref = { key, size: body.byteLength, sha256: sha256(body) }
    // Proves that what is there is what would have been written.
    await readJsonRef(store, ref)
    return ref
  }
}

/** The Parquet files of rejected rows that a reference stands for. Throws where an index was changed. */
export async function quarantineFiles(store: ObjectStore, ref: ObjectRef): Promise<readonly ObjectRef[]> {
  if (!ref.key.endsWith('.json')) return [ref]
  return (await readJsonRef<QuarantineIndex>(store, ref)).files
}
