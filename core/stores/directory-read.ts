import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  read,
  readSync,
  statSync,
} from 'node:fs'
import { copyFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { SourceError } from '../errors.ts'
import { counted } from '../words.ts'
import { errnoOf } from './directory-faults.ts'
import { infoOf } from './directory-files.ts'
import { type DirectoryRoot, findFile } from './directory-root.ts'
import type { ObjectInfo, ObjectPin, StoredObject } from './object-store.ts'

const readFile = promisify(read)

export function headFile(root: DirectoryRoot, key: string): ObjectInfo | undefined {
  const path = findFile(root, key)
  const stats = path === undefined ? undefined : statSync(path, { bigint: true, throwIfNoEntry: false })
  return stats?.isFile() ? infoOf(key, stats) : undefined
}

/** Hands the object's real path to `work`; an object that is not there, or no longer, is `OBJECT_NOT_FOUND`. */
export async function reading<T>(
  root: DirectoryRoot,
  key: string,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const path = findFile(root, key)
  let cause: unknown
  if (path !== undefined && statSync(path, { throwIfNoEntry: false })?.isFile()) {
    try {
      return await work(path)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      cause = error
    }
  }
  throw new SourceError({
    code: 'OBJECT_NOT_FOUND',
    fact: `There is no object ${join(root.path, key)}`,
    consequence: 'Nothing was read',
    next: 'Check the path; if the file was there before, look for what deletes files in this directory',
    details: { key },
    cause,
  })
}

/**
 * All bytes of one version. The open file is one inode, so a replacement meanwhile does no harm; a foreign
 * program that writes into the same file is noticed by the etag and refused: `SourceError` `OBJECT_CHANGED`.
 */
export async function readWhole(key: string, path: string): Promise<StoredObject> {
  const fd = openSync(path, 'r')
  try {
    const info = infoOf(key, fstatSync(fd, { bigint: true }))
    const body = Buffer.allocUnsafe(info.size)
    let at = 0
    while (at < info.size) {
      const count = await readInto(fd, body, at, Math.min(info.size - at, 64 * 1024 * 1024), at)
      if (count === 0) break
      at += count
    }
    const after = infoOf(key, fstatSync(fd, { bigint: true }))
    if (at < info.size || after.etag !== info.etag) throw changed(key, path)
    return { info, body }
  } finally {
    closeSync(fd)
  }
}

/** Up to here a read is a memory copy, cheaper than a trip through the thread pool. */
const inlineBytes = 256 * 1024

async function readInto(fd: number, body: Buffer, at: number, length: number, from: number): Promise<number> {
  if (length <= inlineBytes) return readSync(fd, body, at, length, from)
  return (await readFile(fd, body, at, length, from)).bytesRead
}

/** A part of one version: what is open is one inode, and its etag is the pin's before and after. */
export async function readPart(
  root: DirectoryRoot,
  pin: ObjectPin,
  path: string,
  start: number,
  end: number,
): Promise<Uint8Array> {
  const fd = openSync(path, 'r')
  try {
    verifyPin(root, pin, infoOf(pin.key, fstatSync(fd, { bigint: true })))
    const body = Buffer.allocUnsafe(Math.max(0, Math.min(end, pin.size) - start))
    for (let at = 0; at < body.byteLength; ) {
      const bytesRead = await readInto(fd, body, at, body.byteLength - at, start + at)
      if (bytesRead === 0) throw changed(pin.key, path)
      at += bytesRead
    }
    verifyPin(root, pin, infoOf(pin.key, fstatSync(fd, { bigint: true })))
    return body
  } finally {
    closeSync(fd)
  }
}

/**
 * A hard link holds the pinned version even when the object is replaced or deleted while it is read; a
 * symbolic link would not, so without hard links (another device, another owner) the file is copied.
 * The link is the object: whoever writes into it changes the object.
 */
export async function downloadFile(
  root: DirectoryRoot,
  pin: ObjectPin,
  source: string,
  into: string,
): Promise<string> {
  const verify = (path: string) => verifyPin(root, pin, infoOf(pin.key, statSync(path, { bigint: true })))
  verify(source)
  const { local, made } = freePath(into, basename(pin.key))
  try {
    if (linked(source, local)) verify(local)
    else {
      await copyFile(source, local, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
      verify(source)
    }
    return local
  } catch (error) {
    await rm(made, { recursive: true, force: true })
    // An inode that lost its last name while it was about to be linked says ENOENT, like a file that is gone.
    if (errnoOf(error) === 'ENOENT') verify(source)
    throw error
  }
}

/** Bytes of a name that every file system takes. */
const maxNameBytes = 255

/**
 * A name for this download alone. It lies in `into` itself: to make and remove a directory for each file takes longer
 * than to link the file. Only a name that leaves no room for what tells it apart gets one.
 */
function freePath(into: string, name: string): { readonly local: string; readonly made: string } {
  mkdirSync(into, { recursive: true })
  const own = `object-${randomBytes(6).toString('hex')}-${name}`
  if (Buffer.byteLength(own) <= maxNameBytes) return { local: join(into, own), made: join(into, own) }
  const folder = mkdtempSync(join(into, 'object-'))
  return { local: join(folder, name), made: folder }
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'].includes(errnoOf(error) ?? '')) return false
    throw error
  }
}

function verifyPin(root: DirectoryRoot, pin: ObjectPin, now: ObjectInfo): void {
  if (now.etag === pin.etag && now.size === pin.size) return
  throw new SourceError({
    code: 'OBJECT_CHANGED',
    fact: `${join(root.path, pin.key)} is not the version that was pinned: it had ${counted(pin.size, 'byte')} and now has ${now.size}, last modified ${now.last_modified}`,
    consequence: 'It was not read',
    next: 'Run again to pin the new version; let writers replace a file by renaming a finished one over it',
    details: { key: pin.key, pinned_etag: pin.etag, etag: now.etag },
  })
}

function changed(key: string, path: string): SourceError {
  return new SourceError({
    code: 'OBJECT_CHANGED',
    fact: `${path} was written to while it was read`,
    consequence: 'What was read is no version of it and was thrown away',
    next: 'Run again when the writer is done; let it replace the file by renaming a finished one over it',
    details: { key },
  })
}
