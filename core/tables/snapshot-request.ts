import { isDeepStrictEqual } from 'node:util'
import { TerminalError } from '../errors.ts'
import type { ObjectStore } from '../stores/object-store.ts'
import type { TableIdentifier } from '../stores/state-store.ts'
import { uuidFrom } from './attempt.ts'
import type { DataFile } from './data-file.ts'
import { defaultSortFields, withPartitionFields, withSortFields } from './design.ts'
import { checkSuccessor } from './evolution.ts'
import { keyToUri, tableRoot, uriToKey } from './locations.ts'
import {
  addSchema,
  createTableMetadata,
  currentSchema,
  currentSnapshot,
  defaultSpec,
  type Snapshot,
  type SortField,
  type TableMetadata,
} from './metadata.ts'
import { type PartitionField, takenNames } from './partition.ts'
import type { LoadedTable } from './scan.ts'
import { checkFields, refused, sameSchema, schemaNodes } from './schema.ts'
import type { Schema } from './types.ts'

export interface SnapshotRequest {
  readonly store: ObjectStore
  readonly table: TableIdentifier
  /** What the commit will be conditional on; `undefined` creates the table. */
  readonly base?: LoadedTable
  /** `overwrite` replaces all rows of the table, whatever files they are in. */
  readonly operation: 'append' | 'overwrite'
  /** The schema after the commit, with final field ids; its `schemaId` does not matter. */
  readonly schema: Schema
  readonly added: readonly DataFile[]
  /** Of this attempt alone (`newSnapshotId`); at most 63 bits. */
  readonly snapshotId: bigint
  /** Of this attempt alone and valid in an object key, e.g. a UUID (`uuidFrom`): it is in the name of every file. */
  readonly attempt: string
  readonly timestampMs: number
  /** The caller's entries of the snapshot summary, e.g. `sluice.run-id`. */
  readonly summary: Readonly<Record<string, string>>
  /** The partition fields that `added` follow and that become the table's; absent: those that it has. */
  readonly partition?: readonly PartitionField[]
  /** The sort order that becomes the table's; absent: the one that it has. */
  readonly sort?: readonly SortField[]
  /** Table properties to set. */
  readonly properties?: Readonly<Record<string, string>>
}

/** A request that was checked, with what follows from it alone. */
export interface SnapshotContext {
  readonly request: SnapshotRequest
  /** The key prefix of the table. */
  readonly root: string
  /** The next metadata, with all but the snapshot. */
  readonly draft: TableMetadata
  readonly head: Snapshot | undefined
}

/** Throws `TerminalError`: `TABLE_SCHEMA_REFUSED`, `TABLE_SNAPSHOT_EXISTS`, `DATA_FILE_REFUSED`; `PolicyError` `TABLE_FILE_OUTSIDE_STORE`. */
export function checkRequest(request: SnapshotRequest): SnapshotContext {
  const { base, store, table } = request
  const root =
    base === undefined ? tableRoot(table) : uriToKey(store, base.metadata.location.replace(/\/+$/, ''))
  const draft = draftMetadata(request, root)
  checkSnapshotIsNew(request)
  checkAdded(request, root, draft)
  return { request, root, draft, head: base && currentSnapshot(base.metadata) }
}

function draftMetadata(request: SnapshotRequest, root: string): TableMetadata {
  const { base, schema, store, timestampMs, attempt } = request
  const properties = request.properties ?? {}
  if (base === undefined) {
    checkFields(schema)
    const uuid = uuidFrom(`table\n${attempt}`)
    const location = keyToUri(store, root)
    const { partition = [] } = request
    const table = { uuid, location, schema, timestampMs, properties, partition }
    return withDesign(createTableMetadata(table), request)
  }
  const { metadata } = base
  const current = currentSchema(metadata)
  const keepsRows = request.operation === 'append' && currentSnapshot(metadata) !== undefined
  if (!sameSchema(current, schema)) checkSuccessor(current, metadata['last-column-id'], schema, keepsRows)
  const designed = withDesign(addSchema(metadata, schema), request)
  checkSources(designed, schema)
  checkPartitionNames(designed, current, schema)
  return {
    ...designed,
    properties: { ...metadata.properties, ...properties },
    // Readers expect the logs in order of time, and clocks of two writers differ.
    'last-updated-ms': Math.max(timestampMs, metadata['last-updated-ms']),
  }
}

function withDesign(metadata: TableMetadata, { partition, sort }: SnapshotRequest): TableMetadata {
  const partitioned = partition === undefined ? metadata : withPartitionFields(metadata, partition)
  return sort === undefined ? partitioned : withSortFields(partitioned, sort)
}

/** Whether the commit would change neither the schema, nor the design, nor a property. */
export function isUnchanged(draft: TableMetadata, base: TableMetadata): boolean {
  return (
    draft['current-schema-id'] === base['current-schema-id'] &&
    draft['default-spec-id'] === base['default-spec-id'] &&
    draft['default-sort-order-id'] === base['default-sort-order-id'] &&
    isDeepStrictEqual(draft.properties, base.properties ?? {})
  )
}

/** Java cannot even open a table whose partition or sort fields have lost their column. */
function checkSources(metadata: TableMetadata, schema: Schema): void {
  const ids = new Set(schemaNodes(schema).map((node) => node.id))
  // Of all specs: files of an old one are still read by it.
  const specs = metadata['partition-specs'].flatMap((spec) => spec.fields)
  const lost = [...specs, ...defaultSortFields(metadata)].find(
    (field) => field.transform !== 'void' && !ids.has(field['source-id']),
  )
  if (lost === undefined) return
  throw refused(`The column with id ${lost['source-id']} partitions or sorts the table and cannot be dropped`)
}

function checkPartitionNames(metadata: TableMetadata, base: Schema, schema: Schema): void {
  const fields = metadata['partition-specs'].flatMap((spec) => spec.fields)
  const [taken] = takenNames(base, schema, fields)
  if (taken !== undefined)
    throw refused(
      `'${taken.name}' is the name of a partition field of another column, also where it is of old files`,
    )
}

function checkSnapshotIsNew({ base, snapshotId }: SnapshotRequest): void {
  if (base?.metadata.snapshots?.every((snapshot) => snapshot['snapshot-id'] !== snapshotId) ?? true) return
  throw new TerminalError({
    code: 'TABLE_SNAPSHOT_EXISTS',
    fact: `The table has a snapshot ${snapshotId} already`,
    consequence: 'This attempt was committed before, so it was not prepared again',
    next: "Look the attempt's commit record up instead of repeating it",
  })
}

function checkAdded({ store, added }: SnapshotRequest, root: string, draft: TableMetadata): void {
  const paths = new Set<string>()
  const partitionIds = defaultSpec(draft).fields.map((field) => field['field-id'])
  for (const file of added) {
    const key = uriToKey(store, file.filePath)
    if (!key.startsWith(`${root}/data/`)) throw refusedFile(file, `is not below ${root}/data/`)
    if (paths.has(key)) throw refusedFile(file, 'is added twice')
    if (file.content !== 'data') throw refusedFile(file, 'holds deletes')
    if (partitionIds.length !== file.partition.size || !partitionIds.every((id) => file.partition.has(id))) {
      throw refusedFile(file, "has no value for each field of the table's partition spec")
    }
    paths.add(key)
  }
}

function refusedFile(file: DataFile, why: string): TerminalError {
  return new TerminalError({
    code: 'DATA_FILE_REFUSED',
    fact: `${file.filePath} ${why}`,
    consequence: 'No snapshot was written',
    next: 'Stage the data files of this table again',
  })
}
