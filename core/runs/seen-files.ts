import type { RejectedObject } from '../contract/scan.ts'
import { IntegrityError, SourceError } from '../errors.ts'
import type { ObjectRef } from '../stores/object-ref.ts'
import type { ObjectStore } from '../stores/object-store.ts'
import { type IndexedFile, type QuarantineIndex, readQuarantineIndex } from './quarantine.ts'

/**
 * Where a dataflow's rejected rows lie that may be seen again. Each index carries the files of the one before it, and what
 * that one carried, as long as the files are kept; so the newest index knows all of them, and no chain of indexes is
 * followed. A file all of whose rows are in a newer one is dropped, since the newer one has their first times: a dataflow
 * that reads the same objects in every run carries nothing on.
 */
export interface SeenFile extends IndexedFile {
  /** ISO 8601, UTC: until when the index that wrote it has said that it is kept. */
  readonly expires_at: string
}

/** So many files an index carries, the newest: some 60 KB where each of them is about several objects. */
const mostCarried = 100

/** What one call fetches, the newest first. */
const mostFetched = { files: 100, bytes: 512 * 1024 * 1024 }

/** The newest first; nothing where the index is gone or damaged. */
export async function knownFiles(store: ObjectStore, ref: ObjectRef, now: Date): Promise<SeenFile[]> {
  const index = await readIndex(store, ref)
  if (index === undefined) return []
  const { expires_at } = index
  const own = index.files.map((file): SeenFile => ({ ...file, expires_at }))
  return [...own, ...(index.earlier ?? [])].filter((file) => Date.parse(file.expires_at) > now.getTime())
}

async function readIndex(store: ObjectStore, ref: ObjectRef): Promise<QuarantineIndex | undefined> {
  // As earlier versions had it, a quarantine is one file.
  if (ref.key.endsWith('.parquet')) return undefined
  try {
    return await readQuarantineIndex(store, ref)
  } catch (error) {
    if (error instanceof IntegrityError || error instanceof SourceError) return undefined
    throw error
  }
}

/** What the next index carries of what is known. */
export function carriedFiles(known: readonly SeenFile[], superseded: ReadonlySet<string>): SeenFile[] {
  return known.filter(({ key }) => !superseded.has(key)).slice(0, mostCarried)
}

/**
 * The files that may hold a row of these objects: the same version of one of them, or objects that are not named because
 * they are many.
 */
export function filesAbout(
  known: readonly SeenFile[],
  objects: readonly RejectedObject[] | undefined,
): readonly SeenFile[] {
  const name = ({ source, version }: RejectedObject) => JSON.stringify([source, version])
  const wanted = objects === undefined ? undefined : new Set(objects.map(name))
  let bytes = 0
  return known
    .filter(
      (file) =>
        wanted === undefined ||
        file.objects === undefined ||
        file.objects.some((object) => wanted.has(name(object))),
    )
    .slice(0, mostFetched.files)
    .filter(({ size }) => {
      bytes += size
      return bytes <= mostFetched.bytes
    })
}
