import type { TableIdentifier } from './state-store.ts'

/**
 * A second catalog that shows the tables of the first one to readers that know no other: AWS Glue, for Athena.
 * Nothing is decided by what it says; it is only ever made equal to the {@link Catalog}.
 *
 * Writes are compare-and-set: one that met another writer throws `ConditionFailedError` `MIRROR_ENTRY_MOVED`, and
 * the caller reads both catalogs again. A service that cannot serve now throws `RetryableError` `MIRROR_BUSY`;
 * one that never will, `TerminalError` `MIRROR_DENIED` or `MIRROR_REFUSED`.
 */
export interface MirrorCatalog {
  /** `undefined` where there is no entry. */
  load(table: TableIdentifier): Promise<StoredMirrorEntry | undefined>
  /** Creates the entry, and its namespace where that is missing. */
  create(table: TableIdentifier, entry: MirrorEntry): Promise<void>
  /** Replaces exactly this version of the entry. */
  replace(table: TableIdentifier, version: string, entry: MirrorEntry): Promise<void>
  /** An entry that is not there is no error. Unconditional: Glue has no condition for it. */
  delete(table: TableIdentifier): Promise<void>
  /** Of the namespaces that {@link create} made, whichever tables they hold now. */
  namespaces(): Promise<readonly string[]>
  /** Every entry of the namespace, also those of others; empty where there is no such namespace. */
  list(namespace: string): Promise<readonly (StoredMirrorEntry & { readonly name: string })[]>
}

/** Names the catalog that an entry is a copy of. An entry without it, or with another one, is somebody else's. */
export const ownerParameter = 'sluice.mirror'

/** What a reader finds under a table's name. */
export interface MirrorEntry {
  /** Where the table is: its root, under which its files lie. */
  readonly location: string
  /** For people; readers of Iceberg take their columns from the metadata. */
  readonly columns: readonly MirrorColumn[]
  readonly description?: string
  /** By which Iceberg readers know it, and by which its owner does. */
  readonly parameters: Readonly<Record<string, string>>
}

export interface MirrorColumn {
  readonly name: string
  /** In the words of Hive: `bigint`, `decimal(9,2)`, `array<string>`. */
  readonly type: string
  readonly comment?: string
  readonly parameters: Readonly<Record<string, string>>
}

export interface StoredMirrorEntry {
  /** Opaque; differs after every write, whoever made it. */
  readonly version: string
  readonly parameters: Readonly<Record<string, string>>
}
