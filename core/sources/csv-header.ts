import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Compression, CsvDialect } from '../contract/scan.ts'
import { SluiceError, SourceError } from '../errors.ts'
import type { ObjectPin, ObjectReader } from '../stores/object-store.ts'

/** Bytes of text. */
const limit = 1 << 20
/** What stands for bytes that are no UTF-8 where they are decoded. */
const replacement = '\ufffd'

/** A pinned object from its beginning, in pieces; only those that are asked for are fetched. */
async function* pieces(store: Pick<ObjectReader, 'read'>, pin: ObjectPin): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < pin.size; at += pieceBytes) yield await store.read(pin, at, at + pieceBytes)
}

/** Almost every header ends within the first. */
const pieceBytes = 64 * 1024

/**
 * The column names of a CSV object: its first record, a byte order mark stripped. Without a header line they
 * are `column_1` … by the first record's width. An empty object has none. No more of it is fetched than that.
 *
 * Throws `SourceError`: `CSV_HEADER_INVALID` for a name that is empty or there twice (also by case alone,
 * which SQL does not tell apart) for one that is no UTF-8 and for a record that does not end within 1 MiB,
 * `SOURCE_UNREADABLE` for bytes that are no gzip, and what `ObjectStore.read` throws.
 */
export async function readCsvHeader(
  store: Pick<ObjectReader, 'read'>,
  pin: ObjectPin,
  dialect: CsvDialect,
  compression: Compression,
): Promise<string[]> {
  const fields = await firstRecord(store, pin, dialect, compression)
  if (fields === undefined) return []
  if (!dialect.header) return fields.map((_, i) => `column_${i + 1}`)
  if (fields.some((name) => name.includes(replacement))) throw invalid(pin.key, 'is not UTF-8')
  const seen = new Map<string, string>()
  for (const [i, name] of fields.entries()) {
    if (name.trim() === '') throw invalid(pin.key, `has no name for column ${i + 1}`)
    const before = seen.get(name.toLowerCase())
    if (before !== undefined)
      throw invalid(pin.key, `names two columns ${before === name ? name : `${before} and ${name}`}`)
    seen.set(name.toLowerCase(), name)
  }
  return fields
}

/** An error of either side ends both, and so does a reader that has enough. */
function gunzipped(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return pipeline(Readable.from(bytes), createGunzip(), () => undefined)
}

/** Blank lines before it are skipped, as the scan skips them. */
async function firstRecord(
  store: Pick<ObjectReader, 'read'>,
  pin: ObjectPin,
  dialect: CsvDialect,
  compression: Compression,
): Promise<string[] | undefined> {
  // Bytes that are no UTF-8 are the scan's to reject, row by row; the header must have none.
  const decoder = new TextDecoder('utf-8')
  const bytes = pieces(store, pin)
  let text = ''
  try {
    for await (const piece of compression === 'gzip' ? gunzipped(bytes) : bytes) {
      text += decoder.decode(piece as Uint8Array, { stream: true })
      const record = parseRecord(text, dialect, false)
      if (record !== undefined) return record
      if (text.length > limit) throw invalid(pin.key, 'does not end within 1 MiB')
    }
    text += decoder.decode()
  } catch (error) {
    if (error instanceof SluiceError) throw error
    throw new SourceError({
      code: 'SOURCE_UNREADABLE',
      fact: `${pin.key} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      consequence: 'Nothing was written',
      next: 'Deliver the file again, whole, in UTF-8',
      cause: error,
    })
  }
  return parseRecord(text, dialect, true)
}

/**
 * `undefined`: the text ends before the record does, or (at the end of the file) there is none. Not what splits records
 * in core/contract/csv-records.ts: that works on bytes, must be fast, and leaves to the engine what it does not split; a
 * header has to be read in every dialect, also with a delimiter of several bytes.
 */
function parseRecord(text: string, dialect: CsvDialect, atEnd: boolean): string[] | undefined {
  const { delimiter, quote, escape: escapeWith } = dialect
  const fields: string[] = []
  let field = ''
  let quoted = false
  let i = /^\ufeff?[\r\n]*/.exec(text)![0].length
  if (i >= text.length) return undefined
  let begins = true
  for (; i < text.length; i++) {
    const character = text[i]!
    if (quoted) {
      if (escapeWith !== '' && character === escapeWith && text[i + 1] === quote) {
        field += quote
        i++
      } else if (character === quote) quoted = false
      else field += character
      continue
    }
    if (begins && quote !== '' && character === quote) quoted = true
    else if (text.startsWith(delimiter, i)) {
      fields.push(field)
      field = ''
      i += delimiter.length - 1
      begins = true
      continue
    } else if (character === '\n' || character === '\r') return [...fields, field]
    else field += character
    begins = false
  }
  return atEnd ? [...fields, field] : undefined
}

function invalid(key: string, what: string): SourceError {
  return new SourceError({
    code: 'CSV_HEADER_INVALID',
    fact: `The header of ${key} ${what}`,
    consequence: 'Nothing was read',
    next: 'Correct the header line, which is to be UTF-8, or the delimiter and quote of the source',
  })
}
