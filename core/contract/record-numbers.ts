import {
  bytesOf,
  type Chunk,
  type CsvFile,
  type CsvFormat,
  chunkOf,
  formatOf,
  passRecords,
} from './csv-records.ts'
import { hasNull, isUnambiguous, lineOf, recordText } from './record-text.ts'

export interface RecordNumbers {
  /** One per record wanted, in that order; counted from 1 as the reader gives the rows. */
  readonly numbers: readonly number[]
  /** All rows of the file. */
  readonly rows: number
}

/**
 * Finds records by what they hold and tells their numbers. `wanted`: texts of records (record-text.ts), with the
 * columns of the file. Records that hold the same stand for each other.
 *
 * `undefined` where the numbers are not certain: a wanted record stands there more often or more seldom than it is
 * wanted, its text is also that of others, or see {@link passRecords}.
 */
export async function recordNumbers(
  csv: CsvFile,
  wanted: readonly string[],
): Promise<RecordNumbers | undefined> {
  const format = formatOf(csv.dialect)
  if (!wanted.every((text) => isUnambiguous(text, csv.columns))) return undefined
  // Which of several spellings of NULL a record has cannot be told from its fields.
  if (format.nulls.length !== 1 && wanted.some(hasNull)) return undefined
  const { first, next, sketches } = indexOf(wanted, format)
  const numbers = new Array<number>(wanted.length)
  let found = 0
  let rows = 0
  const isPassed = await passRecords(csv, (chunk, start, end, fields) => {
    rows++
    if (fields === undefined && !sketches.has(sketch(chunk, start, end))) return true
    const key =
      fields === undefined ? chunk.bytes.toString('latin1', start, end) : keyOf(recordText(fields), format)
    const place = first.get(key)
    if (place === undefined) return true
    if (place === wanted.length) return false
    numbers[place] = rows
    first.set(key, next[place]!)
    found++
    return true
  })
  return isPassed && found === wanted.length ? { numbers, rows } : undefined
}

/**
 * `first`: where in the list of what is wanted a key stands first; `next`: where it stands again, the list's length:
 * nowhere. A line whose sketch is not among `sketches` is none of those wanted.
 */
function indexOf(wanted: readonly string[], format: CsvFormat) {
  const first = new Map<string, number>()
  const next = new Uint32Array(wanted.length)
  const sketches = bitSet(wanted.length)
  let line = chunkOf(Buffer.alloc(1 << 10))
  for (let i = wanted.length - 1; i >= 0; i--) {
    const key = keyOf(bytesOf(wanted[i]!), format)
    next[i] = first.get(key) ?? wanted.length
    first.set(key, i)
    if (key.length > line.bytes.length) line = chunkOf(Buffer.alloc(2 * key.length))
    line.bytes.write(key, 'latin1')
    sketches.add(sketch(line, 0, key.length))
  }
  return { first, next, sketches }
}

/** The record as a line without quotes, where that says it all; else a text that is no line. */
function keyOf(text: string, format: CsvFormat): string {
  return lineOf(text, format) ?? `\n${text}`
}

/** Of hashes. Of so many bits that one line in 256 is looked up in vain, up to 1 MB, which stays in a core's cache. */
function bitSet(entries: number) {
  const mask = (1 << Math.min(23, 8 + Math.ceil(Math.log2(entries + 1)))) - 1
  const words = new Uint32Array((mask >>> 5) + 1)
  return {
    add(hash: number) {
      words[(hash & mask) >>> 5]! |= 1 << (hash & 31)
    },
    has: (hash: number) => (words[(hash & mask) >>> 5]! & (1 << (hash & 31))) !== 0,
  }
}

/** Hash of the length and a few bytes: most lines are told apart by what they begin with. */
function sketch({ bytes, words }: Chunk, start: number, end: number): number {
  let hash = end - start
  if (hash < 8) for (let i = start; i < end; i++) hash = Math.imul(hash, 31) + bytes[i]!
  else {
    const middle = words.getInt32(start + ((end - start) >>> 1), true)
    hash = Math.imul(hash ^ words.getInt32(start, true), 0x2c1b3c6d)
    hash = Math.imul(hash ^ (hash >>> 15) ^ words.getInt32(start + 4, true), 0x297a2d39)
    hash = Math.imul(hash ^ (hash >>> 15) ^ middle, 0x2c1b3c6d)
    hash = Math.imul(hash ^ (hash >>> 15) ^ words.getInt32(end - 4, true), 0x297a2d39)
  }
  return hash ^ (hash >>> 16)
}
