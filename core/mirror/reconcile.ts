import { type ErrorSummary, summarizeError } from '../errors.ts'
import { inParallel } from '../stores/aws-parallel.ts'
import type { StoredMirrorEntry } from '../stores/mirror-catalog.ts'
import type { TableIdentifier } from '../stores/state-store.ts'
import { isOwnedBy, pointsTo } from './entry.ts'
import { type Mirrored, type MirrorPorts, mirrorTable } from './mirror-table.ts'

/**
 * - `missing`: the table had no entry. `behind`: its entry showed an older version of the table.
 * - `altered`: its entry showed what the table never was, so somebody else wrote it.
 * - `orphaned`: an entry of ours had no table any more.
 */
export type DriftKind = 'missing' | 'behind' | 'altered' | 'orphaned'

export interface Drift {
  readonly table: string
  readonly kind: DriftKind
  /** The metadata file that readers saw until now. */
  readonly pointer?: string
}

export interface Reconciled {
  /** Tables of the catalog, and entries of ours without one. */
  readonly tables: number
  /** In code-point order of the tables; all of it was repaired. */
  readonly drift: readonly Drift[]
  /** Tables committed to so recently that their mirroring may have been on its way; they are mirrored now. */
  readonly on_the_way: number
  /** Tables whose entry could not be made equal, and why. */
  readonly failed: readonly { readonly table: string; readonly error: ErrorSummary }[]
}

/** Milliseconds that a commit has to reach the mirror by itself before a difference counts as drift. */
export const graceMilliseconds = 10 * 60_000

/** Tables looked at side by side. */
const lanes = 8

/**
 * Compares all tables of the catalog, and all namespaces that the mirror has made, with the mirror, and makes
 * entries equal that are not. One table that cannot be mirrored keeps no other from it. Entries without our
 * mark are never changed or deleted. Throws only where a catalog cannot be listed.
 */
export async function reconcile(ports: MirrorPorts): Promise<Reconciled> {
  const tables = await tablesOfBoth(ports)
  const seen = await inParallel(tables, lanes, (table) => check(ports, table))
  const drift = seen.flatMap((each) => ('kind' in each ? [each] : []))
  const failed = seen.flatMap((each) => ('error' in each ? [each] : []))
  const onTheWay = seen.filter((each) => 'onTheWay' in each).length
  return { tables: tables.length, drift, on_the_way: onTheWay, failed }
}

interface Candidate {
  readonly table: TableIdentifier
  readonly entry: StoredMirrorEntry | undefined
}

/** Both sides, as they are listed; each difference is looked at again, consistently, before anything is done. */
async function tablesOfBoth({ catalog, mirror, owner }: MirrorPorts): Promise<Candidate[]> {
  const known = await catalog.list()
  const namespaces = new Set([...known.map(({ namespace }) => namespace), ...(await mirror.namespaces())])
  const candidates = new Map<string, Candidate>(
    known.map((table) => [textOf(table), { table, entry: undefined }]),
  )
  const listed = await inParallel([...namespaces], lanes, async (namespace) =>
    (await mirror.list(namespace)).map((entry) => ({ table: { namespace, name: entry.name }, entry })),
  )
  for (const candidate of listed.flat()) {
    const text = textOf(candidate.table)
    if (candidates.has(text) || isOwnedBy(candidate.entry, owner)) candidates.set(text, candidate)
  }
  return [...candidates.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, candidate]) => candidate)
}

type Checked =
  | Drift
  | { readonly equal: true }
  | { readonly onTheWay: true }
  | { readonly table: string; readonly error: ErrorSummary }

async function check(ports: MirrorPorts, { table, entry }: Candidate): Promise<Checked> {
  try {
    const pointer = await ports.catalog.load(table)
    const isRight =
      entry !== undefined &&
      pointer !== undefined &&
      isOwnedBy(entry, ports.owner) &&
      pointsTo(entry, pointer)
    return isRight ? { equal: true } : judge(ports, table, await mirrorTable(ports, table))
  } catch (error) {
    return { table: textOf(table), error: summarizeError(error) }
  }
}

function judge({ clock }: MirrorPorts, table: TableIdentifier, mirrored: Mirrored): Checked {
  const { action, found, metadata } = mirrored
  if (action === 'equal' || action === 'absent') return { equal: true }
  const pointer = found?.pointer
  const log = metadata?.['metadata-log'] ?? []
  const kind: DriftKind =
    metadata === undefined
      ? 'orphaned'
      : pointer === undefined
        ? 'missing'
        : log.some((version) => version['metadata-file'] === pointer)
          ? 'behind'
          : 'altered'
  const age = clock().getTime() - (metadata?.['last-updated-ms'] ?? 0)
  if ((kind === 'missing' || kind === 'behind') && age < graceMilliseconds) return { onTheWay: true }
  return { table: textOf(table), kind, ...(pointer === undefined ? {} : { pointer }) }
}

function textOf({ namespace, name }: TableIdentifier): string {
  return `${namespace}.${name}`
}
