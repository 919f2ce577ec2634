import type { ManifestEntry } from './manifest.ts'
import type { ManifestFile } from './manifest-list.ts'
import type { WriterProperties } from './properties.ts'

/**
 * A manifest with this many files is left alone: decoding and encoding it costs about 0.1 s, and merging it again
 * with every hundredth append would make the cost of an append grow with the table.
 */
const fullManifestFiles = 1_000

/**
 * Which carried manifests an append puts together, as groups of at least two. Once there are
 * `minManifestsToMerge` small ones (the new one counts), they are merged up to the target size or 1,000 files,
 * so that n appends of one file leave at most `minManifestsToMerge` + n / 500 manifests.
 */
export function manifestsToMerge(
  carried: readonly ManifestFile[],
  specId: number,
  properties: WriterProperties,
): ManifestFile[][] {
  const small = carried.filter(
    (manifest) =>
      manifest.content === 'data' &&
      manifest.partitionSpecId === specId &&
      manifest.keyMetadata === undefined &&
      Number(manifest.length) < properties.manifestBytes &&
      fileCount(manifest) < fullManifestFiles,
  )
  if (!properties.mergeManifests || small.length + 1 < properties.minManifestsToMerge) return []
  const groups: ManifestFile[][] = []
  let bytes = Number.POSITIVE_INFINITY
  let files = 0
  for (const manifest of small) {
    bytes += Number(manifest.length)
    files += fileCount(manifest)
    if (bytes > properties.manifestBytes || files > fullManifestFiles) {
      groups.push([])
      bytes = Number(manifest.length)
      files = fileCount(manifest)
    }
    groups[groups.length - 1]?.push(manifest)
  }
  return groups.filter((group) => group.length > 1)
}

function fileCount(manifest: ManifestFile): number {
  return manifest.addedFiles + manifest.existingFiles
}

/** What stays of entries that move to another manifest: the live ones, with the numbers that they had. */
export function carriedEntries(entries: readonly ManifestEntry[]): ManifestEntry[] {
  return entries
    .filter((entry) => entry.status !== 'deleted')
    .map((entry) => ({ ...entry, status: 'existing' as const }))
}
