import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { TerminalError } from '../errors.ts'
import { makeDirectories } from './directory-files.ts'
import { openDatabase, sqliteFault } from './sqlite-file.ts'
import { openGroupCommit } from './sqlite-group-commit.ts'
import { isPrepared, prepareSchema } from './sqlite-schema.ts'
import { prepareStatements, type SortKeyEnd, type Statements } from './sqlite-statements.ts'
import type { Catalog, Item, StateReader, StateStore } from './state-store.ts'
import { prepareWrites, validateStateKey, validateTable } from './state-writes.ts'

const pageSize = 500

export interface SqliteStoreOptions {
  /** How long a call waits, with the event loop standing still, for another process's transaction. */
  readonly busyTimeoutMs?: number
}

/**
 * State and catalog in one SQLite file, so that one transaction spans both. The catalog's tables are those of
 * Iceberg's SQL catalog under the name `sluice`: PyIceberg and Java open the file while we write it.
 *
 * - **Several processes** may use the file: writers take turns, readers see the last committed state.
 * - **kill -9**: a transaction is there whole or not at all, and all that returned are there.
 * - **Power cut**: a transaction that moves a table's pointer or writes a run's `META` item is synced before
 *   it returns (0.2 ms), and with it all that came before it in the log. Others (0.04 ms) may be lost from
 *   the end, never from the middle: gate records of an attempt that had not committed.
 * - **Many at once**: transactions that are asked for in one turn of the event loop share a commit.
 *
 * Not for a network file system: the log's index is shared memory of one machine.
 *
 * Throws `TerminalError` `STATE_STORE_FOREIGN`, `STATE_STORE_NEWER`, `STATE_STORE_CORRUPT`,
 * `STATE_STORE_NO_WAL` or `STATE_STORE_FAILED`, and `RetryableError` `STATE_STORE_BUSY`.
 */
export function openSqliteStore(
  file: string,
  options: SqliteStoreOptions = {},
): { state: StateStore; catalog: Catalog } {
  const path = resolve(file)
  const attempt = attemptsOn(path)
  const { database, statements } = attempt(() => openToWrite(path, options.busyTimeoutMs ?? defaultWait))
  const { state, catalog } = readersOf(database, statements, attempt)
  const group = openGroupCommit(database, statements, path)
  const write: StateStore['transact'] = async (writes) => {
    const bodies = prepareWrites(writes)
    if (writes.length > 0) await group.transact(writes, bodies)
  }
  const close = () => {
    group.flush()
    state.close()
  }
  return { state: { ...state, transact: write, close }, catalog }
}

/**
 * The same file, to look at: SQLite itself refuses every change (`query_only`), and opening it makes neither file nor
 * tables. What others have committed to the log may be folded back into the file. `undefined` where there is no file,
 * or one in which nothing was ever written. Throws what {@link openSqliteStore} does.
 */
export function openSqliteReader(
  file: string,
  options: SqliteStoreOptions = {},
): { state: StateReader; catalog: Catalog } | undefined {
  const path = resolve(file)
  if (!existsSync(path)) return undefined
  const attempt = attemptsOn(path)
  const opened = attempt(() => openToRead(path, options.busyTimeoutMs ?? defaultWait))
  return opened === undefined ? undefined : readersOf(opened.database, opened.statements, attempt)
}

/** Milliseconds. */
const defaultWait = 10_000

type Attempt = <T>(work: () => T) => T

function attemptsOn(path: string): Attempt {
  return (work) => {
    try {
      return work()
    } catch (error) {
      throw sqliteFault(error, path)
    }
  }
}

function readersOf(
  database: DatabaseSync,
  statements: Statements,
  attempt: Attempt,
): { state: StateReader; catalog: Catalog } {
  let isOpen = true
  const state: StateReader = {
    get: async (pk, sk) => {
      validateStateKey(pk, 'pk')
      validateStateKey(sk, 'sk')
      return attempt(() => statements.getItem(pk, sk))
    },
    query: (pk, skPrefix = '') =>
      queryPages(pk, skPrefix, (...page) => attempt(() => statements.pageOf(...page))),
    listRuns: async (limit) => {
      if (Number.isSafeInteger(limit) && limit > 0) return attempt(() => statements.listRuns(limit))
      throw new TerminalError({
        code: 'STATE_LIMIT_INVALID',
        fact: `${limit} is not a number of runs to list`,
        next: 'Give a whole number from 1',
      })
    },
    close: () => {
      if (isOpen) database.close()
      isOpen = false
    },
  }
  const catalog: Catalog = {
    load: async (table) => {
      validateTable(table)
      return attempt(() => statements.loadPointer(table))
    },
    list: async (namespace) => attempt(() => statements.listTables(namespace)),
  }
  return { state, catalog }
}

interface Opened {
  readonly database: DatabaseSync
  readonly statements: Statements
}

function openToWrite(path: string, busyTimeoutMs: number): Opened {
  makeDirectories(dirname(path))
  return opening(path, busyTimeoutMs, (database) => {
    // macOS: a plain fsync leaves the data in the drive's cache. No effect elsewhere.
    database.exec('PRAGMA fullfsync = ON')
    // Pages, 16 MiB: folding the log back holds this thread up for two syncs, and the default does it four times as often.
    database.exec('PRAGMA wal_autocheckpoint = 4000')
    prepareSchema(database, path, busyTimeoutMs)
    return { database, statements: prepareStatements(database) }
  })
}

function openToRead(path: string, busyTimeoutMs: number): Opened | undefined {
  return opening(path, busyTimeoutMs, (database) => {
    database.exec('PRAGMA query_only = ON')
    if (isPrepared(database, path)) return { database, statements: prepareStatements(database) }
    database.close()
    return undefined
  })
}

function opening<T>(path: string, busyTimeoutMs: number, work: (database: DatabaseSync) => T): T {
  const database = openDatabase(path, busyTimeoutMs)
  try {
    return work(database)
  } catch (error) {
    database.close()
    throw error
  }
}

/** Keyset pages, so that a slow consumer holds no read transaction and the log can be folded back meanwhile. */
async function* queryPages(pk: string, skPrefix: string, page: Statements['pageOf']): AsyncGenerator<Item> {
  validateStateKey(pk, 'pk')
  if (skPrefix !== '') validateStateKey(skPrefix, 'sk')
  let after = skPrefix
  const until = endOf(skPrefix)
  for (let isFirst = true; ; isFirst = false) {
    const items = page(pk, after, until, isFirst, pageSize)
    yield* items
    if (items.length < pageSize) return
    after = items.at(-1)!.sk
  }
}

/** The first sort key behind all that start with the prefix: the prefix with its last code point raised by one. */
function endOf(prefix: string): SortKeyEnd {
  const points = [...prefix].map((character) => character.codePointAt(0) as number)
  while (points.at(-1) === 0x10ffff) points.pop()
  const last = points.pop()
  if (last === undefined) return new Uint8Array(1)
  // Surrogates are no characters of their own, and no key holds them.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
}
