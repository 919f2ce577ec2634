import type { DatabaseSync } from 'node:sqlite'
import { runsOnly } from './sqlite-schema.ts'
import type { Item, TableIdentifier } from './state-store.ts'

/** The name under which PyIceberg and Java find our tables in the file. */
const catalogName = 'sluice'

/** Views of other engines share the catalog's table; `NULL` is what engines without views leave there. */
const tablesOnly = `catalog_name = '${catalogName}' AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)`

/** A sort key that is not part of the range any more. SQLite sorts every blob behind every text: that is "no end". */
export type SortKeyEnd = string | Uint8Array

/** The store's SQL, prepared once. All calls are synchronous and leave no statement open. */
export interface Statements {
  getItem(pk: string, sk: string): Item | undefined
  /** The next items from `after` on, itself included on the first page only, up to `until`. */
  pageOf(pk: string, after: string, until: SortKeyEnd, isFirst: boolean, limit: number): readonly Item[]
  putItem(pk: string, sk: string, item: string): void
  deleteItem(pk: string, sk: string): void
  listRuns(limit: number): readonly Item[]
  loadPointer(table: TableIdentifier): string | undefined
  /** False where the table is not at `base` (`undefined`: where it exists). */
  movePointer(table: TableIdentifier, base: string | undefined, next: string): boolean
  listTables(namespace: string | undefined): readonly TableIdentifier[]
}

export function prepareStatements(database: DatabaseSync): Statements {
  const prepare = (sql: string) => database.prepare(sql)
  const get = prepare('SELECT item FROM state WHERE pk = ? AND sk = ?')
  const firstPage = prepare('SELECT item FROM state WHERE pk = ? AND sk >= ? AND sk < ? ORDER BY sk LIMIT ?')
  const nextPage = prepare('SELECT item FROM state WHERE pk = ? AND sk > ? AND sk < ? ORDER BY sk LIMIT ?')
  const put = prepare('INSERT OR REPLACE INTO state (pk, sk, item) VALUES (?, ?, ?)')
  const remove = prepare('DELETE FROM state WHERE pk = ? AND sk = ?')
  const runs = prepare(runsQuery)
  const one = `${tablesOnly} AND table_namespace = ? AND table_name = ?`
  const load = prepare(`SELECT metadata_location FROM iceberg_tables WHERE ${one}`)
  const swap = prepare(
    `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = metadata_location
     WHERE ${one} AND metadata_location = ?`,
  )
  const create = prepare(
    `INSERT INTO iceberg_tables
       (catalog_name, table_namespace, table_name, metadata_location, previous_metadata_location, iceberg_type)
     VALUES ('${catalogName}', ?, ?, ?, NULL, 'TABLE') ON CONFLICT DO NOTHING`,
  )
  // PyIceberg lists a namespace that has this property even when its last table is gone.
  const createNamespace = prepare(
    `INSERT INTO iceberg_namespace_properties (catalog_name, namespace, property_key, property_value)
     VALUES ('${catalogName}', ?, 'exists', 'true') ON CONFLICT DO NOTHING`,
  )
  const list = prepare(
    `SELECT table_namespace AS namespace, table_name AS name FROM iceberg_tables
     WHERE ${tablesOnly} AND (?1 IS NULL OR table_namespace = ?1) ORDER BY table_namespace, table_name`,
  )
  const parse = (row: Record<string, unknown>) => JSON.parse(row.item as string) as Item
  return {
    getItem: (pk, sk) => {
      const row = get.get(pk, sk)
      return row && parse(row)
    },
    pageOf: (pk, after, until, isFirst, limit) =>
      (isFirst ? firstPage : nextPage).all(pk, after, until, limit).map(parse),
    putItem: (pk, sk, item) => void put.run(pk, sk, item),
    deleteItem: (pk, sk) => void remove.run(pk, sk),
    listRuns: (limit) => runs.all(limit).map(parse),
    loadPointer: ({ namespace, name }) => {
      const location = load.get(namespace, name)?.metadata_location
      return location === null ? undefined : (location as string | undefined)
    },
    movePointer: ({ namespace, name }, base, next) => {
      if (base !== undefined) return swap.run(next, namespace, name, base).changes === 1
      if (create.run(namespace, name, next).changes === 0) return false
      createNamespace.run(namespace)
      return true
    },
    listTables: (namespace) =>
      list
        .all(namespace ?? null)
        .map((row) => ({ namespace: String(row.namespace), name: String(row.name) })),
  }
}

/**
 * Newest first, runs that start together by id. The index gives this order without a sort, but SQLite takes
 * the primary key for the better one unless it is told.
 */
export const runsQuery = `SELECT item FROM state INDEXED BY runs_by_start WHERE ${runsOnly}
  ORDER BY item ->> '$.started_at' DESC, pk DESC LIMIT ?`
