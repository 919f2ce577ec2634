import type { DataFile } from './data-file.ts'
import { keyToUri } from './locations.ts'
import { type ManifestEntry, writeManifest } from './manifest.ts'
import type { ManifestFile } from './manifest-list.ts'
import { carriedEntries, manifestsToMerge } from './manifest-merge.ts'
import { currentSchema, defaultSpec, specById, type TableMetadata, tableSchemas } from './metadata.ts'
import type { PartitionSpec } from './partition.ts'
import { writerProperties } from './properties.ts'
import { mayHaveLive, readEntries, readManifests, refuseDeletes } from './scan.ts'
import type { SnapshotContext, SnapshotRequest } from './snapshot-request.ts'
import { mapParallel, type TableFile } from './table-files.ts'

/** The manifests of a new snapshot: those to write, and those that it shares with the snapshot before. */
export interface ManifestPlan {
  readonly manifests: readonly ManifestFile[]
  readonly files: readonly TableFile[]
  readonly removed: readonly DataFile[]
}

/** New files in a manifest of their own; the others are carried, merged now and then. */
export async function planAppend(context: SnapshotContext): Promise<ManifestPlan> {
  const { request, draft, head } = context
  const before = head === undefined ? [] : await readManifests(request.store, head)
  const carried = before.filter(mayHaveLive)
  const spec = defaultSpec(draft)
  const groups = manifestsToMerge(carried, spec['spec-id'], writerProperties(draft.properties ?? {}))
  const output = manifestOutput(context)
  output.add(spec, addedEntries(request))
  for (const group of groups) {
    const entries = await mapParallel(group, (manifest) => readEntries(request.store, manifest))
    output.add(spec, carriedEntries(entries.flat()))
  }
  const merged = new Set(groups.flat())
  const kept = carried.filter((manifest) => !merged.has(manifest))
  return { manifests: [...output.manifests, ...kept], files: output.files, removed: [] }
}

/** New files, and every file before as deleted, so that readers of changes see them go. */
export async function planOverwrite(context: SnapshotContext): Promise<ManifestPlan> {
  const { request, draft, head } = context
  const before = head === undefined ? [] : await readManifests(request.store, head)
  refuseDeletes(before, draft)
  const output = manifestOutput(context)
  output.add(defaultSpec(draft), addedEntries(request))
  const live = before.filter(mayHaveLive)
  const bySpec = Map.groupBy(live, (manifest) => manifest.partitionSpecId)
  const removed: DataFile[] = []
  for (const [specId, manifests] of bySpec) {
    const entries = await mapParallel(manifests, (manifest) => readEntries(request.store, manifest))
    const deleted = carriedEntries(entries.flat()).map((entry) => ({
      ...entry,
      status: 'deleted' as const,
      snapshotId: request.snapshotId,
    }))
    output.add(specById(draft, specId), deleted)
    for (const { file } of deleted) removed.push(file)
  }
  return { manifests: output.manifests, files: output.files, removed }
}

function addedEntries({ added, snapshotId }: SnapshotRequest): ManifestEntry[] {
  return added.map((file) => ({ status: 'added', snapshotId, file }))
}

/** Collects this commit's manifests, named `<attempt>-m<n>.avro` as Java names them. */
function manifestOutput({ request, root, draft }: SnapshotContext) {
  const manifests: ManifestFile[] = []
  const files: TableFile[] = []
  const schemas = tableSchemas(draft).reverse()
  const add = (spec: PartitionSpec, entries: readonly ManifestEntry[]): void => {
    if (entries.length === 0) return
    const key = `${root}/metadata/${request.attempt}-m${files.length}.avro`
    const { bytes, manifest } = writeManifest({
      schema: currentSchema(draft),
      schemas,
      spec,
      content: 'data',
      entries,
      snapshotId: request.snapshotId,
      sequenceNumber: nextSequenceNumber(draft),
      path: keyToUri(request.store, key),
    })
    manifests.push(manifest)
    files.push({ key, body: bytes })
  }
  return { add, manifests, files }
}

export function nextSequenceNumber(draft: TableMetadata): bigint {
  return draft['last-sequence-number'] + 1n
}
