import type { DatabaseSync } from 'node:sqlite'
import { RetryableError, type SluiceError, TerminalError } from '../errors.ts'

/** SQLite's primary result codes, the low byte of `errcode`. https://www.sqlite.org/rescode.html */
const busy = 5
const locked = 6
const corrupt = 11
const notADatabase = 26

/**
 * Opens an SQLite file. Another process's lock is waited for up to `busyTimeoutMs`, synchronously: the event
 * loop stands still meanwhile, which is why no transaction here ever spans an `await`.
 */
export function openDatabase(file: string, busyTimeoutMs: number): DatabaseSync {
  const { DatabaseSync } = loadSqlite()
  const database = new DatabaseSync(file)
  database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`)
  return database
}

/**
 * Loads `node:sqlite` on first use and without its ExperimentalWarning, which Node 22 prints and 24.21 does
 * not. A static import could not be silenced from inside the program: it warns while modules are linked,
 * before any line runs. All other warnings pass.
 */
function loadSqlite(): typeof import('node:sqlite') {
  const original = process.emitWarning
  process.emitWarning = ((warning: string | Error, ...rest: never[]) => {
    if (!String(warning).startsWith('SQLite is an experimental feature')) original(warning, ...rest)
  }) as typeof process.emitWarning
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    process.emitWarning = original
  }
}

export function isBusy(error: unknown): boolean {
  const code = primaryCode(error)
  return code === busy || code === locked
}

/** Our error for one that SQLite threw; any other error is returned as it is. */
export function sqliteFault(error: unknown, file: string): unknown {
  if ((error as { code?: unknown } | undefined)?.code === 'ERR_INVALID_STATE') {
    return new TerminalError({
      code: 'STATE_STORE_CLOSED',
      fact: `${file} was used after it was closed`,
      consequence: 'Nothing was read or written',
      cause: error,
    })
  }
  const code = primaryCode(error)
  return code === undefined ? error : faultOf(code, error as Error, file)
}

function faultOf(code: number, cause: Error, file: string): SluiceError {
  const details = { file, sqlite_code: code }
  if (code === busy || code === locked) {
    return new RetryableError({
      code: 'STATE_STORE_BUSY',
      fact: `${file} was held by another process for longer than this one waits`,
      consequence: 'Nothing was written',
      next: 'Try again; if it stays so, look for a process that was stopped in the middle of a transaction',
      details,
      cause,
    })
  }
  if (code === corrupt || code === notADatabase) {
    return new TerminalError({
      code: 'STATE_STORE_CORRUPT',
      fact: `${file} is not a whole SQLite database: ${cause.message}`,
      consequence: 'Nothing was written',
      next: 'Point to another file, or restore this one together with its -wal file from a backup',
      details,
      cause,
    })
  }
  return new TerminalError({
    code: 'STATE_STORE_FAILED',
    fact: `SQLite could not use ${file}: ${cause.message}`,
    consequence: 'Nothing was written',
    next: 'Check that the directory exists, that it may be written, and that the disk is not full',
    details,
    cause,
  })
}

function primaryCode(error: unknown): number | undefined {
  const { errcode } = (error ?? {}) as { errcode?: unknown }
  return typeof errcode === 'number' ? errcode & 0xff : undefined
}
