import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { SourceError } from '../errors.ts'
import type { ObjectPin, ObjectReader } from '../stores/object-store.ts'

/** Bytes of an object, the end not included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

type Reads = Pick<ObjectReader, 'read'>

/** Bytes that are read at a time, and so in memory. */
const chunk = 8 << 20
/** Most lines that reach over the end of a range end within the first. */
const overhangPiece = 64 << 10
/** Bytes that the last line of a range may reach over its end. No reader takes a longer line. */
const maxOverhang = 32 << 20

/** Bytes; a longer first line is refused when the object is described. */
const maxHeader = 2 << 20

const lineFeed = 0x0a

let made = 0

/**
 * The lines whose first byte lies in the range, as a local file: every line of an object is in exactly one of the
 * ranges that the object is divided into, however they are cut. A line ends with its line feed, so the bytes behind
 * one are always the first of a line, whatever else the reader takes for a line end. Fetched is the range, the byte
 * before it, and what its last line reaches over its end. `undefined` where no line begins in it.
 *
 * `header`: what every range begins with, as {@link csvHeaderBytes} gives it; lines inside of it belong to none.
 * Throws what `ObjectReader.read` throws, and `SourceError` `SOURCE_LINE_TOO_LONG` where the last line does not end
 * within 32 MiB behind the range. Line feeds alone are looked for.
 */
export async function downloadLines(
  store: Reads,
  pin: ObjectPin,
  range: ByteRange,
  directory: string,
  header: Uint8Array = new Uint8Array(),
): Promise<string | undefined> {
  await mkdir(directory, { recursive: true })
  const path = join(directory, `lines-${++made}-${basename(pin.key)}`)
  const file = await open(path, 'wx')
  try {
    await file.write(header)
    const lines = { start: Math.max(range.start, header.byteLength), end: range.end }
    return lines.start < lines.end && (await copyLines(store, pin, lines, file)) ? path : undefined
  } finally {
    await file.close()
  }
}

/** Whether there was a line. */
async function copyLines(
  store: Reads,
  pin: ObjectPin,
  { start, end }: ByteRange,
  file: FileHandle,
): Promise<boolean> {
  // The byte before the range tells whether a line begins with it.
  let at = Math.max(start - 1, 0)
  let begun = start === 0
  // The last line of the range ends with the first line feed from here on.
  const last = end - 1
  while (at < pin.size) {
    const isOverhang = at >= last
    if (isOverhang && !begun) return false
    if (at - last > maxOverhang) throw tooLong(pin, end)
    const to = isOverhang ? Math.min(at + overhangPiece, pin.size) : Math.min(at + chunk, last)
    const bytes = await store.read(pin, at, to)
    let from = 0
    if (!begun) {
      const lineEnd = bytes.indexOf(lineFeed)
      begun = lineEnd >= 0
      from = begun ? lineEnd + 1 : bytes.byteLength
    }
    const lineEnd = isOverhang ? bytes.indexOf(lineFeed, from) : -1
    await file.write(lineEnd < 0 ? bytes.subarray(from) : bytes.subarray(from, lineEnd + 1))
    if (lineEnd >= 0) return true
    at = to
  }
  return begun
}

/**
 * The bytes of a CSV object up to the end of its first line that is not blank, a byte order mark and blank lines before
 * it included: what a reader needs before lines from further on. Quotes are not looked at: where a dialect has them, an
 * object is not cut.
 */
export async function csvHeaderBytes(store: Reads, pin: ObjectPin): Promise<Uint8Array> {
  let head = Buffer.alloc(0)
  for (let at = 0; at < pin.size; at += overhangPiece) {
    const bytes = await store.read(pin, at, Math.min(at + overhangPiece, pin.size))
    head = Buffer.concat([head, bytes])
    const end = endOfFirstLine(head)
    if (end !== undefined) return head.subarray(0, end)
    if (head.byteLength > maxHeader) throw tooLong(pin, 0)
  }
  return head
}

const carriageReturn = 0x0d

function endOfFirstLine(bytes: Uint8Array): number | undefined {
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  while (bytes[at] === lineFeed || bytes[at] === carriageReturn) at += 1
  if (at >= bytes.byteLength) return undefined
  const end = bytes.indexOf(lineFeed, at)
  return end < 0 ? undefined : end + 1
}

function tooLong({ key }: ObjectPin, end: number): SourceError {
  return new SourceError({
    code: 'SOURCE_LINE_TOO_LONG',
    fact: `${key} has no line feed for long from byte ${end} on`,
    consequence: 'Nothing was written: an object is cut between lines only',
    next: 'Check its line ends; deliver it in several objects',
    details: { key, byte: end },
  })
}
