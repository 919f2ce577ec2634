import { linkSync, lstatSync, renameSync, unlinkSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ConditionFailedError } from '../errors.ts'
import { errnoOf } from './directory-faults.ts'
import {
  close,
  copyTemporary,
  infoOf,
  newTemporaryName,
  openTemporary,
  sync,
  type TemporaryFile,
  writeTemporary,
} from './directory-files.ts'
import { type DirectoryRoot, ensureDirectory, findFile, realPath, underLock } from './directory-root.ts'
import type { ObjectInfo, PutCondition } from './object-store.ts'

/** Writes the bytes, durably, under the condition. */
export async function putBytes(
  root: DirectoryRoot,
  key: string,
  bytes: Uint8Array,
  condition: PutCondition | undefined,
): Promise<ObjectInfo> {
  const file = await withDirectory(root, root.temporary, () => writeTemporary(root.temporary, bytes))
  return await publishAndForget(root, key, file, condition)
}

/**
 * A file of our own device is renamed, never linked: a second name for the same inode would let whoever
 * opens it next for writing change the object. For the same reason one that has several names is copied,
 * and so is one of another owner, since only an owner may stamp it. When the write fails the local file is
 * put back, so that the caller can try again.
 */
export async function uploadFile(
  root: DirectoryRoot,
  key: string,
  localPath: string,
  condition: PutCondition | undefined,
): Promise<ObjectInfo> {
  const stats = lstatSync(localPath)
  await ensureDirectory(root, root.temporary)
  const moved = join(root.temporary, newTemporaryName())
  const isSole = stats.isFile() && stats.nlink === 1 && stats.uid === process.getuid?.()
  if (isSole && (await renamed(localPath, moved))) {
    try {
      return await publish(root, key, openTemporary(moved), condition)
    } catch (error) {
      await rename(moved, localPath).catch(() => undefined)
      throw error
    }
  }
  const info = await publishAndForget(root, key, await copyTemporary(root.temporary, localPath), condition)
  await rm(localPath)
  return info
}

async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    if (['EXDEV', 'EPERM', 'EACCES'].includes(errnoOf(error) ?? '')) return false
    throw error
  }
}

/** Links are removed themselves, not what they lead to; a directory is no object and stays. */
export async function deleteFiles(root: DirectoryRoot, keys: readonly string[]): Promise<void> {
  const paths = keys.filter((key) => realPath(dirname(join(root.path, key))) !== undefined)
  for (const key of paths) findFile(root, key)
  if (paths.length === 0) return
  await underLock(root, () => {
    for (const key of paths) {
      const path = join(root.path, key)
      if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === false) unlinkSync(path)
    }
  })
}

async function publishAndForget(
  root: DirectoryRoot,
  key: string,
  file: TemporaryFile,
  condition: PutCondition | undefined,
): Promise<ObjectInfo> {
  try {
    return await publish(root, key, file, condition)
  } catch (error) {
    await rm(file.path, { force: true })
    throw error
  }
}

/**
 * Gives the file its key's name under the condition, and waits until both are on the disk. If that fails it keeps
 * its temporary name.
 *
 * One sync does for bytes and name: journaling file systems (ext4, XFS, Btrfs, APFS) write the directories that
 * lead to a new name no later than what is synced after it. A power cut before the sync can leave an object under
 * its name that is not whole; its write never returned, so nothing refers to it. Where an object is replaced that
 * would be a loss, so there the bytes are synced before.
 */
async function publish(
  root: DirectoryRoot,
  key: string,
  file: TemporaryFile,
  condition: PutCondition | undefined,
): Promise<ObjectInfo> {
  const target = join(root.path, key)
  try {
    if (condition !== 'absent' && lstatSync(target, { throwIfNoEntry: false }) !== undefined) await sync(file)
    await withDirectory(root, dirname(target), () => place(root, key, file.path, target, condition))
    await sync(file)
    return infoOf(key, file.stats)
  } finally {
    close(file)
  }
}

async function place(
  root: DirectoryRoot,
  key: string,
  path: string,
  target: string,
  condition: PutCondition | undefined,
): Promise<void> {
  if (condition === 'absent') {
    try {
      linkSync(path, target)
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST' || lstatSync(target).isDirectory()) throw error
      throw conditionFailed(root, key, 'there is one already')
    }
    unlinkSync(path)
    return
  }
  await underLock(root, () => {
    if (condition !== undefined) {
      const stats = lstatSync(target, { bigint: true, throwIfNoEntry: false })
      if (stats === undefined) throw conditionFailed(root, key, 'there is none any more')
      if (infoOf(key, stats).etag !== condition.etag)
        throw conditionFailed(root, key, 'it is another version')
    }
    renameSync(path, target)
  })
}

/** Runs `work`, which needs the directory, once more if someone removed it since this process made it. */
async function withDirectory<T>(
  root: DirectoryRoot,
  directory: string,
  work: () => T | Promise<T>,
): Promise<T> {
  await ensureDirectory(root, directory)
  try {
    return await work()
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    root.known.clear()
    await ensureDirectory(root, directory)
    return await work()
  }
}

function conditionFailed(root: DirectoryRoot, key: string, why: string): ConditionFailedError {
  return new ConditionFailedError({
    code: 'OBJECT_CONDITION_FAILED',
    fact: `The object ${join(root.path, key)} was not written: ${why}`,
    consequence: 'The stored object stayed as it was',
    details: { key },
  })
}
