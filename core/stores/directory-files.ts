import { randomBytes } from 'node:crypto'
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  fsync,
  fsyncSync,
  futimesSync,
  mkdirSync,
  openSync,
  write,
  writeSync,
} from 'node:fs'
import { copyFile, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { ObjectInfo } from './object-store.ts'

/** Not `fdatasync`: the modification time is part of the etag and must survive a power cut too. */
const fsyncFile = promisify(fsync)
const writeFile = promisify(write)

/** Up to here a write is a memory copy, cheaper than the 0.03 ms that a trip through the thread pool costs. */
const inlineBytes = 256 * 1024

/** An unfinished file: whole and invisible, waiting for its name. Whoever has one must {@link close} it. */
export interface TemporaryFile {
  readonly path: string
  readonly stats: BigIntStats
  readonly fd: number
}

/**
 * The etag is size, modification time in nanoseconds and inode: the bytes are not read. Each object that we
 * write is a new inode with a modification time of its own (see {@link stamp}). For a file that another
 * program rewrites in place, to the same size, the etag is as fine as the file system's clock: 4 ms on ext4.
 */
export function infoOf(key: string, stats: BigIntStats): ObjectInfo {
  return {
    key,
    size: Number(stats.size),
    etag: [stats.size, stats.mtimeNs, stats.ino].map((n) => n.toString(36)).join('-'),
    last_modified: new Date(Number(stats.mtimeMs)).toISOString(),
  }
}

export function newTemporaryName(): string {
  return `sluice-${process.pid.toString(36)}-${randomBytes(8).toString('hex')}.part`
}

export function isTemporaryName(name: string): boolean {
  return /^sluice-[0-9a-z]+-[0-9a-f]{16}\.part$/.test(name)
}

/** Writes the bytes under a new name in `folder`. */
export async function writeTemporary(folder: string, body: Uint8Array): Promise<TemporaryFile> {
  const path = join(folder, newTemporaryName())
  const fd = openSync(path, 'wx')
  try {
    for (let at = 0; at < body.byteLength; ) {
      const length = Math.min(body.byteLength - at, 64 * 1024 * 1024)
      at +=
        length <= inlineBytes
          ? writeSync(fd, body, at, length)
          : (await writeFile(fd, body, at, length)).bytesWritten
    }
    return { path, stats: stamped(fd), fd }
  } catch (error) {
    closeSync(fd)
    await unlink(path)
    throw error
  }
}

/** As {@link writeTemporary}, from a file; a file system that can share extents copies nothing. */
export async function copyTemporary(folder: string, source: string): Promise<TemporaryFile> {
  const path = join(folder, newTemporaryName())
  try {
    await copyFile(source, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    return openTemporary(path)
  } catch (error) {
    await unlink(path).catch(() => undefined)
    throw error
  }
}

/** Takes over a file that others wrote. */
export function openTemporary(path: string): TemporaryFile {
  const fd = openSync(path, 'r')
  try {
    return { path, stats: stamped(fd), fd }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** Waits until the file's bytes and every name that it was given so far are on the disk. */
export async function sync(file: TemporaryFile): Promise<void> {
  await fsyncFile(file.fd)
}

export function close(file: TemporaryFile): void {
  closeSync(file.fd)
}

/** Makes a directory with those above it, all durable; costs one look where it is there already. */
export function makeDirectories(directory: string): void {
  const first = mkdirSync(directory, { recursive: true })
  if (first === undefined) return
  for (let made = directory; made.length >= first.length; made = dirname(made)) {
    const fd = openSync(dirname(made), 'r')
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  }
}

function stamped(fd: number): BigIntStats {
  const now = stamp()
  futimesSync(fd, now, now)
  return fstatSync(fd, { bigint: true })
}

let ticks = randomBytes(2).readUInt16BE()

/**
 * Now, in seconds, with a counter in the place of the microseconds. The kernel stamps files by a clock that
 * stands still for up to 4 ms, and a replaced object's inode is free at once: two versions of one key could
 * share inode, size and time, and so their etag. With the counter this process never repeats one, and two
 * processes would have to meet in the same millisecond, inode and one of a thousand ticks.
 */
function stamp(): number {
  ticks = (ticks + 1) % 1000
  return (Date.now() * 1000 + ticks + 0.5) / 1_000_000
}
