import { IntegrityError } from '../errors.ts'
import { type AvroRecord, readAvro, writeAvro } from './avro.ts'
import { listNaming, manifestListSchema } from './manifest-schema.ts'

/** One manifest as a manifest list names it (spec: "Manifest Lists", `manifest_file`). */
export interface ManifestFile {
  readonly path: string
  /** Bytes. */
  readonly length: bigint
  readonly partitionSpecId: number
  readonly content: 'data' | 'deletes'
  readonly sequenceNumber: bigint
  /** The least data sequence number of its live files. */
  readonly minSequenceNumber: bigint
  readonly addedSnapshotId: bigint
  readonly addedFiles: number
  readonly existingFiles: number
  readonly deletedFiles: number
  readonly addedRows: bigint
  readonly existingRows: bigint
  readonly deletedRows: bigint
  readonly partitions?: readonly FieldSummary[]
  readonly keyMetadata?: Uint8Array
}

/** Of one partition field over all files of a manifest. */
export interface FieldSummary {
  readonly containsNull: boolean
  readonly containsNan?: boolean
  readonly lowerBound?: Uint8Array
  readonly upperBound?: Uint8Array
}

export interface ManifestListOwner {
  readonly snapshotId: bigint
  readonly parentSnapshotId: bigint | undefined
  readonly sequenceNumber: bigint
}

const schemaText = JSON.stringify(manifestListSchema)
const contents = ['data', 'deletes'] as const

/** Pure: equal arguments give equal bytes. */
export function writeManifestList(manifests: readonly ManifestFile[], owner: ManifestListOwner): Uint8Array {
  const header = {
    'snapshot-id': String(owner.snapshotId),
    // Java prints a missing parent as the word.
    'parent-snapshot-id': String(owner.parentSnapshotId ?? null),
    'sequence-number': String(owner.sequenceNumber),
    'format-version': '2',
  }
  return writeAvro(schemaText, listNaming, header, manifests.map(toRecord))
}

function toRecord(manifest: ManifestFile): AvroRecord {
  return {
    manifest_path: manifest.path,
    manifest_length: manifest.length,
    partition_spec_id: manifest.partitionSpecId,
    content: contents.indexOf(manifest.content),
    sequence_number: manifest.sequenceNumber,
    min_sequence_number: manifest.minSequenceNumber,
    added_snapshot_id: manifest.addedSnapshotId,
    added_files_count: manifest.addedFiles,
    existing_files_count: manifest.existingFiles,
    deleted_files_count: manifest.deletedFiles,
    added_rows_count: manifest.addedRows,
    existing_rows_count: manifest.existingRows,
    deleted_rows_count: manifest.deletedRows,
    partitions:
      manifest.partitions?.map((summary) => ({
        contains_null: summary.containsNull,
        contains_nan: summary.containsNan ?? null,
        lower_bound: bufferOrNull(summary.lowerBound),
        upper_bound: bufferOrNull(summary.upperBound),
      })) ?? null,
    key_metadata: bufferOrNull(manifest.keyMetadata),
  }
}

function bufferOrNull(bytes: Uint8Array | undefined): Buffer | null {
  return bytes === undefined ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Throws `IntegrityError`: `AVRO_INVALID`, `MANIFEST_LIST_INVALID`. */
export function readManifestList(bytes: Uint8Array, location: string): ManifestFile[] {
  return readAvro(bytes, listNaming, location).records.map((record) => fromRecord(record, location))
}

function fromRecord(record: AvroRecord, location: string): ManifestFile {
  // Lists of format version 1 lack content and sequence numbers (data, 0) and may lack the counts. A table is
  // upgraded by its next commit, so they are met in old snapshots; the counts are what nothing can stand in for.
  const count = <T>(name: string): T => {
    const value = record[name]
    if (value === null || value === undefined) throw invalid(location, name)
    return value as T
  }
  const content = contents[(record.content as number | undefined) ?? 0]
  if (content === undefined) throw invalid(location, 'content')
  const partitions = record.partitions as readonly AvroRecord[] | null | undefined
  const keyMetadata = record.key_metadata as Uint8Array | null | undefined
  return {
    path: count('manifest_path'),
    length: count('manifest_length'),
    partitionSpecId: count('partition_spec_id'),
    content,
    sequenceNumber: (record.sequence_number as bigint | undefined) ?? 0n,
    minSequenceNumber: (record.min_sequence_number as bigint | undefined) ?? 0n,
    addedSnapshotId: count('added_snapshot_id'),
    addedFiles: count('added_files_count'),
    existingFiles: count('existing_files_count'),
    deletedFiles: count('deleted_files_count'),
    addedRows: count('added_rows_count'),
    existingRows: count('existing_rows_count'),
    deletedRows: count('deleted_rows_count'),
    ...(partitions ? { partitions: partitions.map(summaryFromRecord) } : {}),
    ...(keyMetadata ? { keyMetadata } : {}),
  }
}

function summaryFromRecord(record: AvroRecord): FieldSummary {
  return {
    containsNull: record.contains_null as boolean,
    ...(typeof record.contains_nan === 'boolean' ? { containsNan: record.contains_nan } : {}),
    ...(record.lower_bound instanceof Uint8Array ? { lowerBound: record.lower_bound } : {}),
    ...(record.upper_bound instanceof Uint8Array ? { upperBound: record.upper_bound } : {}),
  }
}

function invalid(location: string, name: string): IntegrityError {
  return new IntegrityError({
    code: 'MANIFEST_LIST_INVALID',
    fact: `${location} has a manifest with no valid ${name}`,
    consequence: 'Nothing of the table was read or changed',
    next: 'Commit once with an engine that writes Iceberg format version 2',
  })
}
