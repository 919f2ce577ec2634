import { gunzipSync } from 'node:zlib'
import { IntegrityError, PolicyError } from '../errors.ts'
import { parseLossless, printLossless } from './lossless-json.ts'
import { type PartitionField, type PartitionSpec, unpartitioned } from './partition.ts'
import { highestFieldId, sameSchema } from './schema.ts'
import { parseSchema, printSchema, type Schema, type SchemaJson } from './types.ts'

/**
 * A table metadata file of format version 2 (spec: "Table Metadata"), under the spec's own keys: fields that
 * this code does not know (statistics, other refs, encryption keys) are carried from one version to the next
 * as they are. Snapshot ids and sequence numbers are `bigint`, times are milliseconds since 1970.
 */
export interface TableMetadata {
  readonly 'format-version': 2
  readonly 'table-uuid': string
  readonly location: string
  readonly 'last-sequence-number': bigint
  readonly 'last-updated-ms': number
  readonly 'last-column-id': number
  readonly schemas: readonly SchemaJson[]
  readonly 'current-schema-id': number
  readonly 'partition-specs': readonly PartitionSpec[]
  readonly 'default-spec-id': number
  readonly 'last-partition-id': number
  readonly properties?: Readonly<Record<string, string>>
  /** Absent where the table has no snapshot yet. */
  readonly 'current-snapshot-id'?: bigint
  readonly snapshots?: readonly Snapshot[]
  readonly 'snapshot-log'?: readonly { readonly 'timestamp-ms': number; readonly 'snapshot-id': bigint }[]
  readonly 'metadata-log'?: readonly { readonly 'timestamp-ms': number; readonly 'metadata-file': string }[]
  readonly 'sort-orders': readonly SortOrder[]
  readonly 'default-sort-order-id': number
  readonly refs?: Readonly<Record<string, SnapshotRef>>
}

export interface Snapshot {
  readonly 'snapshot-id': bigint
  readonly 'parent-snapshot-id'?: bigint
  readonly 'sequence-number': bigint
  readonly 'timestamp-ms': number
  readonly 'manifest-list': string
  /** `operation` and counts as decimal text. */
  readonly summary: Readonly<Record<string, string>>
  readonly 'schema-id'?: number
}

export interface SnapshotRef {
  readonly 'snapshot-id': bigint
  readonly type: 'branch' | 'tag'
}

export interface SortOrder {
  readonly 'order-id': number
  readonly fields: readonly SortField[]
}

export interface SortField {
  readonly transform: string
  readonly 'source-id': number
  readonly direction: 'asc' | 'desc'
  readonly 'null-order': 'nulls-first' | 'nulls-last'
}

export interface NewTable {
  readonly uuid: string
  readonly location: string
  readonly schema: Schema
  readonly timestampMs: number
  readonly properties: Readonly<Record<string, string>>
  /** Default: unpartitioned. */
  readonly partition?: readonly PartitionField[]
}

/** A table without a snapshot: unsorted, with `schema` as schema 0 and `partition` as spec 0. */
export function createTableMetadata(table: NewTable): TableMetadata {
  const { partition = [] } = table
  return {
    'format-version': 2,
    'table-uuid': table.uuid,
    location: table.location,
    'last-sequence-number': 0n,
    'last-updated-ms': table.timestampMs,
    'last-column-id': highestFieldId(table.schema),
    schemas: [printSchema({ ...table.schema, schemaId: 0 })],
    'current-schema-id': 0,
    'partition-specs': [{ ...unpartitioned, fields: partition }],
    'default-spec-id': 0,
    // Partition field ids start at 1000.
    'last-partition-id': Math.max(999, ...partition.map((field) => field['field-id'])),
    properties: table.properties,
    snapshots: [],
    'snapshot-log': [],
    'metadata-log': [],
    'sort-orders': [{ 'order-id': 0, fields: [] }],
    'default-sort-order-id': 0,
    refs: {},
  }
}

/** Makes `schema` current. One that the table has had already keeps its id; `last-column-id` only grows. */
export function addSchema(metadata: TableMetadata, schema: Schema): TableMetadata {
  const schemas = tableSchemas(metadata)
  const known = schemas.find((candidate) => sameSchema(candidate, schema))
  const schemaId = known?.schemaId ?? Math.max(...schemas.map((s) => s.schemaId)) + 1
  const added = known === undefined ? [printSchema({ ...schema, schemaId })] : []
  return {
    ...metadata,
    'last-column-id': Math.max(metadata['last-column-id'], highestFieldId(schema)),
    schemas: [...metadata.schemas, ...added],
    'current-schema-id': schemaId,
  }
}

/** Makes `snapshot` the head of `main` and the table's current snapshot. */
export function addSnapshot(metadata: TableMetadata, snapshot: Snapshot): TableMetadata {
  const id = snapshot['snapshot-id']
  return {
    ...metadata,
    'last-sequence-number': snapshot['sequence-number'],
    'current-snapshot-id': id,
    snapshots: [...(metadata.snapshots ?? []), snapshot],
    'snapshot-log': [
      ...(metadata['snapshot-log'] ?? []),
      { 'timestamp-ms': snapshot['timestamp-ms'], 'snapshot-id': id },
    ],
    // A branch may carry retention settings of its own.
    refs: { ...metadata.refs, main: { ...metadata.refs?.main, 'snapshot-id': id, type: 'branch' } },
  }
}

/** Puts the version at `location` into the log of `next`, which keeps the newest `limit` entries. */
export function logPrevious(
  next: TableMetadata,
  previous: { readonly location: string; readonly metadata: TableMetadata },
  limit: number,
): TableMetadata {
  const entry = { 'timestamp-ms': previous.metadata['last-updated-ms'], 'metadata-file': previous.location }
  const log = [...(next['metadata-log'] ?? []), entry]
  return { ...next, 'metadata-log': log.slice(Math.max(0, log.length - limit)) }
}

export function tableSchemas(metadata: TableMetadata): Schema[] {
  return metadata.schemas.map(parseSchema)
}

/** Throws `IntegrityError` `TABLE_METADATA_INVALID` where the metadata names a schema that it does not have. */
export function currentSchema(metadata: TableMetadata): Schema {
  return schemaById(metadata, metadata['current-schema-id'])
}

export function schemaById(metadata: TableMetadata, schemaId: number): Schema {
  const json = metadata.schemas.find((schema) => (schema['schema-id'] ?? 0) === schemaId)
  if (json === undefined) throw invalid(`schema ${schemaId} is not among its schemas`)
  return parseSchema(json)
}

/** The current snapshot, or `undefined` where nothing was ever committed. */
export function currentSnapshot(metadata: TableMetadata): Snapshot | undefined {
  const id = metadata['current-snapshot-id']
  return id === undefined ? undefined : snapshotById(metadata, id)
}

export function snapshotById(metadata: TableMetadata, id: bigint): Snapshot {
  const snapshot = metadata.snapshots?.find((candidate) => candidate['snapshot-id'] === id)
  if (snapshot === undefined) throw invalid(`snapshot ${id} is not among its snapshots`)
  return snapshot
}

export function defaultSpec(metadata: TableMetadata): PartitionSpec {
  return specById(metadata, metadata['default-spec-id'])
}

/** Throws `IntegrityError` `TABLE_METADATA_INVALID` where there is none. */
export function specById(metadata: TableMetadata, id: number): PartitionSpec {
  const spec = metadata['partition-specs'].find((candidate) => candidate['spec-id'] === id)
  if (spec === undefined) throw invalid(`partition spec ${id} is not among its specs`)
  return spec
}

/** `00003-<uuid>.metadata.json`; Java takes the version from what comes before the dash. */
export function metadataFileName(version: number, uuid: string): string {
  return `${String(version).padStart(5, '0')}-${uuid}.metadata.json`
}

/** The version in a metadata file's name (`00003-…`, or `v3.metadata.json` of Hadoop tables), -1 where there is none. */
export function metadataVersion(location: string): number {
  const match = /\/(?:(\d+)-|v(\d+)\.)[^/]*$/.exec(location)
  return match === null ? -1 : Number(match[1] ?? match[2])
}

export function printTableMetadata(metadata: TableMetadata): string {
  return printLossless(metadata)
}

/**
 * Reads a metadata file, gzipped or not. Throws `PolicyError` `TABLE_FORMAT_UNSUPPORTED` for any format version
 * but 2, `IntegrityError` `TABLE_METADATA_INVALID` for what is no metadata file.
 */
export function parseTableMetadata(body: Uint8Array, location: string): TableMetadata {
  let json: unknown
  try {
    const bytes = body[0] === 0x1f && body[1] === 0x8b ? gunzipSync(body) : body
    json = parseLossless(Buffer.from(bytes).toString('utf8'))
  } catch (cause) {
    throw invalid(`${location} is no JSON`, cause)
  }
  if (typeof json !== 'object' || json === null) throw invalid(`${location} is no JSON object`)
  const raw = json as Record<string, unknown>
  if (raw['format-version'] !== 2) throw unsupported(raw['format-version'], location)
  for (const [key, type] of Object.entries(requiredFields)) {
    const value = raw[key]
    const fits = type === 'array' ? Array.isArray(value) : typeof value === type
    if (!fits) throw invalid(`${location} has no valid '${key}'`)
  }
  return withBigintIds(raw)
}

const requiredFields = {
  'table-uuid': 'string',
  location: 'string',
  'last-sequence-number': 'number',
  'last-updated-ms': 'number',
  'last-column-id': 'number',
  schemas: 'array',
  'current-schema-id': 'number',
  'partition-specs': 'array',
  'default-spec-id': 'number',
  'last-partition-id': 'number',
  'sort-orders': 'array',
  'default-sort-order-id': 'number',
} as const

const bigintKeys = ['snapshot-id', 'parent-snapshot-id', 'sequence-number'] as const

/** Small ids come out of the parser as `number`, large ones as `bigint`; code must not depend on their size. */
function withBigintIds(raw: Record<string, unknown>): TableMetadata {
  const { 'current-snapshot-id': current, ...rest } = raw
  const list = (value: unknown): unknown => (Array.isArray(value) ? value.map(bigintIds) : value)
  const refs = Object.entries((raw.refs ?? {}) as Record<string, unknown>)
  return {
    ...rest,
    'last-sequence-number': BigInt(raw['last-sequence-number'] as number),
    // Java writes -1 for "none".
    ...(current === undefined || current === null || current === -1
      ? {}
      : { 'current-snapshot-id': BigInt(current as number) }),
    ...(raw.snapshots === undefined ? {} : { snapshots: list(raw.snapshots) }),
    ...(raw['snapshot-log'] === undefined ? {} : { 'snapshot-log': list(raw['snapshot-log']) }),
    ...(raw.refs === undefined ? {} : { refs: Object.fromEntries(refs.map(([k, v]) => [k, bigintIds(v)])) }),
  } as unknown as TableMetadata
}

function bigintIds(value: unknown): unknown {
  const object = { ...(value as Record<string, unknown>) }
  for (const key of bigintKeys) {
    const id = object[key]
    if (typeof id === 'number') object[key] = BigInt(id)
    else if (id === null) delete object[key]
  }
  return object
}

function invalid(fact: string, cause?: unknown): IntegrityError {
  return new IntegrityError({
    code: 'TABLE_METADATA_INVALID',
    fact: `The table's metadata cannot be used: ${fact}`,
    consequence: 'Nothing of the table was read or changed',
    next: 'Point the catalog at an intact metadata file of this table',
    cause,
  })
}

function unsupported(version: unknown, location: string): PolicyError {
  return new PolicyError({
    code: 'TABLE_FORMAT_UNSUPPORTED',
    fact: `${location} is of Iceberg format version ${JSON.stringify(version)}`,
    consequence: 'Only format version 2 is read and written, so the table was left alone',
    next: 'Use a table of format version 2 as the target',
  })
}
