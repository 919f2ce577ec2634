import { ManifestError, SluiceError } from '../core/errors.ts'
import { awsFailure } from '../remote/aws-words.ts'
import type { Colors } from './io.ts'

/** 0 success, 1 ran and failed, 2 refused before anything ran, 130 interrupted. */
export const exitCodes = { success: 0, failed: 1, refused: 2, interrupted: 130 } as const

/**
 * Tells a person what went wrong and returns the exit code: 2 for what is wrong with the request itself, else
 * `otherwise`. Our own errors come without a stack, which would say nothing to the reader; so do those of the
 * operating system. Anything else is a defect, and its stack is what a report of it needs.
 */
export function reportFailure(
  error: unknown,
  otherwise: number,
  write: (text: string) => void,
  colors: Colors,
): number {
  const ofAws = error instanceof SluiceError ? undefined : awsFailure(error)
  if (ofAws !== undefined) return reportFailure(ofAws, otherwise, write, colors)
  if (error instanceof SluiceError) {
    write(`${colors.red(`error [${error.code}]`)}: ${error.message}`)
    return error instanceof ManifestError ? exitCodes.refused : otherwise
  }
  if (isSystemError(error)) {
    write(`${colors.red(`error [${error.code}]`)}: ${error.message}`)
    return otherwise
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  write(`${colors.red('error [UNEXPECTED]')}: ${stack}`)
  write('This is a defect of Sluice. Please report it with the command line and the lines above.')
  return exitCodes.failed
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string'
}
