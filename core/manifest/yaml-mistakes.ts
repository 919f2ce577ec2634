/** What is wrong and what to write instead. */
export interface Mistake {
  readonly message: string
  readonly hint: string
}

const quoteIt = 'Put the value in quotes'

/** By error code of the `yaml` package. */
const syntaxMistakes: Readonly<Record<string, Mistake>> = {
  TAB_AS_INDENT: { message: 'a tab stands where indentation must be spaces', hint: 'Use spaces' },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a second `: ` on one line starts a mapping where none can be',
    hint: 'Put the value in quotes, or the inner key on a line of its own',
  },
  MULTILINE_IMPLICIT_KEY: {
    message: 'this reads as a key that goes over several lines',
    hint: 'Check for a missing colon after a key, and the indentation',
  },
  BAD_DQ_ESCAPE: {
    message: 'in double quotes a backslash starts an escape, and there is no such escape',
    hint: 'Use single quotes: nothing is escaped there',
  },
  MULTIPLE_DOCS: {
    message: 'a second document starts here',
    hint: 'Remove the line ---, or make it a file of its own',
  },
  TAG_RESOLVE_FAILED: {
    message: 'tags have no place in a manifest',
    hint: 'Remove the word with the `!`',
  },
}

/** In words of a person who writes manifests, where the library's own are those of a parser. */
export function syntaxMistake(code: string, message: string): Mistake {
  if (message.includes('call stack'))
    return { message: 'this is nested too deeply', hint: 'Write it flatter' }
  if (code === 'BAD_SCALAR_START') return { message: lowerFirst(message), hint: quoteIt }
  const known = syntaxMistakes[code]
  if (known !== undefined) return known
  if (code === 'MISSING_CHAR' && message.includes('quote')) {
    return {
      message: 'the quote that was opened is not closed',
      hint: 'Close it, or double a quote that is meant as text',
    }
  }
  return {
    message: `this is not valid YAML: ${lowerFirst(message)}`,
    hint: 'Check indentation, brackets and quotes here',
  }
}

/** A key must be a word that an object can have and that a person meant; `undefined` is a key that is no scalar. */
export function keyMistake(key: string | undefined): Mistake | undefined {
  if (key === undefined) {
    return {
      message: 'a list or a mapping cannot be a key',
      hint: 'A value that starts with { or [ must stand in quotes',
    }
  }
  if (key === '<<')
    return { message: 'merge keys (`<<`) are not read', hint: 'Use defaults, or write the keys out' }
  if (key === '') return { message: 'a key is empty', hint: 'Write its name before the colon' }
  if (key === '__proto__') return { message: '`__proto__` cannot be a key', hint: 'Use another name' }
  return undefined
}

/** Integers must be safe ones; of other numbers a double keeps any 15 digits and some of more, and JSON has no infinity. */
export function numberMistake(value: number, source: string): Mistake | undefined {
  if (!Number.isFinite(value))
    return { message: `${source} is no number that can be compared`, hint: 'Leave it out' }
  const whole = /^([+-]?\d+|0[xo].*)$/.test(source)
  const exact = whole
    ? Number.isSafeInteger(value)
    : significantDigits(source) <= 15 || String(value) === source
  return exact
    ? undefined
    : { message: `${source} has more digits than a number keeps`, hint: `Write it in quotes: "${source}"` }
}

function significantDigits(source: string): number {
  return source
    .replace(/e.*$/i, '')
    .replace(/[^0-9]/g, '')
    .replace(/^0+/, '').length
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
