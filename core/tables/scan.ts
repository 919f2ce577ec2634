import { PolicyError } from '../errors.ts'
import type { ObjectReader } from '../stores/object-store.ts'
import { counted } from '../words.ts'
import type { DataFile } from './data-file.ts'
import { uriToKey } from './locations.ts'
import { type LiveEntry, readManifest } from './manifest.ts'
import { type ManifestFile, readManifestList } from './manifest-list.ts'
import {
  currentSnapshot,
  parseTableMetadata,
  type Snapshot,
  snapshotById,
  type TableMetadata,
} from './metadata.ts'
import { schemaNodes } from './schema.ts'
import { decodeValue, type IcebergValue } from './single-value.ts'
import { mapParallel } from './table-files.ts'
import type { Schema } from './types.ts'

/** A table as a metadata file describes it; `location` is that file, what a catalog points at. */
export interface LoadedTable {
  readonly location: string
  readonly metadata: TableMetadata
}

/** One file that a snapshot's rows are in. */
export interface LiveFile {
  /** The store's key of `file.filePath`. */
  readonly key: string
  readonly file: DataFile
  readonly partitionSpecId: number
  /** The snapshot that added it. */
  readonly snapshotId: bigint
  readonly sequenceNumber: bigint
  readonly fileSequenceNumber: bigint
}

/** Throws `SourceError` `OBJECT_NOT_FOUND`, and what `uriToKey` and `parseTableMetadata` throw. */
export async function loadTable(store: ObjectReader, location: string): Promise<LoadedTable> {
  const { body } = await store.get(uriToKey(store, location))
  return { location, metadata: parseTableMetadata(body, location) }
}

/**
 * The live data files of a snapshot (default: the current one; none where there is none), in manifest order.
 * Throws `PolicyError`: `TABLE_DELETES_UNSUPPORTED` where the snapshot has delete files, for its data files alone
 * would hold rows that are gone; `TABLE_FILE_OUTSIDE_STORE`.
 */
export async function listDataFiles(
  store: ObjectReader,
  metadata: TableMetadata,
  snapshotId?: bigint,
): Promise<LiveFile[]> {
  const snapshot = snapshotId === undefined ? currentSnapshot(metadata) : snapshotById(metadata, snapshotId)
  const manifests = snapshot === undefined ? [] : await readManifests(store, snapshot)
  refuseDeletes(manifests, metadata)
  const lists = await mapParallel(manifests.filter(mayHaveLive), async (manifest) => {
    const entries = await readEntries(store, manifest)
    return entries
      .filter((entry) => entry.status !== 'deleted')
      .map(({ file, snapshotId, sequenceNumber, fileSequenceNumber }) => ({
        key: uriToKey(store, file.filePath),
        file,
        partitionSpecId: manifest.partitionSpecId,
        snapshotId,
        sequenceNumber,
        fileSequenceNumber,
      }))
  })
  return lists.flat()
}

export async function readManifests(store: ObjectReader, snapshot: Snapshot): Promise<ManifestFile[]> {
  const location = snapshot['manifest-list']
  const { body } = await store.get(uriToKey(store, location))
  return readManifestList(body, location)
}

export async function readEntries(store: ObjectReader, manifest: ManifestFile): Promise<LiveEntry[]> {
  const { body } = await store.get(uriToKey(store, manifest.path))
  return readManifest(body, manifest)
}

export function mayHaveLive(manifest: ManifestFile): boolean {
  return manifest.addedFiles + manifest.existingFiles > 0
}

export function refuseDeletes(manifests: readonly ManifestFile[], metadata: TableMetadata): void {
  const deletes = manifests.filter((manifest) => manifest.content === 'deletes' && mayHaveLive(manifest))
  if (deletes.length === 0) return
  throw new PolicyError({
    code: 'TABLE_DELETES_UNSUPPORTED',
    fact: `${metadata.location} has position or equality deletes in ${counted(deletes.length, 'manifest')}`,
    consequence:
      'They are not supported yet, and without them deleted rows would come back, so nothing was read',
    next: 'Compact the table with the engine that wrote the deletes (Spark: rewrite_data_files), then run again',
    details: { manifests: deletes.length },
  })
}

export interface Bounds {
  readonly lower?: IcebergValue
  readonly upper?: IcebergValue
}

/**
 * A file's bounds by field id, in the types that `schema` has now; columns that it no longer has are left out.
 * Bounds of strings and binaries may be cut (lower) or raised (upper): they enclose, they need not occur.
 */
export function decodeBounds(file: DataFile, schema: Schema): Map<number, Bounds> {
  const bounds = new Map<number, Bounds>()
  for (const { id, type } of schemaNodes(schema)) {
    const lower = file.lowerBounds?.get(id)
    const upper = file.upperBounds?.get(id)
    if (lower === undefined && upper === undefined) continue
    bounds.set(id, {
      ...(lower === undefined ? {} : { lower: decodeValue(type, lower) }),
      ...(upper === undefined ? {} : { upper: decodeValue(type, upper) }),
    })
  }
  return bounds
}
