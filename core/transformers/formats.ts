import { quoteLiteral } from '../engine/sql.ts'

/** A format of dates or timestamps, ready for the engine. */
export interface TextFormat {
  /** DuckDB's type of the values. */
  readonly input: 'DATE' | 'TIMESTAMP' | 'TIMESTAMP WITH TIME ZONE'
  /** What the whole text must match, in RE2 and JavaScript alike. */
  readonly pattern: string
  /** For DuckDB's strptime. */
  readonly strptime: string
}

interface Element {
  readonly pattern: string
  readonly strptime: string
  /** What of a time it says. */
  readonly part: 'year' | 'month' | 'day' | 'hour' | 'half' | 'minute' | 'second' | 'fraction' | 'zone'
  /** Takes one digit or two: digits behind it could not be told from its own. */
  readonly open?: true
  readonly twelve?: true
}

const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September']
const allMonths = [...months, 'October', 'November', 'December']
const [hour24, hour12, sixty] = ['(?:[01][0-9]|2[0-3])', '(?:0[1-9]|1[0-2])', '[0-5][0-9]']
const offset = '[+-](?:0[0-9]|1[0-5])'

/** The closed list. What is not in it is refused, because strptime would guess. */
const elements: Readonly<Record<string, Element>> = {
  yyyy: { pattern: '[0-9]{4}', strptime: '%Y', part: 'year' },
  uuuu: { pattern: '[0-9]{4}', strptime: '%Y', part: 'year' },
  MM: { pattern: hour12, strptime: '%m', part: 'month' },
  M: { pattern: '(?:[1-9]|1[0-2])', strptime: '%m', part: 'month', open: true },
  MMM: {
    pattern: `(?:${allMonths.map((month) => month.slice(0, 3)).join('|')})`,
    strptime: '%b',
    part: 'month',
  },
  MMMM: { pattern: `(?:${allMonths.join('|')})`, strptime: '%B', part: 'month' },
  dd: { pattern: '(?:0[1-9]|[12][0-9]|3[01])', strptime: '%d', part: 'day' },
  d: { pattern: '(?:[1-9]|[12][0-9]|3[01])', strptime: '%d', part: 'day', open: true },
  HH: { pattern: hour24, strptime: '%H', part: 'hour' },
  H: { pattern: '(?:[0-9]|1[0-9]|2[0-3])', strptime: '%H', part: 'hour', open: true },
  hh: { pattern: hour12, strptime: '%I', part: 'hour', twelve: true },
  h: { pattern: '(?:[1-9]|1[0-2])', strptime: '%I', part: 'hour', open: true, twelve: true },
  a: { pattern: '(?:AM|PM)', strptime: '%p', part: 'half' },
  mm: { pattern: sixty, strptime: '%M', part: 'minute' },
  ss: { pattern: sixty, strptime: '%S', part: 'second' },
  ...Object.fromEntries(
    [1, 2, 3, 4, 5, 6].map((n) => [
      'S'.repeat(n),
      { pattern: `[0-9]{${n}}`, strptime: '%f', part: 'fraction' } as const,
    ]),
  ),
  XXX: { pattern: `(?:Z|${offset}:${sixty})`, strptime: '%z', part: 'zone' },
  xxx: { pattern: `${offset}:${sixty}`, strptime: '%z', part: 'zone' },
  Z: { pattern: `${offset}${sixty}`, strptime: '%z', part: 'zone' },
}

/** The letters, for messages and documents. */
export const formatLetters = Object.keys(elements)

/**
 * Reads a format in the letters of Java's `DateTimeFormatter`: `dd/MM/yyyy`, `yyyy-MM-dd'T'HH:mm:ss.SSSXXX`. It is
 * strict: two letters are two digits, and only a whole date, or a whole date with hours and minutes, is a format,
 * since nothing is completed. A text in answer says what is wrong with it.
 */
export function parseFormat(format: string): TextFormat | string {
  const found: Element[] = []
  let pattern = ''
  let strptime = ''
  let previous: Element | undefined
  for (const [token] of format.matchAll(/'(?:[^']|'')*'|''|([A-Za-z])\1*|./gsu)) {
    if (/^[A-Za-z]/.test(token)) {
      const element = Object.hasOwn(elements, token) ? elements[token] : undefined
      if (element === undefined) return unknownLetters(token)
      if (previous?.open && !/^(MMM|a|X|x|Z)/.test(token)) {
        return `where the digits before ${token} end cannot be told; write two letters there`
      }
      if (previous?.part === 'zone') return 'a zone is taken at the end only'
      if (found.some(({ part }) => part === element.part)) return `it says the ${element.part} twice`
      found.push(element)
      pattern += element.pattern
      strptime += element.strptime
      previous = element
      continue
    }
    if (token === "'") return 'a quote is not closed'
    const literal = token.startsWith("'")
      ? token === "''"
        ? "'"
        : token.slice(1, -1).replaceAll("''", "'")
      : token
    if (previous?.open && /^[0-9]/.test(literal)) {
      return `where the digits before ${literal} end cannot be told; write two letters there`
    }
    if (previous?.part === 'zone') return 'a zone is taken at the end only'
    pattern += literal.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
    strptime += literal.replaceAll('%', '%%')
    previous = undefined
  }
  return incomplete(found) ?? { input: inputOf(found), pattern, strptime }
}

function unknownLetters(token: string): string {
  if (/^(yy|uu)$/.test(token)) return `two-digit years (${token}) leave the century open; write yyyy`
  if (/^(Y+|D+|E+|k+|K+|n+)$/.test(token)) return `${token} is not taken; write the date by yyyy, MM and dd`
  return `${token} is not known; known are ${formatLetters.join(' ')}, and other text in single quotes`
}

function incomplete(found: readonly Element[]): string | undefined {
  const has = (part: Element['part']) => found.some((element) => element.part === part)
  for (const part of ['year', 'month', 'day'] as const) {
    if (!has(part)) return `it has no ${part}, and nothing is completed`
  }
  const twelve = found.some((element) => element.twelve === true)
  if (twelve && !has('half')) return 'hours up to 12 (hh) need AM or PM (a)'
  if (has('half') && !twelve) return 'AM or PM (a) needs hours up to 12 (hh)'
  const needs = [
    ['hour', 'minute'],
    ['minute', 'hour'],
    ['second', 'minute'],
    ['fraction', 'second'],
    ['zone', 'minute'],
  ] as const
  for (const [part, needed] of needs) {
    if (has(part) && !has(needed)) return `it has a ${part} and no ${needed}, and nothing is completed`
  }
  return undefined
}

function inputOf(found: readonly Element[]): TextFormat['input'] {
  if (found.some(({ part }) => part === 'zone')) return 'TIMESTAMP WITH TIME ZONE'
  return found.some(({ part }) => part === 'hour') ? 'TIMESTAMP' : 'DATE'
}

/** SQL: the value of the text `raw`, NULL where there is none. strptime alone would take `5/1/24` for `dd/MM/yyyy`. */
export function formatSql({ input, pattern, strptime }: TextFormat, raw: string): string {
  // strptime knows no Z.
  const text = input === 'TIMESTAMP WITH TIME ZONE' ? `regexp_replace(${raw}, 'Z$', '+00:00')` : raw
  const value = `try_strptime(${text}, ${quoteLiteral(strptime)})`
  return `CASE WHEN regexp_full_match(${raw}, ${quoteLiteral(pattern)}) THEN CAST(${value} AS ${input}) END`
}
