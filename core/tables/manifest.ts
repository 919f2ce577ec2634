import { IntegrityError } from '../errors.ts'
import { type AvroRecord, readAvro, writeAvro } from './avro.ts'
import type { DataFile, FileContent } from './data-file.ts'
import { printLossless } from './lossless-json.ts'
import type { ManifestFile } from './manifest-list.ts'
import { entryNaming, manifestEntrySchema, partitionFieldName } from './manifest-schema.ts'
import { type PartitionSpec, partitionRecord, partitionType, unpartitioned } from './partition.ts'
import { summarizePartitions, widenedPartitionValue } from './partition-values.ts'
import { type PrimitiveType, printSchema, type Schema } from './types.ts'

export type EntryStatus = 'added' | 'existing' | 'deleted'

/**
 * One file's place in a table's history. An `added` entry that is about to be written has no sequence numbers:
 * it inherits those of its manifest, so that a commit can be retried without rewriting manifests (spec:
 * "Sequence Number Inheritance"). Entries that were read have all of them.
 */
export interface ManifestEntry {
  readonly status: EntryStatus
  /** The snapshot that added the file, or that deleted it where the status is `deleted`. */
  readonly snapshotId: bigint
  /** Data sequence number: deletes with a greater one apply to the file. */
  readonly sequenceNumber?: bigint
  readonly fileSequenceNumber?: bigint
  readonly file: DataFile
}

/** An entry with everything that it inherits. */
export interface LiveEntry extends ManifestEntry {
  readonly sequenceNumber: bigint
  readonly fileSequenceNumber: bigint
}

export interface ManifestRequest {
  readonly schema: Schema
  /** Newest first; the types of partition values come from the first that has the source column. */
  readonly schemas: readonly Schema[]
  readonly spec: PartitionSpec
  readonly content: 'data' | 'deletes'
  readonly entries: readonly ManifestEntry[]
  readonly snapshotId: bigint
  readonly sequenceNumber: bigint
  readonly path: string
}

export interface WrittenManifest {
  readonly bytes: Uint8Array
  readonly manifest: ManifestFile
}

const statuses: readonly EntryStatus[] = ['existing', 'added', 'deleted']
const contents: readonly FileContent[] = ['data', 'position_deletes', 'equality_deletes']

const unpartitionedText = entrySchemaText(unpartitioned, [])

function entrySchemaText(spec: PartitionSpec, schemas: readonly Schema[]): string {
  return JSON.stringify(manifestEntrySchema(partitionRecord(spec, schemas)))
}

/** Pure: equal requests give equal bytes. Throws `TerminalError` `TABLE_PARTITION_UNSUPPORTED`. */
export function writeManifest(request: ManifestRequest): WrittenManifest {
  const { schema, spec, content, entries, snapshotId, sequenceNumber, path } = request
  const header = {
    schema: printLossless(printSchema(schema)),
    'schema-id': String(schema.schemaId),
    'partition-spec': JSON.stringify(spec.fields),
    'partition-spec-id': String(spec['spec-id']),
    'format-version': '2',
    content,
  }
  const avroSchema = spec.fields.length === 0 ? unpartitionedText : entrySchemaText(spec, request.schemas)
  const types = spec.fields.map((field) => ({
    id: field['field-id'],
    type: partitionType(field, request.schemas),
  }))
  const records = entries.map((entry) => toRecord(entry, types))
  const bytes = writeAvro(avroSchema, entryNaming, header, records)
  const tally = (status: EntryStatus) => entries.filter((entry) => entry.status === status)
  const rows = (some: readonly ManifestEntry[]) => some.reduce((sum, { file }) => sum + file.recordCount, 0n)
  const [added, existing, deleted] = [tally('added'), tally('existing'), tally('deleted')]
  const manifest: ManifestFile = {
    path,
    length: BigInt(bytes.byteLength),
    partitionSpecId: spec['spec-id'],
    content,
    sequenceNumber,
    minSequenceNumber: [...added, ...existing].reduce(
      (least, entry) => minimum(least, entry.sequenceNumber ?? sequenceNumber),
      sequenceNumber,
    ),
    addedSnapshotId: snapshotId,
    addedFiles: added.length,
    existingFiles: existing.length,
    deletedFiles: deleted.length,
    addedRows: rows(added),
    existingRows: rows(existing),
    deletedRows: rows(deleted),
    partitions: summarizePartitions(
      types,
      entries.map(({ file }) => file.partition),
    ),
  }
  return { bytes, manifest }
}

function minimum(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

interface PartitionColumn {
  readonly id: number
  readonly type: PrimitiveType
}

function toRecord(entry: ManifestEntry, columns: readonly PartitionColumn[]): AvroRecord {
  const { file } = entry
  return {
    status: statuses.indexOf(entry.status),
    snapshot_id: entry.snapshotId,
    sequence_number: entry.sequenceNumber ?? null,
    file_sequence_number: entry.fileSequenceNumber ?? null,
    data_file: {
      content: contents.indexOf(file.content),
      file_path: file.filePath,
      file_format: file.fileFormat,
      partition: Object.fromEntries(
        columns.map(({ id, type }) => [
          partitionFieldName(id),
          widenedPartitionValue(type, file.partition.get(id) ?? null),
        ]),
      ),
      record_count: file.recordCount,
      file_size_in_bytes: file.fileSizeInBytes,
      column_sizes: pairs(file.columnSizes),
      value_counts: pairs(file.valueCounts),
      null_value_counts: pairs(file.nullValueCounts),
      nan_value_counts: pairs(file.nanValueCounts),
      lower_bounds: bytePairs(file.lowerBounds),
      upper_bounds: bytePairs(file.upperBounds),
      key_metadata: file.keyMetadata === undefined ? null : buffer(file.keyMetadata),
      split_offsets: file.splitOffsets ?? null,
      equality_ids: file.equalityIds ?? null,
      sort_order_id: file.sortOrderId ?? null,
      referenced_data_file: file.referencedDataFile ?? null,
    },
  }
}

function pairs(map: ReadonlyMap<number, bigint> | undefined): { key: number; value: bigint }[] | null {
  return map === undefined ? null : Array.from(map, ([key, value]) => ({ key, value }))
}

function bytePairs(
  map: ReadonlyMap<number, Uint8Array> | undefined,
): { key: number; value: Buffer }[] | null {
  return map === undefined ? null : Array.from(map, ([key, value]) => ({ key, value: buffer(value) }))
}

/** avsc accepts no plain `Uint8Array`. */
function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * All entries, the deleted ones too, with what they inherit from `manifest` (spec: "Sequence Number Inheritance",
 * "Snapshot ID Inheritance"). Throws `IntegrityError`: `AVRO_INVALID`, `MANIFEST_INVALID`.
 */
export function readManifest(bytes: Uint8Array, manifest: ManifestFile): LiveEntry[] {
  return readAvro(bytes, entryNaming, manifest.path).records.map((record) => fromRecord(record, manifest))
}

function fromRecord(record: AvroRecord, manifest: ManifestFile): LiveEntry {
  const status = statuses[record.status as number]
  if (status === undefined) throw invalid(manifest, `an entry has the status ${String(record.status)}`)
  const inherited = (name: string): bigint => {
    const own = optional<bigint>(record[name])
    if (own !== undefined) return own
    // Manifests of format version 1 have no numbers at all: everything in them has 0.
    if (status === 'added' || manifest.sequenceNumber === 0n) return manifest.sequenceNumber
    throw invalid(manifest, `an ${status} entry has no ${name}`)
  }
  return {
    status,
    snapshotId: optional<bigint>(record.snapshot_id) ?? manifest.addedSnapshotId,
    sequenceNumber: inherited('sequence_number'),
    fileSequenceNumber: inherited('file_sequence_number'),
    file: fileFromRecord(record.data_file as AvroRecord, manifest),
  }
}

function fileFromRecord(record: AvroRecord, manifest: ManifestFile): DataFile {
  const content = contents[optional<number>(record.content) ?? 0]
  if (content === undefined) throw invalid(manifest, `a file has the content ${String(record.content)}`)
  return {
    content,
    filePath: record.file_path as string,
    fileFormat: (record.file_format as string).toUpperCase(),
    partition: partitionValues(record.partition as AvroRecord),
    recordCount: record.record_count as bigint,
    fileSizeInBytes: record.file_size_in_bytes as bigint,
    columnSizes: toMap<bigint>(record.column_sizes),
    valueCounts: toMap<bigint>(record.value_counts),
    nullValueCounts: toMap<bigint>(record.null_value_counts),
    nanValueCounts: toMap<bigint>(record.nan_value_counts),
    lowerBounds: toMap<Uint8Array>(record.lower_bounds),
    upperBounds: toMap<Uint8Array>(record.upper_bounds),
    keyMetadata: optional<Uint8Array>(record.key_metadata),
    splitOffsets: optional<bigint[]>(record.split_offsets),
    equalityIds: optional<number[]>(record.equality_ids),
    sortOrderId: optional<number>(record.sort_order_id),
    referencedDataFile: optional<string>(record.referenced_data_file),
  }
}

function partitionValues(record: AvroRecord): Map<number, unknown> {
  return new Map(Object.entries(record).map(([name, value]) => [Number(name.slice(1)), value]))
}

function toMap<T>(value: unknown): Map<number, T> | undefined {
  const list = optional<{ key: number; value: T }[]>(value)
  return list === undefined ? undefined : new Map(list.map((pair) => [pair.key, pair.value]))
}

function optional<T>(value: unknown): T | undefined {
  return value === null || value === undefined ? undefined : (value as T)
}

function invalid(manifest: ManifestFile, what: string): IntegrityError {
  return new IntegrityError({
    code: 'MANIFEST_INVALID',
    fact: `In ${manifest.path} ${what}`,
    consequence: 'Nothing of the table was read or changed',
    next: 'Repair the manifest with the engine that wrote it',
  })
}
