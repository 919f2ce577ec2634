import type { CsvFormat } from './csv-records.ts'

/** A record's fields in the order of the file's columns; `null` where the reader gives NULL. */
export type Fields = readonly (string | null)[]

/** A character that hardly any file has. A field that holds it makes one field more: see {@link isUnambiguous}. */
const end = '\x7f'
const mark = '='

/** A record as one text, by which records are compared: each field that is not NULL behind a mark, and its end. */
export function recordText(fields: Fields): string {
  return fields.map((field) => (field === null ? end : mark + field + end)).join('')
}

/** SQL of the same text; `fields` are SQL of texts. `concat` leaves NULLs out. */
export function recordTextSql(fields: readonly string[]): string {
  return `concat(${fields.map((field) => `'${mark}' || ${field}, '${end}'`).join(', ')})`
}

/** The text with its fields in another order: the `i`th is the one that was at `order[i]`. */
export function inOrder(text: string, order: readonly number[]): string {
  const fields = text.split(end)
  return order.map((i) => (fields[i] ?? '') + end).join('')
}

/** Whether no other record of so many columns has this text. */
export function isUnambiguous(text: string, columns: number): boolean {
  let ends = 0
  for (let at = text.indexOf(end); at >= 0; at = text.indexOf(end, at + 1)) ends++
  return ends === columns
}

export function hasNull(text: string): boolean {
  return hasField(text, '')
}

function hasField(text: string, field: string): boolean {
  const ended = field + end
  return text.includes(end + ended) || text.startsWith(ended)
}

const between = new RegExp(end + mark, 'g')

function literally(text: string): string {
  return text.includes('$') ? text.replaceAll('$', '$$$$') : text
}

/** The line without quotes that reads as the record, `undefined` where there is none. NULL is spelled the first way. */
export function lineOf(text: string, { delimiter, quote, nulls }: CsvFormat): string | undefined {
  const needsQuotes =
    text.includes(delimiter) ||
    text.includes('\n') ||
    text.includes('\r') ||
    (quote !== '' && text.includes(quote)) ||
    nulls.some((spelling) => hasField(text, mark + spelling))
  if (needsQuotes) return undefined
  // A third of what `replaceAll` takes.
  if (!hasNull(text)) return text.slice(mark.length, -end.length).replace(between, literally(delimiter))
  const fields = text.slice(0, -end.length).split(end)
  return fields.map((field) => (field === '' ? nulls[0] : field.slice(mark.length))).join(delimiter)
}
