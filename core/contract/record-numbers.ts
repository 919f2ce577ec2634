import { bytesOf, type CsvFile, type CsvFormat, type Fields, formatOf, passRecords } from './csv-records.ts'
import type { CsvDialect } from './scan.ts'

export interface RecordNumbers {
  /** One per record wanted, in that order; counted from 1 as the reader gives the rows. */
  readonly numbers: readonly number[]
  /** All rows of the file. */
  readonly rows: number
}

/**
 * Finds records by what they hold and tells their numbers. Records that hold the same stand for each other.
 *
 * `undefined` where the numbers are not certain: a wanted record stands there more often or more seldom than it is
 * wanted, or see {@link passRecords}.
 */
export async function recordNumbers(
  csv: CsvFile,
  wanted: readonly Fields[],
): Promise<RecordNumbers | undefined> {
  const format = formatOf(csv.dialect)
  // Which of several spellings of NULL a record has cannot be told from its fields.
  if (format.nulls.length !== 1 && wanted.some((fields) => fields.includes(null))) return undefined
  const { places, sketches } = indexOf(wanted, csv.dialect)
  const numbers = new Array<number>(wanted.length)
  let found = 0
  let rows = 0
  const isPassed = await passRecords(csv, (bytes, start, end, fields) => {
    rows++
    if (fields === undefined && sketches[sketch(bytes, start, end) & (sketches.length - 1)] === 0) return true
    const place = places.get(
      fields === undefined ? bytes.toString('latin1', start, end) : keyOf(fields, format),
    )
    if (place === undefined) return true
    if (place.found === place.wanted.length) return false
    numbers[place.wanted[place.found++]!] = rows
    found++
    return true
  })
  return isPassed && found === wanted.length ? { numbers, rows } : undefined
}

interface Place {
  /** Positions in the list of what is wanted. */
  readonly wanted: number[]
  found: number
}

/** `sketches`: a line whose entry is 0 is none of those wanted. */
function indexOf(wanted: readonly Fields[], { delimiter, quote, null_values: nulls }: CsvDialect) {
  const places = new Map<string, Place>()
  // So many entries that one line in 64 is looked up in vain, and few enough that they stay in a core's cache.
  const sketches = new Uint8Array(1 << (6 + Math.ceil(Math.log2(wanted.length + 1))))
  for (const [i, fields] of wanted.entries()) {
    const key = bytesOf(keyOf(fields, { delimiter, quote, nulls }))
    const place = places.get(key)
    if (place !== undefined) place.wanted.push(i)
    else {
      places.set(key, { wanted: [i], found: 0 })
      const line = Buffer.from(key, 'latin1')
      sketches[sketch(line, 0, line.length) & (sketches.length - 1)] = 1
    }
  }
  return { places, sketches }
}

/**
 * The record as a line without quotes, where that says it all; else a text that is no line. Fields and format are both
 * of characters, and the key is then to be told as bytes, or both of bytes.
 */
function keyOf(fields: Fields, { delimiter, quote, nulls }: Omit<CsvFormat, 'header'>): string {
  const line = fields.map((field) => field ?? nulls[0]).join(delimiter)
  const needsQuotes =
    fields.some((field) => field !== null && nulls.includes(field)) ||
    (quote !== '' && line.includes(quote)) ||
    line.includes('\n') ||
    line.includes('\r') ||
    line.split(delimiter).length !== fields.length
  return needsQuotes ? `\n${JSON.stringify(fields)}` : line
}

/** Of the length and a few bytes at both ends: most lines are told apart by what they begin with. */
function sketch(bytes: Buffer, start: number, end: number): number {
  let hash = end - start
  const head = Math.min(end, start + 8)
  for (let i = start; i < head; i++) hash = Math.imul(hash, 31) + bytes[i]!
  for (let i = Math.max(head, end - 4); i < end; i++) hash = Math.imul(hash, 31) + bytes[i]!
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 8
}
