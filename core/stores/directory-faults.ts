import { join } from 'node:path'
import { RetryableError, SluiceError, TerminalError } from '../errors.ts'

export function errnoOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}

const conflicts = ['EEXIST', 'EISDIR', 'ENOTDIR', 'ENOTEMPTY']
const exhausted = ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM', 'ETIMEDOUT']

/** Our error for one that the file system threw; any other error is returned as it is. */
export function directoryFault(error: unknown, root: string, key: string): unknown {
  const errno = errnoOf(error)
  if (error instanceof SluiceError || !(error instanceof Error) || errno === undefined) return error
  const particulars = { details: { key, errno }, cause: error }
  const object = join(root, key)
  if (conflicts.includes(errno)) {
    return new TerminalError({
      code: 'OBJECT_KEY_CONFLICT',
      fact: `${object} cannot be an object: a name cannot be both a file and a directory (${errno})`,
      consequence: 'Nothing was written',
      next: 'Use another name, or move away what is in its place',
      ...particulars,
    })
  }
  if (exhausted.includes(errno)) {
    return new RetryableError({
      code: 'OBJECT_STORE_BUSY',
      fact: `The operating system could not serve ${object} now: ${error.message}`,
      consequence: 'The object stayed as it was',
      next: 'Try again, with fewer workers or a higher limit of open files',
      ...particulars,
    })
  }
  return new TerminalError({
    code: 'OBJECT_STORE_FAILED',
    fact: `The file system refused ${object}: ${error.message}`,
    consequence: 'The object was not read or written',
    next: 'Check permissions, free space and the disk itself',
    ...particulars,
  })
}
