import type { DatabaseSync } from 'node:sqlite'
import { TerminalError } from '../errors.ts'
import { isBusy } from './sqlite-file.ts'

/** "SLCE": marks the file as ours. */
const applicationId = 0x534c4345
const schemaVersion = 1

/**
 * A run's start is indexed inside the JSON, for the runs only; the query must repeat these terms.
 */
export const runsOnly = `pk >= 'RUN#' AND pk < 'RUN$' AND sk = 'META' AND json_type(item, '$.started_at') = 'text'`

const stateTables = `
  CREATE TABLE state (pk TEXT NOT NULL, sk TEXT NOT NULL, item TEXT NOT NULL, PRIMARY KEY (pk, sk));
  CREATE INDEX runs_by_start ON state (item ->> '$.started_at', pk) WHERE ${runsOnly};
`

/** As PyIceberg's `SqlCatalog` creates them, which is also Java's `JdbcCatalog` with schema version V1. */
const catalogTables = `
  CREATE TABLE IF NOT EXISTS iceberg_tables (
    catalog_name VARCHAR(255) NOT NULL,
    table_namespace VARCHAR(255) NOT NULL,
    table_name VARCHAR(255) NOT NULL,
    metadata_location VARCHAR(1000),
    previous_metadata_location VARCHAR(1000),
    iceberg_type VARCHAR(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name)
  );
  CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
    catalog_name VARCHAR(255) NOT NULL,
    namespace VARCHAR(255) NOT NULL,
    property_key VARCHAR(255) NOT NULL,
    property_value VARCHAR(1000) NOT NULL,
    PRIMARY KEY (catalog_name, namespace, property_key)
  );
`

/**
 * Makes an empty file ours, or checks that it already is. A file that PyIceberg or Java made for a catalog
 * is taken over with what is in it.
 *
 * Throws `TerminalError` `STATE_STORE_FOREIGN`, `STATE_STORE_NEWER` or `STATE_STORE_NO_WAL`.
 */
export function prepareSchema(database: DatabaseSync, file: string, busyTimeoutMs: number): void {
  if (isPrepared(database, file)) return
  switchToWal(database, file, busyTimeoutMs)
  inTransaction(database, 'IMMEDIATE', () => {
    if (!isOurs(database, file)) createSchema(database)
  })
}

/** Whether the file is ours already; it is not touched. Throws as {@link prepareSchema} does for what is another's. */
export function isPrepared(database: DatabaseSync, file: string): boolean {
  // One transaction: without it, another process that makes the schema between two reads would show us half of its
  // marks.
  return inTransaction(database, 'DEFERRED', () => isOurs(database, file))
}

function inTransaction<T>(database: DatabaseSync, kind: 'DEFERRED' | 'IMMEDIATE', work: () => T): T {
  database.exec(`BEGIN ${kind}`)
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

function isOurs(database: DatabaseSync, file: string): boolean {
  const version = pragma(database, 'user_version')
  if (pragma(database, 'application_id') === applicationId) {
    if (version === schemaVersion) return true
    throw new TerminalError({
      code: 'STATE_STORE_NEWER',
      fact: `${file} has schema version ${version}; this Sluice knows version ${schemaVersion}`,
      consequence: 'It was not touched',
      next: 'Use the newer Sluice that wrote it, or another file',
    })
  }
  const tables = database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all()
  const foreign = tables.map((row) => String(row.name)).filter((name) => !name.startsWith('iceberg_'))
  if (foreign.length === 0 && version === 0) return false
  throw new TerminalError({
    code: 'STATE_STORE_FOREIGN',
    fact: `${file} is the database of another program: it has ${foreign.length > 0 ? `a table ${foreign[0]}` : `schema version ${version}`}`,
    consequence: 'It was not touched',
    next: 'Point to a file of its own, which need not exist yet',
  })
}

function createSchema(database: DatabaseSync): void {
  database.exec(stateTables + catalogTables)
  const columns = database.prepare(`SELECT name FROM pragma_table_info('iceberg_tables')`).all()
  if (!columns.some((column) => column.name === 'iceberg_type')) {
    database.exec('ALTER TABLE iceberg_tables ADD COLUMN iceberg_type VARCHAR(5)')
  }
  database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}`)
}

/** SQLite does not wait for locks in this one step, to avoid a deadlock; two that start together must try again. */
function switchToWal(database: DatabaseSync, file: string, busyTimeoutMs: number): void {
  const deadline = Date.now() + busyTimeoutMs
  for (;;) {
    try {
      const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode
      if (mode === 'wal') return
      throw new TerminalError({
        code: 'STATE_STORE_NO_WAL',
        fact: `${file} cannot have a write-ahead log: SQLite stays in journal mode ${mode}`,
        consequence: 'Nothing was written, since a crash could tear a transaction or block readers',
        next: 'Put the file on a local disk',
      })
    } catch (error) {
      if (!isBusy(error) || Date.now() > deadline) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
}

function pragma(database: DatabaseSync, name: string): unknown {
  return database.prepare(`PRAGMA ${name}`).get()?.[name]
}
