import { TerminalError } from '../errors.ts'
import type { DataFile } from './data-file.ts'

export interface SummaryRequest {
  readonly operation: 'append' | 'overwrite'
  readonly added: readonly DataFile[]
  readonly removed: readonly DataFile[]
  /** The summary of the snapshot before; `undefined` where this is the first. */
  readonly previous: Readonly<Record<string, string>> | undefined
  /** The caller's own entries. */
  readonly extra: Readonly<Record<string, string>>
}

/** An unpartitioned table is one partition. Values of different specs are told apart by their field ids. */
function changedPartitions(files: readonly DataFile[]): bigint {
  const text = (value: unknown) =>
    value === null || value === undefined
      ? null
      : value instanceof Uint8Array
        ? `x${Buffer.from(value).toString('hex')}`
        : String(value)
  const tuples = files.map(({ partition }) =>
    JSON.stringify([...partition].map(([id, value]) => [id, text(value)])),
  )
  return BigInt(new Set(tuples).size)
}

const computed = /^(operation|(added|deleted|removed|total)-.*|changed-partition-count)$/

/**
 * A snapshot's summary with Iceberg's fields (spec: Appendix F, "Optional Snapshot Summary Fields"). Totals
 * continue those of the previous snapshot and are left out where it has none. Throws `TerminalError`
 * `SNAPSHOT_SUMMARY_RESERVED` where `extra` names a computed field.
 */
export function snapshotSummary(request: SummaryRequest): Record<string, string> {
  const { operation, added, removed, previous, extra } = request
  const reserved = Object.keys(extra).find((key) => computed.test(key))
  if (reserved !== undefined) {
    throw new TerminalError({
      code: 'SNAPSHOT_SUMMARY_RESERVED',
      fact: `'${reserved}' is a field of the snapshot summary that is computed`,
      consequence: 'No snapshot was written',
      next: 'Give the entry a name of its own, such as one with the prefix sluice.',
    })
  }
  const rows = (files: readonly DataFile[]) => files.reduce((sum, file) => sum + file.recordCount, 0n)
  const bytes = (files: readonly DataFile[]) => files.reduce((sum, file) => sum + file.fileSizeInBytes, 0n)
  const count = (files: readonly DataFile[]) => BigInt(files.length)
  const total = (key: string, plus: bigint, minus: bigint): [string, bigint][] => {
    const before = previous === undefined ? '0' : previous[key]
    return before !== undefined && /^\d+$/.test(before) ? [[key, BigInt(before) + plus - minus]] : []
  }
  const changes: [string, bigint][] = [
    ['added-data-files', count(added)],
    ['added-records', rows(added)],
    ['added-files-size', bytes(added)],
    ['deleted-data-files', count(removed)],
    ['deleted-records', rows(removed)],
    ['removed-files-size', bytes(removed)],
    ['changed-partition-count', changedPartitions([...added, ...removed])],
  ]
  const totals = [
    ...total('total-records', rows(added), rows(removed)),
    ...total('total-files-size', bytes(added), bytes(removed)),
    ...total('total-data-files', count(added), count(removed)),
    ...total('total-delete-files', 0n, 0n),
    ...total('total-position-deletes', 0n, 0n),
    ...total('total-equality-deletes', 0n, 0n),
  ]
  const numbers = [...changes.filter(([, value]) => value > 0n), ...totals]
  return {
    operation,
    ...extra,
    ...Object.fromEntries(numbers.map(([key, value]) => [key, value.toString()])),
  }
}
