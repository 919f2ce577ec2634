import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import type { Compression, CsvDialect } from '../contract/scan.ts'
import { SourceError } from '../errors.ts'

/** Bytes of text. */
const limit = 1 << 20

/**
 * The column names of a CSV file: its first record, a byte order mark stripped. Without a header line they
 * are `column_1` … by the first record's width. An empty file has none.
 *
 * Throws `SourceError`: `CSV_HEADER_INVALID` for a name that is empty or there twice (also by case alone,
 * which SQL does not tell apart) and for a record that does not end within 1 MiB, `SOURCE_UNREADABLE` for
 * bytes that are no gzip file or no UTF-8.
 */
export async function readCsvHeader(
  path: string,
  dialect: CsvDialect,
  compression: Compression,
): Promise<string[]> {
  const fields = await firstRecord(path, dialect, compression)
  if (fields === undefined) return []
  if (!dialect.header) return fields.map((_, i) => `column_${i + 1}`)
  const seen = new Map<string, string>()
  for (const [i, name] of fields.entries()) {
    if (name.trim() === '') throw invalid(path, `has no name for column ${i + 1}`)
    const before = seen.get(name.toLowerCase())
    if (before !== undefined)
      throw invalid(path, `names two columns ${before === name ? name : `${before} and ${name}`}`)
    seen.set(name.toLowerCase(), name)
  }
  return fields
}

/** Blank lines before it are skipped, as the scan skips them. */
async function firstRecord(
  path: string,
  dialect: CsvDialect,
  compression: Compression,
): Promise<string[] | undefined> {
  const file = createReadStream(path)
  const stream = compression === 'gzip' ? file.pipe(createGunzip()) : file
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let text = ''
  try {
    if (compression === 'gzip') file.on('error', (error) => stream.destroy(error))
    for await (const piece of stream) {
      text += decoder.decode(piece as Buffer, { stream: true })
      const record = parseRecord(text, dialect, false)
      if (record !== undefined) return record
      if (text.length > limit) throw invalid(path, 'does not end within 1 MiB')
    }
    text += decoder.decode()
  } catch (error) {
    if (error instanceof SourceError) throw error
    throw new SourceError({
      code: 'SOURCE_UNREADABLE',
      fact: `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      consequence: 'Nothing was written',
      next: 'Deliver the file again, whole, in UTF-8',
      cause: error,
    })
  } finally {
    file.destroy()
    stream.destroy()
  }
  return parseRecord(text, dialect, true)
}

/** `undefined`: the text ends before the record does, or (at the end of the file) there is none. */
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

function invalid(path: string, what: string): SourceError {
  return new SourceError({
    code: 'CSV_HEADER_INVALID',
    fact: `The header of ${path.split('/').at(-1)} ${what}`,
    consequence: 'Nothing was read',
    next: 'Correct the header line, or the delimiter and quote of the source',
  })
}
