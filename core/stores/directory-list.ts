import { type Dirent, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { compareCodePoints } from './code-point-order.ts'
import { directoryFault, errnoOf } from './directory-faults.ts'
import { infoOf } from './directory-files.ts'
import { type DirectoryRoot, findDirectory, findFile, linkRefused } from './directory-root.ts'
import { isReservedName, validateKey } from './object-key.ts'
import type { ObjectInfo } from './object-store.ts'

/**
 * Files below the root whose key starts with the prefix, in code-point order of the keys: one directory's
 * names in memory at a time (and those of its parents). What appears or vanishes meanwhile may or may not be
 * listed. A file that no key can name (`OBJECT_KEY_INVALID`) or a link that is refused (`OBJECT_LINK_REFUSED`)
 * is an error, since leaving it out would lose its rows in silence.
 */
export async function* listDirectory(root: DirectoryRoot, prefix: string): AsyncGenerator<ObjectInfo> {
  const start = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  let count = 0
  try {
    if (findDirectory(root, start) === undefined) return
    for await (const info of walk(root, start, prefix)) {
      yield info
      // The walk is synchronous but for directories; without this a consumer would starve timers and sockets.
      if (++count % 1000 === 0) await setImmediate()
    }
  } catch (error) {
    throw directoryFault(error, root.path, prefix)
  }
}

async function* walk(root: DirectoryRoot, parent: string, prefix: string): AsyncGenerator<ObjectInfo> {
  for (const { name, entry } of await namesOf(root, parent)) {
    if (parent === '' && isReservedName(entry.name)) continue
    const key = validateKey(parent + entry.name)
    if (!(parent + name).startsWith(prefix)) continue
    if (entry.isDirectory()) yield* walk(root, parent + name, prefix)
    else {
      const info = fileInfo(root, key, entry)
      if (info !== undefined) yield info
    }
  }
}

/**
 * Directories are ordered with their slash, as the keys in them are: `a-b` and `a.b` come before `a/b`,
 * and `a0` comes after it.
 */
async function namesOf(root: DirectoryRoot, parent: string): Promise<{ name: string; entry: Dirent }[]> {
  try {
    const entries = await readdir(join(root.path, parent), { withFileTypes: true })
    return entries
      .map((entry) => ({ name: entry.isDirectory() ? `${entry.name}/` : entry.name, entry }))
      .sort((a, b) => compareCodePoints(a.name, b.name))
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return []
    throw error
  }
}

function fileInfo(root: DirectoryRoot, key: string, entry: Dirent): ObjectInfo | undefined {
  if (!entry.isFile() && !entry.isSymbolicLink()) return undefined
  const path = entry.isFile() ? join(root.path, key) : findFile(root, key)
  const stats = path === undefined ? undefined : statSync(path, { bigint: true, throwIfNoEntry: false })
  if (stats?.isDirectory()) throw linkRefused(root, key)
  return stats?.isFile() ? infoOf(key, stats) : undefined
}
