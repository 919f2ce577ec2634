import { sep } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { directoryFault } from './directory-faults.ts'
import { listDirectory } from './directory-list.ts'
import { downloadFile, headFile, reading, readPart, readWhole } from './directory-read.ts'
import { type DirectoryRoot, lookAtRoot, openRoot } from './directory-root.ts'
import { deleteFiles, putBytes, uploadFile } from './directory-write.ts'
import { validateKey, validatePrefix } from './object-key.ts'
import type { ObjectReader, ObjectStore } from './object-store.ts'

/**
 * Objects as plain files under a directory, which is made by the first write.
 *
 * - **Atomic**: an object is written under a hidden name in `.tmp`, then gets its own name in one system call.
 *   A reader holds one version's inode and never sees half of it, or of two.
 * - **kill -9**: a write that returned is there; one that did not is there whole or not at all. What it left
 *   in `.tmp` is invisible, and removed by the first `openDirectoryStore` after 24 hours.
 * - **Power cut**: a write that returned is there, with its name and new directories above it. One that did not
 *   return may have left a new object that is not whole. A deletion may come back: it is not synced.
 * - **Races**, in one process or several: `absent` is `link(2)`, which fails where the name exists. `{ etag }`
 *   compares and renames under a lock, and unconditional writes and deletions take the same lock for their
 *   one system call, so that none of them slips between the comparison and the rename.
 *
 * Not for a directory that several machines share: locks and link counts of network file systems are not
 * relied on. `a` and `a/b` cannot both be objects here (`OBJECT_KEY_CONFLICT`), as they can on S3.
 */
export function openDirectoryStore(directory: string): ObjectStore {
  const root = openRoot(directory)
  const guarded = guardedIn(root)
  return {
    ...readerOf(root),
    put: async (key, body, condition) => {
      validateKey(key)
      const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body
      return await guarded(key, () => putBytes(root, key, bytes, condition))
    },
    upload: async (key, localPath, condition) => {
      validateKey(key)
      return await guarded(key, () => uploadFile(root, key, localPath, condition))
    },
    delete: async (keys) => {
      for (const key of keys) validateKey(key)
      for (let at = 0; at < keys.length; at += 256) {
        const batch = keys.slice(at, at + 256)
        await guarded(batch[0]!, () => deleteFiles(root, batch))
        await setImmediate()
      }
    },
  }
}

/** The same objects, to look at: nothing can be written, and opening it touches nothing. */
export function openDirectoryReader(directory: string): ObjectReader {
  return readerOf(lookAtRoot(directory))
}

type Guarded = <T>(key: string, work: () => Promise<T>) => Promise<T>

function guardedIn({ path }: DirectoryRoot): Guarded {
  return (key, work) =>
    work().catch((error) => {
      throw directoryFault(error, path, key)
    })
}

function readerOf(root: DirectoryRoot): ObjectReader {
  const guarded = guardedIn(root)
  return {
    uri: uriOf(root.path),
    get: async (key) => {
      validateKey(key)
      return await guarded(key, () => reading(root, key, (path) => readWhole(key, path)))
    },
    read: async (pin, start, end) => {
      validateKey(pin.key)
      const work = (path: string) => readPart(root, pin, path, start, end)
      return await guarded(pin.key, () => reading(root, pin.key, work))
    },
    head: async (key) => {
      validateKey(key)
      return await guarded(key, async () => headFile(root, key))
    },
    list: (prefix) => listDirectory(root, validatePrefix(prefix)),
    download: async (pin, into) => {
      validateKey(pin.key)
      const work = (path: string) => downloadFile(root, pin, path, into)
      return await guarded(pin.key, () => reading(root, pin.key, work))
    },
  }
}

/** Not percent-encoded: PyIceberg, Hadoop's `Path` and DuckDB take what follows `file://` as the path itself. */
function uriOf(path: string): string {
  const slashes = path.split(sep).join('/').replace(/\/$/, '')
  return slashes.startsWith('/') || slashes === '' ? `file://${slashes}` : `file:///${slashes}`
}
