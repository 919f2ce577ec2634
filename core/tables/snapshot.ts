import type { ObjectRef } from '../stores/object-ref.ts'
import type { DataFile } from './data-file.ts'
import { keyToUri } from './locations.ts'
import { type ManifestFile, writeManifestList } from './manifest-list.ts'
import {
  addSnapshot,
  logPrevious,
  metadataFileName,
  metadataVersion,
  printTableMetadata,
  type Snapshot,
  type TableMetadata,
} from './metadata.ts'
import { writerProperties } from './properties.ts'
import { nextSequenceNumber, planAppend, planOverwrite } from './snapshot-manifests.ts'
import { checkRequest, isUnchanged, type SnapshotContext, type SnapshotRequest } from './snapshot-request.ts'
import { snapshotSummary } from './snapshot-summary.ts'
import { type TableFile, writeTableFiles } from './table-files.ts'

export interface PreparedSnapshot {
  /** The metadata that a commit would make current, and where it is. */
  readonly metadata: TableMetadata
  readonly location: string
  /** Manifests, manifest list, metadata file. Empty where nothing changes: then `location` is the base's. */
  readonly written: readonly ObjectRef[]
  /** `undefined` where no snapshot was needed. */
  readonly snapshotId: bigint | undefined
}

/**
 * Writes everything that a commit needs but the commit: complete, immutable and invisible until a catalog points
 * at `location`. The caller swaps the pointer from `base.location`; when that fails because the table moved, it
 * prepares again from the new base under a new attempt, and these files are garbage.
 *
 * Repeating a request writes the same bytes under the same names and succeeds. Other bytes under the same names
 * (the attempt was repeated with another base) throw `IntegrityError` `TABLE_FILE_DIFFERS`.
 *
 * An append without files makes no snapshot: it says nothing about the rows, and a schedule that mostly finds
 * nothing would fill the history. It does create the table, or record a changed schema or property; and if
 * nothing changes it writes nothing and answers with the base. An overwrite always makes a snapshot: "no rows"
 * is a statement about the table.
 *
 * Throws `TerminalError`: `TABLE_SCHEMA_REFUSED`, `TABLE_SNAPSHOT_EXISTS`, `DATA_FILE_REFUSED`; `PolicyError`:
 * `TABLE_DELETES_UNSUPPORTED` (overwrite), `TABLE_FILE_OUTSIDE_STORE`, `TABLE_PROPERTY_INVALID`; `IntegrityError`
 * for a base that cannot be read.
 */
export async function prepareSnapshot(request: SnapshotRequest): Promise<PreparedSnapshot> {
  const { base, operation, added } = request
  const context = checkRequest(request)
  if (operation === 'append' && added.length === 0) {
    if (base !== undefined && isUnchanged(context.draft, base.metadata)) {
      return { ...base, written: [], snapshotId: undefined }
    }
    return writeAll(context, context.draft, [])
  }
  const plan = operation === 'append' ? await planAppend(context) : await planOverwrite(context)
  const list = manifestListFile(context, plan.manifests)
  const snapshot = snapshotOf(context, list, plan.removed)
  return writeAll(
    context,
    addSnapshot(context.draft, snapshot),
    [...plan.files, list],
    snapshot['snapshot-id'],
  )
}

function manifestListFile(
  { request, root, draft, head }: SnapshotContext,
  manifests: readonly ManifestFile[],
): TableFile {
  const { snapshotId, attempt } = request
  const body = writeManifestList(manifests, {
    snapshotId,
    parentSnapshotId: head?.['snapshot-id'],
    sequenceNumber: nextSequenceNumber(draft),
  })
  return { key: `${root}/metadata/snap-${snapshotId}-1-${attempt}.avro`, body }
}

function snapshotOf(
  { request, draft, head }: SnapshotContext,
  list: TableFile,
  removed: readonly DataFile[],
): Snapshot {
  const { operation, added, summary, store } = request
  return {
    'snapshot-id': request.snapshotId,
    ...(head === undefined ? {} : { 'parent-snapshot-id': head['snapshot-id'] }),
    'sequence-number': nextSequenceNumber(draft),
    'timestamp-ms': draft['last-updated-ms'],
    'manifest-list': keyToUri(store, list.key),
    summary: snapshotSummary({
      operation,
      added,
      removed,
      previous: head?.summary,
      extra: summary,
    }),
    'schema-id': draft['current-schema-id'],
  }
}

async function writeAll(
  { request, root }: SnapshotContext,
  next: TableMetadata,
  files: readonly TableFile[],
  snapshotId?: bigint,
): Promise<PreparedSnapshot> {
  const { store, base, attempt } = request
  const { previousVersions } = writerProperties(next.properties ?? {})
  const metadata = base === undefined ? next : logPrevious(next, base, previousVersions)
  const version = base === undefined ? 0 : metadataVersion(base.location) + 1
  const key = `${root}/metadata/${metadataFileName(version, attempt)}`
  const body = Buffer.from(printTableMetadata(metadata), 'utf8')
  const written = await writeTableFiles(store, [...files, { key, body }])
  return { metadata, location: keyToUri(store, key), written, snapshotId }
}
