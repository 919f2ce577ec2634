import type { LocatedMap } from '../located.ts'
import { located, locatedMap, note, type Part, type Reading, refuse, type Said } from './reading.ts'

/** One column of the contract as far as the file has told it. */
export interface Column {
  readonly name: string
  readonly part: Part
  /** Keys of a column of the contract, each with its place in the file. */
  readonly keys: Map<string, Said<unknown>>
  /** What is nested in it: `items` of a list, `fields` of a struct. */
  readonly nested: Map<string, LocatedMap>
}

export function columnTree({ keys, nested, part }: Column): LocatedMap {
  const entries = [...keys].map(([key, { value, at }]) => [key, located(value, at)] as const)
  return locatedMap([...entries, ...nested], part.at)
}

/** Sets one key of the column. What two places of the file say must be the same. */
export function tell(
  reading: Reading,
  column: Column,
  key: string,
  from: Said<unknown>,
  value: unknown,
): void {
  const before = column.keys.get(key)
  const text = JSON.stringify(value)
  if (before !== undefined && JSON.stringify(before.value) !== text) {
    const message = `\`${key}\` of column \`${column.name}\` would be ${text} here and ${JSON.stringify(before.value)} by line ${before.at.line}`
    refuse(reading, from, message, 'Keep one of the two')
    return
  }
  if (before === undefined) column.keys.set(key, { ...from, value })
  note(reading, from, `columns.${column.name}.${key}: ${text}`)
}

/** Patterns of ECMA-262 that RE2 takes, too, but reads otherwise; what it does not know is refused with the contract. */
const readOtherwise = /\\u|\\c|\[\^?\]|\[[^\]]*\\b/

/** The whole value must match: the standard says that a pattern defines valid values. */
export function tellPattern(reading: Reading, column: Column, pattern: Said<string>): void {
  if (readOtherwise.test(pattern.value)) {
    const message =
      'the pattern has `\\u`, `\\c`, an empty class or `[\\b]`, which RE2 does not read in that way'
    refuse(reading, pattern, message, 'Write it without')
    return
  }
  tell(reading, column, 'pattern', pattern, pattern.value)
}
