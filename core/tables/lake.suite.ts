import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { openDirectoryStore } from '../stores/directory-object-store.ts'
import type { ObjectStore } from '../stores/object-store.ts'
import { newSnapshotId, uuidFrom } from './attempt.ts'
import { type DataFile, dataFileFromStats } from './data-file.ts'
import { loadTable } from './scan.ts'
import { prepareSnapshot } from './snapshot.ts'
import type { SnapshotRequest } from './snapshot-request.ts'
import type { Schema } from './types.ts'

/** What the tests of this room share: a real directory store, and requests with little to say. */
export interface Lake {
  readonly store: ObjectStore
  readonly directory: string
}

export function openLake(): Lake {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-tables-'))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  return { store: openDirectoryStore(directory), directory }
}

export const table = { namespace: 'bronze', name: 'flights' }

export const idAndName: Schema = {
  schemaId: 0,
  fields: [
    { id: 1, name: 'id', required: false, type: { kind: 'long' } },
    { id: 2, name: 'name', required: false, type: { kind: 'string' } },
  ],
}

/** Describes a file that need not exist: nothing in this room opens data files. */
export function someFile(store: ObjectStore, name: string, rows = 10, schema = idAndName): DataFile {
  const columns = {
    id: { size: 40, min: '0', max: String(rows), nulls: 0, values: rows },
    name: { size: 80, min: 'a', max: 'z', nulls: 1, values: rows },
  }
  const uri = `${store.uri}/${table.namespace}/${table.name}/data/${name}.parquet`
  return dataFileFromStats({ rows, bytes: rows * 100, columns }, schema, uri)
}

export function requestFor(
  store: ObjectStore,
  attempt: string,
  parts: Partial<SnapshotRequest>,
): SnapshotRequest {
  return {
    store,
    table,
    operation: 'append',
    schema: idAndName,
    added: [],
    snapshotId: newSnapshotId(attempt),
    attempt: uuidFrom(attempt),
    timestampMs: 1_700_000_000_000,
    summary: { 'sluice.run-id': attempt },
    ...parts,
  }
}

/** Prepares and "commits": what the next step loads is what was written, not what was returned. */
export async function commit(store: ObjectStore, attempt: string, parts: Partial<SnapshotRequest>) {
  const prepared = await prepareSnapshot(requestFor(store, attempt, parts))
  return { prepared, base: await loadTable(store, prepared.location) }
}
