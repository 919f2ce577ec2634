import type { DatabaseSync } from 'node:sqlite'
import { type ConditionFailedError, UnknownOutcomeError } from '../errors.ts'
import { conditionFailed } from './condition-failed.ts'
import { isBusy, sqliteFault } from './sqlite-file.ts'
import type { Statements } from './sqlite-statements.ts'
import type { Write } from './state-store.ts'
import { holds } from './state-writes.ts'

export interface GroupCommit {
  /** `bodies`: of the writes, as `prepareWrites` gives them. Resolves when the transaction is committed. */
  transact(writes: readonly Write[], bodies: readonly (string | undefined)[]): Promise<void>
  /** Commits what waits. */
  flush(): void
}

interface Waiting {
  readonly writes: readonly Write[]
  readonly bodies: readonly (string | undefined)[]
  resolve(): void
  reject(error: unknown): void
}

/**
 * Transactions that are asked for in one turn of the event loop are applied in their order, each under a savepoint of
 * its own with its own conditions, and committed by one COMMIT: the pages that they share are logged once, and one sync
 * does for all that need one. A transaction whose condition fails leaves nothing and does not disturb the others.
 *
 * Nobody is answered before the COMMIT. When that fails, all of the group fail with it, those too whose condition had
 * failed: it may have failed over a write that never came to be.
 */
export function openGroupCommit(database: DatabaseSync, statements: Statements, file: string): GroupCommit {
  let waiting: Waiting[] = []
  let synchronous = ''

  function setSynchronous(mode: 'FULL' | 'NORMAL'): void {
    if (mode === synchronous) return
    database.exec(`PRAGMA synchronous = ${mode}`)
    synchronous = mode
  }

  function commitAll(group: readonly Waiting[]): readonly (ConditionFailedError | undefined)[] {
    const mustSync = group.some(({ writes }) => writes.some(mustSurvivePowerCut))
    setSynchronous(mustSync ? 'FULL' : 'NORMAL')
    database.exec('BEGIN IMMEDIATE')
    let failures: readonly (ConditionFailedError | undefined)[]
    try {
      failures = group.map((transaction) => applyOrUndo(database, statements, transaction))
    } catch (error) {
      rollback(database)
      throw error
    }
    if (failures.includes(undefined)) commit(database, file)
    else rollback(database)
    return failures
  }

  function flush(): void {
    const group = waiting
    if (group.length === 0) return
    waiting = []
    let failures: readonly (ConditionFailedError | undefined)[]
    try {
      failures = commitAll(group)
    } catch (error) {
      const fault = sqliteFault(error, file)
      for (const { reject } of group) reject(fault)
      return
    }
    for (const [i, { resolve, reject }] of group.entries()) {
      const failure = failures[i]
      if (failure === undefined) resolve()
      else reject(failure)
    }
  }

  return {
    transact: (writes, bodies) =>
      new Promise((resolve, reject) => {
        if (waiting.length === 0) setImmediate(flush)
        waiting.push({ writes, bodies, resolve, reject })
      }),
    flush,
  }
}

/** A pointer write is a commit that the user is told of; a run's start and end bracket what came between. */
function mustSurvivePowerCut(write: Write): boolean {
  if (write.kind === 'pointer') return true
  return write.kind === 'put' && write.item.pk.startsWith('RUN#') && write.item.sk === 'META'
}

/** The condition that failed: then nothing of the transaction is there. */
function applyOrUndo(
  database: DatabaseSync,
  statements: Statements,
  { writes, bodies }: Waiting,
): ConditionFailedError | undefined {
  database.exec('SAVEPOINT one')
  const failed = writes.findIndex((write, index) => !apply(statements, write, bodies[index]))
  if (failed >= 0) database.exec('ROLLBACK TO one')
  database.exec('RELEASE one')
  return failed < 0 ? undefined : conditionFailed(writes[failed] as Write, failed)
}

function apply(statements: Statements, write: Write, body: string | undefined): boolean {
  if (write.kind === 'pointer') return statements.movePointer(write.table, write.base, write.next)
  const { pk, sk } = write.kind === 'put' ? write.item : write
  if (write.expect !== undefined && !holds(statements.getItem(pk, sk), write.expect)) return false
  if (write.kind === 'put') statements.putItem(pk, sk, body!)
  if (write.kind === 'delete') statements.deleteItem(pk, sk)
  return true
}

/**
 * When the disk fails under COMMIT, SQLite takes the transaction back in memory, but its last frame may be in
 * the log already and count after a crash. That is an unknown outcome, not a failure.
 */
function commit(database: DatabaseSync, file: string): void {
  try {
    database.exec('COMMIT')
  } catch (error) {
    rollback(database)
    if (isBusy(error)) throw error
    throw new UnknownOutcomeError({
      code: 'STATE_WRITE_UNKNOWN',
      fact: `SQLite could not finish a transaction in ${file}: ${(error as Error).message}`,
      consequence: 'It may or may not have happened',
      next: 'Check the disk and its free space; the next run reads back which it was',
      cause: error,
    })
  }
}

function rollback(database: DatabaseSync): void {
  try {
    database.exec('ROLLBACK')
  } catch {
    // SQLite has rolled back by itself, as it does after an I/O error.
  }
}
