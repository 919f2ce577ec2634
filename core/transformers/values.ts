import { quoteLiteral } from '../engine/sql.ts'
import type { ValueRule } from './types.ts'

/** In characters. A longer one is no pattern that a person reads. */
export const maxPatternLength = 4096

/** Whether the rule is about texts only. */
export function needsText(rule: ValueRule): boolean {
  return rule.operation !== 'fill_null'
}

/**
 * SQL of a rule over the value's name. `literal` is the value of `fill_null` as SQL of the column's type.
 *
 * `trim` takes the ASCII space alone, as DataCoolie's. `upper` and `lower` go character by character, so that the
 * number of characters stays: `ß` becomes `ẞ`, not `SS`. Patterns are RE2; `.` is no line end.
 */
export function valueSql(rule: ValueRule, value: string, literal: string): string {
  switch (rule.operation) {
    case 'trim':
      return `trim(${value}, ' ')`
    case 'upper':
    case 'lower':
      return `${rule.operation}(${value})`
    case 'regex_replace': {
      // Backslash and digit would be a group of the match.
      const replacement = quoteLiteral(rule.replacement.replaceAll('\\', '\\\\'))
      return `regexp_replace(${value}, ${quoteLiteral(rule.pattern)}, ${replacement}, 'g')`
    }
    case 'empty_to_null':
      return `nullif(${value}, '')`
    case 'fill_null':
      return `coalesce(${value}, ${literal})`
    case 'map': {
      const pairs = Object.entries(rule.mapping).map(
        ([from, to]) => `${quoteLiteral(from)}: ${quoteLiteral(to)}`,
      )
      const mapped = `MAP {${pairs.join(', ')}}[${value}]`
      return rule.on_unmapped === 'null' ? mapped : `coalesce(${mapped}, ${value})`
    }
  }
}
