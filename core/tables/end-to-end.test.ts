import { mkdirSync, openAsBlob } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import avsc from 'avsc'
import { icebergRead } from 'icebird'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { dataFileFromStats } from './data-file.ts'
import { copyTo, openDuckdb } from './duckdb.suite.ts'
import { evolveSchema } from './evolution.ts'
import { commit, openLake, table } from './lake.suite.ts'
import { keyToUri, tableRoot } from './locations.ts'
import { currentSnapshot, printTableMetadata, type TableMetadata } from './metadata.ts'
import { decodeBounds, type LoadedTable, listDataFiles } from './scan.ts'
import { assignFieldIds, schemaNodes } from './schema.ts'
import type { NestedField, Schema } from './types.ts'

/**
 * Real Parquet by DuckDB, read back by icebird: an implementation that shares no line with this one. icebird
 * fetches locations, so `fetch` is given files; nothing else of it is replaced.
 */
const { store, directory } = openLake()
const duckdb = await openDuckdb()
const data = join(directory, tableRoot(table), 'data')

const column = (name: string, type: NestedField['type']): NestedField => ({
  id: 0,
  name,
  required: false,
  type,
})
const { schema, lastColumnId } = assignFieldIds([
  column('id', { kind: 'long' }),
  column('name', { kind: 'string' }),
  column('price', { kind: 'decimal', precision: 9, scale: 2 }),
  column('at', { kind: 'timestamptz' }),
  column('day', { kind: 'date' }),
  column('ok', { kind: 'boolean' }),
])
const evolved = evolveSchema(schema, lastColumnId, [
  { kind: 'add_column', name: 'note', type: { kind: 'string' } },
])

const select = (from: number, rows: number, more = '') => `
  SELECT i::BIGINT AS id, 'name ' || i AS name, (i * 1.25)::DECIMAL(9,2) AS price,
    TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_seconds(i) AS at, DATE '2024-01-01' + i::INTEGER AS day, i % 2 = 0 AS ok,
    ${more} NULL::VARCHAR AS _errors
  FROM range(${from}, ${from + rows}) r(i)`

async function write(name: string, query: string, target: Schema) {
  const ids = target.fields.map((field) => `"${field.name}": ${field.id}`)
  const file = `${name}.parquet`
  const options = `, COMPRESSION zstd, FIELD_IDS {${ids.join(', ')}, _errors: 2147480000}`
  const stats = await copyTo(duckdb, query, join(data, file), options)
  return dataFileFromStats(stats, target, keyToUri(store, `${tableRoot(table)}/data/${file}`))
}

const history: LoadedTable[] = []
beforeAll(async () => {
  mkdirSync(data, { recursive: true })
  const add = async (parts: Parameters<typeof commit>[2]) => {
    const { base } = await commit(store, `run-${history.length}`, { base: history.at(-1), ...parts })
    history.push(base)
  }
  await add({
    schema,
    added: [await write('a', select(0, 1000), schema), await write('b', select(1000, 500), schema)],
  })
  const more = `'note ' || i AS note,`
  await add({ schema: evolved.schema, added: [await write('c', select(1500, 100, more), evolved.schema)] })
  await add({ schema: evolved.schema, added: [await write('d', select(1600, 1, more), evolved.schema)] })
  const replaced = await write('e', select(5000, 7, more), evolved.schema)
  await add({ schema: evolved.schema, operation: 'overwrite', added: [replaced] })
  vi.stubGlobal('fetch', fetchFile)
})
afterAll(() => {
  vi.unstubAllGlobals()
})

async function fetchFile(url: string, init?: RequestInit): Promise<Response> {
  const blob = await openAsBlob(fileURLToPath(url))
  const range = /bytes=(\d+)-(\d*)/.exec(new Headers(init?.headers).get('range') ?? '')
  if (range === null) return new Response(blob)
  const end = range[2] === '' ? blob.size : Number(range[2]) + 1
  return new Response(blob.slice(Number(range[1]), end), { status: 206 })
}

type Row = { id: bigint; name: string; price: number; at: Date; day: Date; ok: boolean; note?: string }

/** What plain `JSON.parse` makes of the metadata, as any JavaScript reader would. */
async function icebird(metadata: TableMetadata): Promise<Row[]> {
  const json = JSON.parse(printTableMetadata(metadata))
  const rows = await icebergRead({ tableUrl: metadata.location, metadata: json })
  return (rows as Row[]).toSorted((a, b) => Number(a.id - b.id))
}

describe('icebird', () => {
  test.each([
    [0, 1500, 0],
    [1, 1600, 100],
    [2, 1601, 101],
    [3, 7, 7],
  ])('reads version %i: %i rows', async (version, count, notes) => {
    const rows = await icebird(history[version]?.metadata as TableMetadata)
    expect(rows).toHaveLength(count)
    expect(rows.filter((row) => typeof row.note === 'string')).toHaveLength(notes)
    for (const row of rows) {
      const i = Number(row.id)
      expect(row).toMatchObject({ name: `name ${i}`, price: Math.round(i * 125) / 100, ok: i % 2 === 0 })
      expect(row.at.getTime()).toBe(Date.UTC(2024, 0, 1) + i * 1000)
      expect(row.day.getTime()).toBe(Date.UTC(2024, 0, 1 + i))
      expect(row).not.toHaveProperty('_errors')
    }
  })

  test('reads every older snapshot from the newest metadata', async () => {
    const newest = history.at(-1)?.metadata as TableMetadata
    const counts = (newest.snapshots ?? []).map(async (snapshot) => {
      const rows = await icebird({ ...newest, 'current-snapshot-id': snapshot['snapshot-id'] })
      expect(Number(snapshot.summary['total-records'])).toBe(rows.length)
      return rows.length
    })
    expect(await Promise.all(counts)).toEqual([1500, 1600, 1601, 7])
  })
})

describe('avsc alone', () => {
  test('decodes the manifest list and the manifests, with the right counts', async () => {
    for (const { metadata } of history) {
      const snapshot = currentSnapshot(metadata) ?? expect.unreachable()
      const manifests = await decode(snapshot['manifest-list'])
      let live = 0
      for (const manifest of manifests) {
        const entries = await decode(manifest.manifest_path as string)
        const alive = entries.filter((entry) => entry.status !== 2)
        live += alive.reduce(
          (sum, entry) => sum + (entry.data_file as { record_count: number }).record_count,
          0,
        )
      }
      expect(live).toBe(Number(snapshot.summary['total-records']))
    }
  })
})

async function decode(location: string): Promise<Record<string, unknown>[]> {
  const decoder = avsc.createFileDecoder(fileURLToPath(location))
  const records: Record<string, unknown>[] = []
  for await (const record of decoder) records.push(record as Record<string, unknown>)
  return records
}

describe('our own scan', () => {
  test('bounds of real files enclose what DuckDB finds in them', async () => {
    for (const { key, file } of await listDataFiles(store, history[2]?.metadata as TableMetadata)) {
      const sql = `SELECT min(id), max(id), min(name), max(name), count(*) FROM '${join(directory, key)}'`
      const [row] = (await duckdb.runAndReadAll(sql)).getRows()
      const bounds = decodeBounds(file, evolved.schema)
      expect(bounds.get(1)).toEqual({ lower: row?.[0], upper: row?.[1] })
      expect(bounds.get(2)).toEqual({ lower: row?.[2], upper: row?.[3] })
      expect(file.recordCount).toBe(row?.[4])
    }
  })

  test('the files carry the field ids of the schema', async () => {
    const [file] = await listDataFiles(store, history[3]?.metadata as TableMetadata)
    const sql = `SELECT name, field_id FROM parquet_schema('${join(directory, file?.key as string)}') WHERE field_id IS NOT NULL`
    const ids = Object.fromEntries((await duckdb.runAndReadAll(sql)).getRows() as [string, bigint][])
    const expected = schemaNodes(evolved.schema).map((node) => [node.path[0], BigInt(node.id)])
    expect(ids).toEqual({ ...Object.fromEntries(expected), _errors: 2147480000n })
  })
})
