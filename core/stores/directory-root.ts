import { mkdirSync, readdirSync, realpathSync, statSync, unlinkSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import { SourceError } from '../errors.ts'
import { isTemporaryName, makeDirectories } from './directory-files.ts'
import { type DirectoryLock, openDirectoryLock } from './directory-lock.ts'

/** Longer than any write takes; younger ones may belong to a process that is still at work. */
const leftoverAgeMs = 24 * 60 * 60 * 1000

/** A store's directory and what this process knows about it. Nothing is created before the first write. */
export interface DirectoryRoot {
  /** Absolute. */
  readonly path: string
  /** Unfinished files and the lock; hidden from listings. */
  readonly temporary: string
  /** Directories that are there, durable and not links, or about to be. Lost entries cost a look, not a guarantee. */
  readonly known: Map<string, Promise<void>>
  lock: DirectoryLock | undefined
  /** `path` without links, once it is there. */
  real?: string
}

/** Touches nothing: enough for reading. */
export function lookAtRoot(directory: string): DirectoryRoot {
  const path = resolve(directory)
  return { path, temporary: join(path, '.tmp'), known: new Map(), lock: undefined }
}

export function openRoot(directory: string): DirectoryRoot {
  const root = lookAtRoot(directory)
  removeLeftovers(root)
  return root
}

/** Asked for with every object: a look at each of its folders costs more than the rest of the question. */
function realRoot(root: DirectoryRoot): string {
  root.real ??= realpathSync.native(root.path)
  return root.real
}

/**
 * The real path of a key's file, or `undefined` where nothing is there (a link to nothing is nothing).
 * A symbolic link counts as the object when it leads to a file inside the root; a link out of the root, or in
 * the place of a directory, throws `SourceError` `OBJECT_LINK_REFUSED`. Who may rename things inside the root
 * while we look can still deceive this check: it guards against accidents, not against such a writer.
 */
export function findFile(root: DirectoryRoot, key: string): string | undefined {
  const real = realPath(join(root.path, key))
  if (real === undefined) return undefined
  const base = realRoot(root)
  if (real === join(base, key)) return real
  const parent = realPath(dirname(join(root.path, key)))
  if (parent !== dirname(join(base, key)) || !real.startsWith(withSeparator(base)))
    throw linkRefused(root, key)
  return real
}

/** As {@link findFile}, for a directory: no link in any place. `''` is the root. */
export function findDirectory(root: DirectoryRoot, relative: string): string | undefined {
  const path = join(root.path, relative)
  const real = realPath(path)
  if (real === undefined || relative === '') return real
  if (withSeparator(real) !== withSeparator(join(realRoot(root), relative))) throw linkRefused(root, relative)
  return real
}

/**
 * Makes the directory and those above it, up to the root, once per process. Their names become durable with the
 * first object in them, see `publish`.
 */
export function ensureDirectory(root: DirectoryRoot, directory: string): Promise<void> {
  let made = root.known.get(directory)
  if (made === undefined) {
    made = makeDirectory(root, directory)
    root.known.set(directory, made)
    made.catch(() => root.known.delete(directory))
  }
  return made
}

async function makeDirectory(root: DirectoryRoot, directory: string): Promise<void> {
  if (directory === root.path) return makeDirectories(directory)
  const parent = dirname(directory)
  await ensureDirectory(root, parent)
  try {
    mkdirSync(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const relative = directory.slice(withSeparator(root.path).length)
  if (realPath(directory) !== join(realRoot(root), relative)) throw linkRefused(root, relative)
}

/** Runs `work` while no other process replaces or deletes objects under this root. */
export async function underLock<T>(root: DirectoryRoot, work: () => T): Promise<T> {
  await ensureDirectory(root, root.temporary)
  root.lock ??= openDirectoryLock(join(root.temporary, 'lock.sqlite'))
  return root.lock(work)
}

/** What a killed process left unfinished. Only names of our own making: the directory may be someone's landing zone. */
function removeLeftovers(root: DirectoryRoot): void {
  try {
    for (const name of readdirSync(root.temporary).filter(isTemporaryName)) {
      const path = join(root.temporary, name)
      if (statSync(path).ctimeMs < Date.now() - leftoverAgeMs) unlinkSync(path)
    }
  } catch {
    // No such directory, not ours to clean, or cleaned by another process just now: nothing depends on it.
  }
}

export function linkRefused(root: DirectoryRoot, key: string): SourceError {
  return new SourceError({
    code: 'OBJECT_LINK_REFUSED',
    fact: `${join(root.path, key)} leads through a symbolic link out of ${root.path}, or to a directory`,
    consequence: 'It was not followed',
    next: 'Put the file itself there, or point the connection to the directory that the link names',
    details: { key },
  })
}

export function realPath(path: string): string | undefined {
  try {
    return realpathSync.native(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return undefined
    throw error
  }
}

function withSeparator(path: string): string {
  return path.endsWith(sep) ? path : path + sep
}
