/** Rows of RFC 4180 text: quoted fields, doubled quotes, line ends in quotes, CRLF or LF. No empty last row. */
export function parseCsv(text: string, delimiter: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0
  while (at < text.length) {
    let field = ''
    if (text[at] === '"') {
      for (;;) {
        const end = text.indexOf('"', at + 1)
        if (end === -1) throw new Error(`the quote in row ${rows.length + 1} is never closed`)
        field += text.slice(at + 1, end)
        at = end + 1
        if (text[at] !== '"') break
        field += '"'
      }
    }
    let end = at
    while (end < text.length && text[end] !== delimiter && text[end] !== '\n') end += 1
    field += text.slice(at, text[end] === '\n' && text[end - 1] === '\r' && end > at ? end - 1 : end)
    row.push(field)
    if (text[end] === delimiter) {
      at = end + 1
      // A delimiter at the very end of the text still has an empty field behind it.
      if (at === text.length) row.push('')
      continue
    }
    rows.push(row)
    row = []
    at = end + 1
  }
  if (row.length > 0) rows.push(row)
  return rows
}

/**
 * One object of strings per row. Short rows are filled with "", fields beyond the headers are dropped, empty lines
 * are skipped, as Step Functions does. Throws when headers repeat.
 */
export function csvItems(
  rows: readonly (readonly string[])[],
  headers: readonly string[],
): Record<string, string>[] {
  if (new Set(headers).size !== headers.length) throw new Error('CSV headers cannot contain duplicates.')
  return rows
    .filter((row) => row.length > 1 || row[0] !== '')
    .map((row) => Object.fromEntries(headers.map((header, i) => [header, row[i] ?? ''])))
}
