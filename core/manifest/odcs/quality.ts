import type { CountRange } from '../../contract/checks.ts'
import { toPlain } from '../located.ts'
import { addCheck } from './checks.ts'
import { type Column, tell, tellPattern } from './column.ts'
import { type Metric, readMetrics } from './metric.ts'
import { note, type Part, type Reading, refuse, saidText, wrongKind } from './reading.ts'
import { readSqlRules } from './sql-rule.ts'

/** A rule that allows no violation is one of the column; a share of NULL, and a warning, are checks of the load. */
export function readColumnQuality(reading: Reading, column: Column): void {
  readSqlRules(reading, column.part, column.name)
  for (const found of readMetrics(reading, column.part)) {
    const { metric, head } = found
    if (metric.value === 'rowCount') {
      refuse(reading, metric, 'rowCount is a metric of a whole schema', 'Move the rule to the schema')
    } else if (metric.value === 'nullValues') readNulls(reading, column, found)
    else if (!found.allowed.isNone) refuseShare(reading, found)
    else if (metric.value === 'duplicateValues') readDuplicates(reading, column, found)
    else if (head.severity === 'warn') {
      const message = `${metric.value} of severity warning would make warnings of all the column’s rules`
      refuse(reading, metric, message, 'Write error, or take the rule out and set severity in the manifest')
    } else readInvalidValues(reading, column, found)
  }
}

/** `names`: the columns by the properties' names. */
export function readSchemaQuality(reading: Reading, part: Part, names: ReadonlyMap<string, string>): void {
  readSqlRules(reading, part)
  for (const found of readMetrics(reading, part)) {
    const { metric, head, allowed } = found
    if (metric.value === 'rowCount') readRowCount(reading, found)
    else if (metric.value !== 'duplicateValues') {
      const message = `${metric.value} is a metric of a property`
      refuse(reading, metric, message, 'Move the rule to the property')
    } else if (!allowed.isNone) refuseShare(reading, found)
    else {
      const columns = columnsOf(reading, found, names)
      if (columns !== undefined) addCheck(reading, head, `unique_${columns.join('_')}`, { unique: columns })
    }
  }
}

function refuseShare(reading: Reading, { metric, allowed }: Metric): void {
  const message = `${metric.value} with \`${allowed.text}\` lets some rows through and others not`
  refuse(reading, metric, message, 'Such a rule holds for every row: mustBe: 0')
}

function readNulls(reading: Reading, column: Column, found: Metric): void {
  const { metric, allowed, head } = found
  if (allowed.isNone && head.severity === 'error') {
    tell(reading, column, 'nullable', metric, false)
    return
  }
  const ratio = allowed.isNone ? 0 : allowed.ratio
  if (ratio === undefined) refuseShare(reading, found)
  else addCheck(reading, head, `nulls_${column.name}`, { max_null_ratio: { column: column.name, ratio } })
}

function readDuplicates(reading: Reading, column: Column, { metric, arguments: given, head }: Metric): void {
  if (given?.entries.has('properties')) {
    const message = 'duplicateValues over several properties is a rule of the schema'
    refuse(reading, metric, message, 'Move the rule to the schema')
  } else if (head.severity === 'error') tell(reading, column, 'unique', metric, true)
  else addCheck(reading, head, `unique_${column.name}`, { unique: [column.name] })
}

/** The rows of the load, not of the table that it is added to. */
function readRowCount(reading: Reading, { metric, allowed, head }: Metric): void {
  const { range } = allowed
  if (range === undefined) {
    const message = `rowCount with \`${allowed.text}\` is no range of row counts`
    refuse(
      reading,
      metric,
      message,
      'Use mustBe, mustBeBetween, mustBeGreaterThan and mustBeLessThan, in rows',
    )
  } else addCheck(reading, head, 'row_count', { row_count: range satisfies CountRange })
}

function columnsOf(
  reading: Reading,
  { metric, arguments: given }: Metric,
  names: ReadonlyMap<string, string>,
): string[] | undefined {
  const node = given?.entries.get('properties')?.value
  const listed = node === undefined ? undefined : toPlain(node)
  if (!Array.isArray(listed) || listed.length === 0) {
    const message = 'duplicateValues of a schema does not tell of which properties'
    refuse(reading, metric, message, 'Add arguments: { properties: [a, b] }')
    return undefined
  }
  const columns = listed.map((name) => names.get(String(name)))
  const unknown = listed.find((name) => !names.has(String(name)))
  if (unknown === undefined) return columns as string[]
  const spot = { at: node!.at, path: `${given!.path}.properties` }
  refuse(reading, spot, `the schema has no property \`${unknown}\``, 'Name properties of this schema')
  return undefined
}

function readInvalidValues(reading: Reading, column: Column, { metric, arguments: given }: Metric): void {
  const pattern = given && saidText(reading, given, 'pattern')
  const listed = given?.entries.get('validValues')
  if (given === undefined || given.entries.size === 0) {
    const hint = 'Add arguments: { validValues: […] } or arguments: { pattern: … }'
    refuse(reading, metric, 'invalidValues does not tell which values are valid', hint)
    return
  }
  if (pattern !== undefined) tellPattern(reading, column, pattern)
  if (listed === undefined) return
  const path = `${given.path}.validValues`
  const from = { value: undefined, at: listed.value.at, path }
  const values = listed.value.kind === 'list' ? listed.value.items.map(toPlain) : undefined
  if (values === undefined) {
    wrongKind(reading, given, 'validValues', listed.value, 'a list')
    return
  }
  // Missing values are no invalid ones: `nullable` alone judges them.
  const present = values.filter((value) => value !== null)
  tell(reading, column, 'accepted_values', from, present.length === 0 ? values : present)
  if (values.includes(null)) note(reading, from, 'null of the list: as it is without')
}
