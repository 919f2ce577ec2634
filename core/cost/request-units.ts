import { maxParts, multipartAbove, partSize, rangedAbove, rangeSize } from '../stores/s3-sizes.ts'
import type { Item, Write } from '../stores/state-store.ts'

/** DynamoDB's words for what is billed: a read unit is 4 KiB read consistently, a write unit 1 KiB. */
const readUnit = 4096
const writeUnit = 1024

/** Writes of a transaction are prepared and then made. */
const perTransaction = 2

export interface StateRequests {
  readonly reads: number
  readonly writes: number
}

/** Read units of one request that returned this many bytes; one that found nothing costs a unit too. */
export function readUnits(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / readUnit))
}

/**
 * What one `TransactWriteItems` with these writes takes, and the reads that the adapter makes before it. Also a
 * transaction that is refused is billed. Items that are only checked or deleted count as one KiB: nobody has seen
 * their size.
 */
export function transactionUnits(writes: readonly Write[]): StateRequests {
  let reads = 0
  let units = 0
  for (const write of writes) {
    if (write.kind === 'put') {
      units += perTransaction * Math.max(1, Math.ceil(itemBytes(write.item) / writeUnit))
      // The index of runs gets an entry when a run begins.
      if (write.expect === 'absent' && write.item.sk === 'META') units += 1
    } else if (write.kind === 'pointer') {
      // The adapter reads the version that it replaces, or whether the namespace is there.
      reads += 1
      units += perTransaction
      // The catalog's index by namespace gets an entry when a table is created.
      if (write.base === undefined) units += 1
    } else units += perTransaction
  }
  return { reads, writes: units }
}

/** The item's size by DynamoDB's rules: names and texts in UTF-8, three bytes around each list and map. */
export function itemBytes(item: Item): number {
  let bytes = 0
  for (const name in item) bytes += name.length + valueBytes(item[name])
  return bytes
}

function valueBytes(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  // Two digits a byte, one byte for the exponent.
  if (typeof value === 'number') return Math.ceil(String(value).length / 2) + 1
  if (value === null || typeof value === 'boolean') return 1
  if (typeof value !== 'object') return 0
  let bytes = 3
  if (Array.isArray(value)) for (const member of value) bytes += 1 + valueBytes(member)
  else for (const [name, member] of Object.entries(value)) bytes += 1 + name.length + valueBytes(member)
  return bytes
}

/** Requests of the PUT class by which the adapter stores a file of this size. */
export function uploadRequests(bytes: number): number {
  if (bytes <= multipartAbove) return 1
  const parts = Math.ceil(bytes / Math.max(partSize, Math.ceil(bytes / maxParts)))
  return parts + 2
}

/** GET requests by which the adapter fetches an object of this size. */
export function downloadRequests(bytes: number): number {
  return bytes <= rangedAbove ? 1 : Math.ceil(bytes / rangeSize)
}

/** LIST requests that return this many keys. */
export function listRequests(keys: number): number {
  return Math.max(1, Math.ceil(keys / 1000))
}
