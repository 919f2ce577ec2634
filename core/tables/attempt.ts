import { createHash } from 'node:crypto'

/**
 * Ids that repeat when the same attempt is made again, so that a repeated write meets its own files instead of
 * leaving new ones. The seed names the attempt: run id, dataflow, attempt number.
 */

/** Positive and below 2^53: readers that parse metadata with plain `JSON.parse` get it right, too. */
export function newSnapshotId(seed: string): bigint {
  const bits = createHash('sha256').update(`snapshot\n${seed}`).digest().readBigUInt64BE() >> 11n
  return bits === 0n ? 1n : bits
}

/** A UUID of version 8 (RFC 9562: custom), for file names and table ids. */
export function uuidFrom(seed: string): string {
  const bytes = createHash('sha256').update(`uuid\n${seed}`).digest().subarray(0, 16)
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
