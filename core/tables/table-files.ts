import { ConditionFailedError, IntegrityError } from '../errors.ts'
import { sha256 } from '../json.ts'
import type { ObjectRef } from '../stores/object-ref.ts'
import type { ObjectStore } from '../stores/object-store.ts'

/** An immutable file of a table that is about to be written. */
export interface TableFile {
  readonly key: string
  readonly body: Uint8Array
}

/** Reads in flight at a time: manifests are some kilobytes, so this bounds sockets and not memory. */
const parallelReads = 16

/**
 * Writes the files, each only where there is none; a file that is there with the same bytes is this attempt's
 * own from before. Nothing is in flight when it throws. Throws `IntegrityError` `TABLE_FILE_DIFFERS` where a
 * name is taken by other bytes, and whatever the store throws.
 */
export async function writeTableFiles(store: ObjectStore, files: readonly TableFile[]): Promise<ObjectRef[]> {
  const outcomes = await Promise.allSettled(files.map((file) => writeOnce(store, file)))
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })
}

async function writeOnce(store: ObjectStore, { key, body }: TableFile): Promise<ObjectRef> {
  const ref = { key, size: body.byteLength, sha256: sha256(body) }
  try {
    await store.put(key, body, 'absent')
  } catch (error) {
    if (!(error instanceof ConditionFailedError)) throw error
    const present = await store.get(key)
    if (sha256(present.body) !== ref.sha256) {
      throw new IntegrityError({
        code: 'TABLE_FILE_DIFFERS',
        fact: `${store.uri}/${key} is there already with other bytes than this attempt would write`,
        consequence: 'It was left as it is, and nothing was committed',
        next: 'Start a new attempt: the same attempt must not be repeated with another base or other files',
        details: { key },
        cause: error,
      })
    }
  }
  return ref
}

/** Results in the order of `items`. */
export async function mapParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length)
  let next = 0
  const lane = async () => {
    while (next < items.length) {
      const index = next
      next += 1
      results[index] = await work(items[index] as T)
    }
  }
  await Promise.all(Array.from({ length: Math.min(parallelReads, items.length) }, lane))
  return results
}
