/**
 * What may be repeated of a message of DuckDB's: no part of it that may be a value of a row, since it gets into
 * evidence, results and logs. Errors that a statement or a file has whatever the rows are keep their first line. Errors
 * of values keep their kind and, out of a closed list, what was wrong and where; of a conversion the type and the column.
 */
export function engineWords(message: string): string {
  const [, kind = 'Error', rest = ''] = /^([A-Z][\w ]*Error): (.*)$/s.exec(message) ?? []
  if (withoutValues.test(kind)) return firstLine(message)
  const told = rest.replace(/\n\nLINE \d+: [^\n]*\n *\^?\s*$/, '')
  for (const { pattern, words } of known) {
    const match = pattern.exec(told)
    if (match !== null) return `${kind}: ${words(match)}`
  }
  return `${kind} (the rest of its message is left out, since it may quote a value)`
}

const firstLine = (text: string): string => (text.split('\n')[0] ?? '').slice(0, 500)

const withoutValues =
  /^(Parser|Binder|Catalog|Permission|IO|Out of Memory|Interrupt|Transaction|TransactionContext) Error$/

const type = String.raw`[A-Z][A-Z0-9_]*(?:\(\d+(?:, ?\d+)?\))?`
const place = String.raw`in file "[^"\n]*", (?:at byte \d+ )?in [a-z]+(?:\/[a-z]+)? \d+`

interface Known {
  readonly pattern: RegExp
  readonly words: (match: RegExpExecArray) => string
}

/** Patterns are greedy where a value may stand, so that none ends early at a sign that the value itself has. */
const known: readonly Known[] = [
  {
    pattern: new RegExp(
      `^(?:Could not convert|Could not cast|Type .* with value) .* (?:to|type) (${type})(.*)$`,
      's',
    ),
    words: ([, target, tail = '']) => `a value cannot be converted to ${target}${columnOf(tail)}`,
  },
  {
    pattern: /^(?:[a-z ]*\b(date|timestamp|time|interval) field )(.*)$/s,
    words: ([, target, tail = '']) => `a text cannot be read as ${target}${columnOf(tail)}`,
  },
  {
    pattern: /^Overflow in ([a-z ]+) of ([A-Z0-9_]+) /,
    words: ([, what, of]) => `overflow in ${what} of ${of}`,
  },
  { pattern: /^[Cc]annot take (square root of a negative number|logarithm of zero)$/, words: ([all]) => all },
  { pattern: /^(Date|Timestamp) out of range/, words: ([all]) => all },
  { pattern: /^More than one row returned by a subquery used as an expression/, words: ([all]) => all },
  {
    pattern: /^Cannot change configuration option "\w+" - the configuration has been locked/,
    words: ([all]) => all,
  },
  { pattern: /^Map keys must be unique/, words: ([all]) => all },
  { pattern: new RegExp(`^Malformed JSON ${place}: [A-Za-z0-9 -]+`), words: ([all]) => all },
  {
    pattern: new RegExp(`^JSON transform error ${place}: Expected [A-Z]+, but got [A-Z]+`),
    words: ([all]) => all,
  },
  {
    pattern: new RegExp(`^(JSON transform error ${place}): Object .* has duplicate key`, 's'),
    words: ([, where]) => `${where}: an object has a key twice`,
  },
  { pattern: /^Expected top-level JSON array with format='array'/, words: ([all]) => all },
  { pattern: /^The CSV Parser state machine reached an invalid state/, words: ([all]) => all },
  { pattern: /^CSV Error on Line: \d+/, words: ([all]) => all },
  {
    pattern: /^(No magic bytes found at end of file|File) '[^'\n]*'(?: too small to be a Parquet file)?/,
    words: ([all]) => all,
  },
  {
    pattern: /^(Invalid string encoding found in Parquet file "[^"\n]*"): /,
    words: ([, where]) => `${where}: a text is not valid UTF-8`,
  },
]

function columnOf(tail: string): string {
  const column = / when casting from source column ([^'"]+)$/.exec(tail)?.[1]
  return column === undefined ? '' : `, column ${column}`
}
