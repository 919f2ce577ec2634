import { toPlain } from '../located.ts'
import { addCheck, headOf } from './checks.ts'
import { readSeverity } from './metric.ts'
import {
  note,
  type Part,
  type Reading,
  readPart,
  refuse,
  type Said,
  saidList,
  saidText,
  wrongKind,
} from './reading.ts'
import { metricOperators, qualityKeys } from './words.ts'

/**
 * The rules of one element that are of type sql, each as a check whose SQL has one row where the value of the query is not
 * what the operators say. A query without a row has no value, which is none of those; one with several cannot be run, which
 * stops the load. `column`: of a property.
 */
export function readSqlRules(reading: Reading, element: Part, column?: string): void {
  for (const [index, node] of saidList(reading, element, 'quality').entries()) {
    if (node.kind !== 'map') continue
    const type = node.entries.get('type')?.value
    if (type?.kind !== 'scalar' || type.value !== 'sql') continue
    const part = readPart(reading, node, `${element.path}.quality[${index}]`, qualityKeys, 'a quality rule')
    if (part !== undefined) readSqlRule(reading, part, column)
  }
}

function readSqlRule(reading: Reading, part: Part, column: string | undefined): void {
  for (const key of ['metric', 'arguments']) {
    const entry = part.entries.get(key)
    if (entry === undefined) continue
    const spot = { at: entry.keyAt, path: `${part.path}.${key}` }
    refuse(
      reading,
      spot,
      `a quality rule of type sql has no \`${key}\``,
      'Take it out, or write type: library',
    )
    return
  }
  const said = saidText(reading, part, 'query')
  if (said === undefined) {
    if (!part.entries.has('query'))
      refuse(reading, part, 'a quality rule of type sql has no `query`', 'Add it')
    return
  }
  const unit = saidText(reading, part, 'unit')
  if (unit !== undefined) note(reading, unit, 'nothing: the query’s value is compared as it is')
  const severity = readSeverity(reading, part)
  const condition = conditionOf(reading, part)
  const query = filledIn(reading, said, column)
  if (severity === undefined || condition === undefined || query === undefined) return
  const sql = `SELECT 1 FROM (SELECT (\n${query}\n) AS value) WHERE (${condition}) IS NOT TRUE`
  const name = column === undefined ? 'sql' : `sql_${column}`
  addCheck(reading, headOf(reading, part, said, severity), name, { sql })
}

const operators: Readonly<Record<string, (...values: readonly string[]) => string>> = {
  mustBe: (value) => `value = ${value}`,
  mustNotBe: (value) => `value <> ${value}`,
  mustBeGreaterThan: (value) => `value > ${value}`,
  mustBeGreaterOrEqualTo: (value) => `value >= ${value}`,
  mustBeLessThan: (value) => `value < ${value}`,
  mustBeLessOrEqualTo: (value) => `value <= ${value}`,
  // The standard: the same as mustBeGreaterThan and mustBeLessThan.
  mustBeBetween: (low, high) => `(value > ${low} AND value < ${high})`,
  mustNotBeBetween: (low, high) => `NOT (value > ${low} AND value < ${high})`,
}

/** All operators must hold. A query may say true or false, which only mustBe and mustNotBe compare. */
function conditionOf(reading: Reading, part: Part): string | undefined {
  const conditions: string[] = []
  for (const word of metricOperators) {
    const entry = part.entries.get(word)
    if (entry === undefined) continue
    const isRange = /Between$/.test(word)
    const isEqual = word === 'mustBe' || word === 'mustNotBe'
    const given = toPlain(entry.value)
    const values = isRange ? given : [given]
    const isRead =
      Array.isArray(values) &&
      values.length === (isRange ? 2 : 1) &&
      values.every((value) => Number.isFinite(value) || (isEqual && typeof value === 'boolean'))
    if (!isRead) {
      const wanted = isRange ? 'a list of two numbers' : isEqual ? 'a number, true or false' : 'a number'
      wrongKind(reading, part, word, entry.value, wanted)
      return undefined
    }
    conditions.push(operators[word]!(...values.map(String)))
  }
  if (conditions.length > 0) return conditions.join(' AND ')
  refuse(reading, part, 'a quality rule has no operator', 'Add mustBe, mustBeLessThan, …')
  return undefined
}

const placeholder = /\{(\w*)\}/g

/** The query over the load; `{object}` and `{property}` are the only words that the standard fills in. */
function filledIn(reading: Reading, said: Said<string>, column: string | undefined): string | undefined {
  const query = said.value.trim().replace(/;$/, '')
  const words = [...query.matchAll(placeholder)].map(([, word]) => word)
  const unknown = words.find((word) => word !== 'object' && word !== 'property')
  const fail = (message: string, hint: string) => {
    refuse(reading, said, message, hint)
    return undefined
  }
  if (query.includes('{{'))
    return fail('the query has two braces, which mean something in a manifest', 'Write { object } once')
  if (unknown !== undefined)
    return fail(`\`{${unknown}}\` is no placeholder in version 3.1`, 'It has {object} and {property}')
  if (words.includes('property') && column === undefined)
    return fail('`{property}` stands for a property, and the rule is one of a schema', 'Name the column')
  if (!words.includes('object'))
    return fail(
      'the query does not read `{object}`, so it says nothing of a load',
      'Write {object} in the place of the table',
    )
  return query.replaceAll(placeholder, (_, word) =>
    word === 'object' ? '{{ load }}' : `"${(column as string).replaceAll('"', '""')}"`,
  )
}
