/**
 * The lake, read without a word of Sluice: the catalog is an SQLite file in the layout of PyIceberg's
 * `SqlCatalog`, the tables are Apache Iceberg v2, and the reader of their metadata is the npm package `icebird`.
 *
 * @module
 */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { icebergManifests, icebergMetadata } from 'icebird'

export interface LakeTable {
  /** `namespace.name`. */
  readonly name: string
  /** `file:///…/bronze/flights`. */
  readonly location: string
  /** In `metadata/` below the location. */
  readonly metadataFile: string
  readonly snapshots: number
  /** By the manifests. */
  readonly rows: number
  /** Absolute paths of the data files of the current snapshot. */
  readonly files: readonly string[]
}

/** Every table of the catalog at `home` (the project's `.sluice`), in the order of their names. */
export async function readLake(home: string): Promise<LakeTable[]> {
  serveFiles()
  const catalog = new DatabaseSync(join(home, 'state.db'), { readOnly: true })
  try {
    const sql =
      'SELECT table_namespace, table_name, metadata_location FROM iceberg_tables ORDER BY table_namespace, table_name'
    const rows = catalog.prepare(sql).all()
    return await Promise.all(
      rows.map((row) => readTable(`${row.table_namespace}.${row.table_name}`, String(row.metadata_location))),
    )
  } finally {
    catalog.close()
  }
}

async function readTable(name: string, metadataLocation: string): Promise<LakeTable> {
  const [location, metadataFile] = metadataLocation.split('/metadata/') as [string, string]
  const metadata = await icebergMetadata({ tableUrl: location, metadataFileName: metadataFile })
  const snapshots = metadata.snapshots?.length ?? 0
  const manifests = metadata['current-snapshot-id'] === undefined ? [] : await icebergManifests(metadata)
  const live = manifests.flatMap(({ entries }) => entries).filter((entry) => entry.status !== 2)
  if (live.some((entry) => entry.data_file.content !== 0)) {
    throw new Error(`${name} has delete files, which this small reader does not apply. Use icebergRead.`)
  }
  return {
    name,
    location,
    metadataFile,
    snapshots,
    rows: live.reduce((sum, entry) => sum + Number(entry.data_file.record_count), 0),
    files: live.map((entry) => entry.data_file.file_path.replace('file://', '')),
  }
}

/** DuckDB with one view per table: `SELECT * FROM gold.delay_by_state`. */
export async function openViews(tables: readonly LakeTable[]): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(':memory:', { autoinstall_known_extensions: 'false' })
  const connection = await instance.connect()
  for (const { name, files } of tables.filter((table) => table.files.length > 0)) {
    const list = files.map((file) => `'${file.replaceAll("'", "''")}'`).join(', ')
    await connection.run(`CREATE SCHEMA IF NOT EXISTS "${name.split('.')[0]}"`)
    await connection.run(`CREATE VIEW ${name} AS FROM read_parquet([${list}], union_by_name = true)`)
  }
  return connection
}

const fetchFromWeb = globalThis.fetch

/** icebird reads over HTTP; for `file:` this answers as a web server would, byte ranges included. */
export function serveFiles(): void {
  globalThis.fetch = async (input, init) => {
    const url = String(input)
    if (!url.startsWith('file://')) return await fetchFromWeb(input, init)
    const file = await open(url.slice('file://'.length)).catch(() => undefined)
    if (file === undefined) return new Response(null, { status: 404, statusText: `${url} is not there` })
    try {
      const range = /^bytes=(\d+)-(\d*)$/.exec(new Headers(init?.headers).get('range') ?? '')
      const start = Number(range?.[1] ?? 0)
      const end = range?.[2] ? Number(range[2]) + 1 : (await file.stat()).size
      const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start)
      return new Response(buffer.subarray(0, bytesRead), { status: range === null ? 200 : 206 })
    } finally {
      await file.close()
    }
  }
}
