import { ConditionFailedError, PolicyError, RetryableError, SourceError } from '../errors.ts'
import type { ReportLine } from '../ports.ts'
import { type MirrorCatalog, ownerParameter, type StoredMirrorEntry } from '../stores/mirror-catalog.ts'
import type { ObjectReader } from '../stores/object-store.ts'
import type { Catalog, TableIdentifier } from '../stores/state-store.ts'
import { uriToKey } from '../tables/locations.ts'
import { parseTableMetadata, type TableMetadata } from '../tables/metadata.ts'
import { isOwnedBy, mirrorEntry, pointerOf, pointsTo } from './entry.ts'

export interface MirrorPorts {
  readonly lake: ObjectReader
  readonly catalog: Catalog
  readonly mirror: MirrorCatalog
  /** Marks the entries of this catalog; those with another mark, or none, are left alone. */
  readonly owner: string
  readonly clock: () => Date
  readonly report: (line: ReportLine) => void
}

/** `equal`: nothing was to be done. `absent`: the table is in neither catalog. */
export type MirrorAction = 'equal' | 'absent' | 'created' | 'updated' | 'deleted'

export interface Mirrored {
  readonly action: MirrorAction
  /** What the first look found to be wrong; absent where nothing was. */
  readonly found?: {
    /** The metadata file that readers saw; absent where there was no entry, or one without it. */
    readonly pointer?: string
  }
  /** The metadata that the entry shows now; absent where nothing was written, or the entry was deleted. */
  readonly metadata?: TableMetadata
}

/** Each further try means that somebody else has written the entry, or committed, during the one before. */
const maxTries = 10

/**
 * Makes the mirror's entry of one table equal to the catalog. It takes no order from its caller: it reads the
 * current pointer, consistently, and so may be called at any time, by any number of callers at once.
 *
 * They settle to the newest pointer, for two reasons. The entry is read *before* the pointer and replaced only at
 * the version that was read: whoever replaces it has looked at the catalog later than whoever wrote it. And
 * the pointer is read once more after every write, also after those that have no condition: the last write of all
 * is followed by a look at the catalog that found it right.
 *
 * Throws `PolicyError` `MIRROR_ENTRY_FOREIGN` for an entry that is not ours, `MIRROR_NAME_UNSUPPORTED`,
 * `RetryableError` `MIRROR_CONTENDED` after ten tries, and what the catalogs and the metadata's reader throw.
 */
export async function mirrorTable(ports: MirrorPorts, table: TableIdentifier): Promise<Mirrored> {
  let first: Mirrored['found']
  let written: Mirrored | undefined
  for (let n = 0; n < maxTries; n++) {
    const entry = await ports.mirror.load(table)
    const pointer = await ports.catalog.load(table)
    if (isEqual(ports, table, entry, pointer)) {
      if (written !== undefined) return written
      return { action: pointer === undefined ? 'absent' : 'equal' }
    }
    const seen = entry && pointerOf(entry)
    first ??= seen === undefined ? {} : { pointer: seen }
    try {
      written = { ...(await write(ports, table, entry, pointer)), found: first }
    } catch (error) {
      // A metadata file that is gone may be one that the table has left behind since.
      const hasMoved = error instanceof SourceError && (await ports.catalog.load(table)) !== pointer
      if (error instanceof ConditionFailedError || hasMoved) continue
      throw error
    }
    if ((await ports.catalog.load(table)) === pointer) return written
  }
  throw contended(table)
}

function isEqual(
  ports: MirrorPorts,
  table: TableIdentifier,
  entry: StoredMirrorEntry | undefined,
  pointer: string | undefined,
): boolean {
  if (entry === undefined) return pointer === undefined
  if (isOwnedBy(entry, ports.owner)) return pointer !== undefined && pointsTo(entry, pointer)
  // Somebody's table of the same name is no concern of ours, as long as the catalog has none.
  if (pointer === undefined) return true
  throw foreign(table, entry)
}

async function write(
  { lake, mirror, owner }: MirrorPorts,
  table: TableIdentifier,
  before: StoredMirrorEntry | undefined,
  pointer: string | undefined,
): Promise<Mirrored> {
  if (pointer === undefined) {
    await mirror.delete(table)
    return { action: 'deleted' }
  }
  checkName(table)
  const { body } = await lake.get(uriToKey(lake, pointer))
  const metadata = parseTableMetadata(body, pointer)
  const entry = mirrorEntry(metadata, pointer, owner, before)
  if (before === undefined) await mirror.create(table, entry)
  else await mirror.replace(table, before.version, entry)
  return { action: before === undefined ? 'created' : 'updated', metadata }
}

/** What Athena can address. Glue itself would fold capitals and let two tables meet under one name. */
function checkName({ namespace, name }: TableIdentifier): void {
  if (/^[a-z0-9_]{1,128}$/.test(namespace) && /^[a-z0-9_]{1,255}$/.test(name)) return
  throw new PolicyError({
    code: 'MIRROR_NAME_UNSUPPORTED',
    fact: `${namespace}.${name} cannot be shown in Glue, whose names have small letters, digits and _ only`,
    consequence: 'The table is as it was, and Athena does not see it',
    next: 'Give the sink a table with a name in small letters',
  })
}

function foreign({ namespace, name }: TableIdentifier, entry: StoredMirrorEntry): PolicyError {
  const mark = entry.parameters[ownerParameter]
  return new PolicyError({
    code: 'MIRROR_ENTRY_FOREIGN',
    fact: `Glue has a table ${namespace}.${name} that is ${mark === undefined ? 'not a mirror' : `the mirror of ${mark}`}`,
    consequence: 'It was left as it is, so Athena does not see the table of this catalog',
    next: 'Delete or rename it, or give the stack another databasePrefix',
  })
}

function contended({ namespace, name }: TableIdentifier): RetryableError {
  return new RetryableError({
    code: 'MIRROR_CONTENDED',
    fact: `The mirror of ${namespace}.${name} was moved by others ${maxTries} times while it was written`,
    consequence: 'It may be behind the table',
    next: 'Try again; look for another writer of the entry if it stays so',
  })
}
