import { type MirrorEntry, ownerParameter, type StoredMirrorEntry } from '../stores/mirror-catalog.ts'
import type { TableMetadata } from '../tables/metadata.ts'
import { mirrorColumns } from './columns.ts'

const locationParameter = 'metadata_location'
const previousParameter = 'previous_metadata_location'
const typeParameter = 'table_type'

/** Glue's limit for the description of a table, in characters. */
const longestDescription = 2048

/**
 * The entry that shows the table as its metadata file at `metadataLocation` has it. Parameters that somebody has
 * set beside ours stay, as they do under Iceberg's own Glue catalog.
 */
export function mirrorEntry(
  metadata: TableMetadata,
  metadataLocation: string,
  owner: string,
  before: StoredMirrorEntry | undefined,
): MirrorEntry {
  const { [previousParameter]: _, ...kept } = before?.parameters ?? {}
  const previous = metadata['metadata-log']?.at(-1)?.['metadata-file']
  const description = metadata.properties?.comment?.slice(0, longestDescription)
  return {
    location: metadata.location,
    columns: mirrorColumns(metadata),
    ...(description === undefined ? {} : { description }),
    parameters: {
      ...kept,
      [typeParameter]: 'ICEBERG',
      [locationParameter]: metadataLocation,
      ...(previous === undefined ? {} : { [previousParameter]: previous }),
      [ownerParameter]: owner,
    },
  }
}

export function isOwnedBy(entry: StoredMirrorEntry, owner: string): boolean {
  return entry.parameters[ownerParameter] === owner
}

/** Whether a reader of the entry reads the table as this metadata file has it. */
export function pointsTo(entry: StoredMirrorEntry, metadataLocation: string): boolean {
  return (
    entry.parameters[locationParameter] === metadataLocation &&
    // Athena and Spark write it in either case.
    entry.parameters[typeParameter]?.toUpperCase() === 'ICEBERG'
  )
}

export function pointerOf(entry: StoredMirrorEntry): string | undefined {
  return entry.parameters[locationParameter]
}
