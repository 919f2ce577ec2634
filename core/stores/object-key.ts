import { TerminalError } from '../errors.ts'

/** S3 allows 1,024 bytes for a key; the rest is left to the prefix that a store may have in its bucket. */
const maxKeyBytes = 900
/** What ext4, XFS, APFS and NTFS allow for one name. */
const maxSegmentBytes = 255

/**
 * Returns the key when every store can hold it and it cannot leave a store's root: `/`-separated, relative,
 * NFC, no empty, `.` or `..` segment, no NUL, no backslash, at most 900 bytes of UTF-8 and 255 in a segment.
 * `.tmp` (in any case, for case-insensitive disks) is reserved as the first segment: a directory store
 * keeps its unfinished files there.
 *
 * Throws `TerminalError` `OBJECT_KEY_INVALID`.
 */
export function validateKey(key: string): string {
  const fault = faultOfText(key) ?? faultOfSegments(key.split('/'))
  if (fault !== undefined) throw keyInvalid('key', key, fault)
  return key
}

/** As {@link validateKey}, for what may be the beginning of a valid key; `''` is the beginning of all. */
export function validatePrefix(prefix: string): string {
  const complete = prefix.split('/').slice(0, -1)
  const fault = prefix === '' ? undefined : (faultOfText(prefix) ?? faultOfSegments(complete))
  if (fault !== undefined) throw keyInvalid('prefix', prefix, fault)
  return prefix
}

/** True for the name, directly under a store's root, that no key can begin with. */
export function isReservedName(name: string): boolean {
  return name.toLowerCase() === '.tmp'
}

function faultOfText(text: string): string | undefined {
  if (typeof text !== 'string') return 'is not a string'
  if (text.includes('\0')) return 'contains NUL'
  if (text.includes('\\')) return 'contains a backslash'
  // U+FFFD is what undecodable bytes become on reading: under that name the object could not be opened again.
  if (!text.isWellFormed() || text.includes('\ufffd')) return 'is not well-formed Unicode'
  if (text.normalize('NFC') !== text) return 'is not in Unicode normal form NFC'
  if (Buffer.byteLength(text) > maxKeyBytes) return `is longer than ${maxKeyBytes} bytes`
  return undefined
}

function faultOfSegments(segments: readonly string[]): string | undefined {
  for (const segment of segments) {
    if (segment === '') return 'has an empty segment'
    if (segment === '.' || segment === '..') return `has a segment "${segment}"`
    if (Buffer.byteLength(segment) > maxSegmentBytes)
      return `has a segment longer than ${maxSegmentBytes} bytes`
  }
  return isReservedName(segments[0] ?? '') ? 'begins with the reserved name ".tmp"' : undefined
}

function keyInvalid(what: 'key' | 'prefix', text: string, fault: string): TerminalError {
  return new TerminalError({
    code: 'OBJECT_KEY_INVALID',
    fact: `The object ${what} ${JSON.stringify(text)} ${fault}`,
    consequence: 'No store can hold such an object, so nothing was read or written',
    next: 'Rename the file, or correct the path in the manifest',
    details: { key: String(text) },
  })
}
