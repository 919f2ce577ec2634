import { open } from 'node:fs/promises'
import type { Fields } from './record-text.ts'
import type { CsvDialect } from './scan.ts'

export interface CsvFile {
  readonly path: string
  readonly columns: number
  readonly dialect: CsvDialect
  /** Numbers of the records, counted from 1 with header and empty lines, that the reader could not split. */
  readonly unread: ReadonlySet<number>
}

/** The characters of a dialect as bytes. Texts of a file are strings of its bytes, one character each. */
export interface CsvFormat {
  readonly header: boolean
  readonly delimiter: string
  /** The empty string: none. */
  readonly quote: string
  readonly nulls: readonly string[]
}

/** A part of the file, in two views. */
export interface Chunk {
  readonly bytes: Buffer
  readonly words: DataView
}

/**
 * A record without header, empty lines and those not read, in the order of the file: its line stands in the chunk from
 * `start` to `end`; `fields` only where it has quotes. False ends the pass.
 */
export type OnRecord = (chunk: Chunk, start: number, end: number, fields: Fields | undefined) => boolean

/** Bytes that are read at once; a record that does not fit is longer than those that the engine takes. */
const chunkBytes = 1 << 22
const lineFeed = 10
const carriageReturn = 13

export function formatOf({ delimiter, quote, header, null_values }: CsvDialect): CsvFormat {
  return { header, delimiter: bytesOf(delimiter), quote: bytesOf(quote), nulls: null_values.map(bytesOf) }
}

export function chunkOf(bytes: Buffer): Chunk {
  return { bytes, words: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) }
}

export function bytesOf(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what needs no copy
  return /^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text).toString('latin1')
}

/**
 * Passes the records of a file in order, which no parallel reader does: 0.1 CPU s a million records of 140 bytes, since
 * lines without quotes are not split. False where it was ended, or where the file is written in a way that is left to
 * the engine: other escapes than doubled quotes, quotes inside unquoted fields, text around quoted ones, single
 * carriage returns, empty lines in a file of one column.
 */
export async function passRecords(csv: CsvFile, onRecord: OnRecord): Promise<boolean> {
  const pass = { csv, format: formatOf(csv.dialect), onRecord, records: 0 }
  const file = await open(csv.path)
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes)
    let position = 0
    let kept = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, kept, chunkBytes - kept, position)
      const bytes = buffer.subarray(position === 0 ? markBytes(buffer) : 0, kept + bytesRead)
      const left = passChunk(pass, bytes, bytesRead === 0)
      if (left === undefined || left.length === chunkBytes) return false
      if (bytesRead === 0) return true
      position += bytesRead
      kept = left.copy(buffer)
    }
  } finally {
    await file.close()
  }
}

function markBytes(bytes: Buffer): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
}

interface Pass {
  readonly csv: CsvFile
  readonly format: CsvFormat
  readonly onRecord: OnRecord
  /** Header and empty lines, too. */
  records: number
}

/** Passes all records that end in `bytes`, the last one without a line end too, and returns what is left. */
function passChunk(pass: Pass, bytes: Buffer, isLast: boolean): Buffer | undefined {
  const { format } = pass
  const chunk = chunkOf(bytes)
  // Searching from where the last one was found costs nothing where there is none.
  const quotes = finder(bytes, format.quote === '' ? undefined : format.quote.charCodeAt(0))
  const returns = finder(bytes, carriageReturn)
  let start = 0
  while (start < bytes.length) {
    let stop = bytes.indexOf(lineFeed, start)
    let fields: Fields | undefined
    if (quotes(start) < (stop < 0 ? bytes.length : stop)) {
      const record = splitQuoted(pass, bytes, start, isLast)
      if (record === undefined) return undefined
      ;({ stop, fields } = record)
    } else if (stop < 0 && isLast) stop = bytes.length
    if (stop < 0) break
    let end = stop
    if (fields === undefined && returns(start) < stop) {
      if (returns(start) !== stop - 1 || stop === bytes.length) return undefined
      end = stop - 1
    }
    if (!passRecord(pass, chunk, start, end, fields)) return undefined
    start = stop + 1
  }
  return bytes.subarray(Math.min(start, bytes.length))
}

/** Where `byte` stands next from a position on that never goes back; infinitely far away where it does not. */
function finder(bytes: Buffer, byte: number | undefined): (from: number) => number {
  let at = byte === undefined ? Number.POSITIVE_INFINITY : -1
  return (from) => {
    if (at < from) {
      at = bytes.indexOf(byte!, from)
      if (at < 0) at = Number.POSITIVE_INFINITY
    }
    return at
  }
}

function passRecord(
  pass: Pass,
  chunk: Chunk,
  start: number,
  end: number,
  fields: Fields | undefined,
): boolean {
  const { csv, onRecord } = pass
  pass.records++
  const isEmpty = start === end
  if (pass.records === 1 && csv.dialect.header) return !isEmpty
  // In a file of one column it may be a NULL.
  if (isEmpty) return csv.columns > 1
  return (csv.unread.size > 0 && csv.unread.has(pass.records)) || onRecord(chunk, start, end, fields)
}

/** A record with quotes. `stop` is -1 where it does not end in `bytes`. */
function splitQuoted(
  { csv, format }: Pass,
  bytes: Buffer,
  start: number,
  isLast: boolean,
): { readonly stop: number; readonly fields: Fields } | undefined {
  const { quote, delimiter, nulls } = format
  if (csv.dialect.escape !== csv.dialect.quote || quote.length !== 1 || delimiter.length !== 1)
    return undefined
  const unfinished = isLast ? undefined : { stop: -1, fields: [] }
  const [q, d] = [quote.charCodeAt(0), delimiter.charCodeAt(0)]
  const fields: (string | null)[] = []
  for (let at = start; ; at++) {
    let stop = at
    if (bytes[at] === q) {
      stop = closingQuote(bytes, at, q)
      if (stop < 0) return unfinished
      fields.push(bytes.toString('latin1', at + 1, stop).replaceAll(quote + quote, quote))
      stop++
    } else {
      while (
        stop < bytes.length &&
        bytes[stop] !== d &&
        bytes[stop] !== lineFeed &&
        bytes[stop] !== carriageReturn
      ) {
        if (bytes[stop] === q) return undefined
        stop++
      }
      const text = bytes.toString('latin1', at, stop)
      fields.push(nulls.includes(text) ? null : text)
    }
    if (bytes[stop] === carriageReturn) {
      if (stop + 1 === bytes.length) return unfinished
      stop++
      if (bytes[stop] !== lineFeed) return undefined
    }
    if (stop === bytes.length) return isLast ? { stop, fields } : unfinished
    if (bytes[stop] === lineFeed) return { stop, fields }
    if (bytes[stop] !== d) return undefined
    at = stop
  }
}

/** -1 where it may stand behind `bytes`, or be doubled there. */
function closingQuote(bytes: Buffer, open: number, quote: number): number {
  let close = bytes.indexOf(quote, open + 1)
  while (close >= 0 && bytes[close + 1] === quote) close = bytes.indexOf(quote, close + 2)
  return close
}
