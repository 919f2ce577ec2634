import { child, toPlain } from '../located.ts'
import { type Column, tell, tellPattern } from './column.ts'
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
import { argumentKeys, metricOperators, qualityKeys } from './words.ts'

/** One rule of type library: what is counted, and how many of it there may be. */
interface Metric {
  readonly part: Part
  readonly metric: Said<string>
  readonly arguments: Part | undefined
  readonly allowed: Allowed
}

/** What the operators of a rule let through. */
interface Allowed {
  /** No violation at all. */
  readonly isNone: boolean
  /** `mustBeLessThan: 5 percent`, for messages. */
  readonly text: string
}

/** Rules of a property that hold row by row: they allow no violation. */
export function readColumnQuality(reading: Reading, column: Column): void {
  for (const found of readMetrics(reading, column.part)) {
    const { metric, allowed } = found
    if (metric.value === 'rowCount') {
      refuse(reading, metric, 'rowCount is a metric of a whole schema', 'Move the rule to the schema')
      continue
    }
    if (!allowed.isNone) {
      const message = `${metric.value} with \`${allowed.text}\` lets some rows through and others not`
      refuse(reading, metric, message, 'A rule of a column holds for every row: mustBe: 0')
      continue
    }
    if (metric.value === 'nullValues') tell(reading, column, 'nullable', metric, false)
    else if (metric.value === 'duplicateValues') readDuplicates(reading, column, found)
    else readInvalidValues(reading, column, found)
  }
}

/** Rules of a whole schema. None of them has a word in the contract of this version. */
export function readSchemaQuality(reading: Reading, part: Part): void {
  for (const { metric } of readMetrics(reading, part)) {
    const message = `${metric.value} of a whole schema is not in this version`
    refuse(reading, metric, message, 'Take the rule out, or write it as rules of its properties')
  }
}

function readDuplicates(reading: Reading, column: Column, { metric, arguments: given }: Metric): void {
  if (given?.entries.has('properties')) {
    const message = 'duplicateValues over several properties is a rule of the schema'
    refuse(reading, metric, message, 'Move the rule to the schema')
  } else tell(reading, column, 'unique', metric, true)
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
  tell(
    reading,
    column,
    'accepted_values',
    from,
    values.filter((value) => value !== null),
  )
  if (values.includes(null)) note(reading, from, 'null of the list: as it is without')
}

/** The rules of one element that are of type library; those of other types are refused or told to be nothing. */
function readMetrics(reading: Reading, element: Part): Metric[] {
  return saidList(reading, element, 'quality').flatMap((node, index) => {
    const path = `${element.path}.quality[${index}]`
    const type = child(node, 'type')
    if (type?.kind === 'scalar' && (type.value === 'sql' || type.value === 'custom')) {
      const message = `a quality rule of type ${type.value} is not taken over`
      refuse(
        reading,
        { at: type.at, path: `${path}.type` },
        message,
        'Take the rule out, or write it as a metric',
      )
      return []
    }
    const part = readPart(reading, node, path, qualityKeys, 'a quality rule')
    if (part === undefined) return []
    const said = saidText(reading, part, 'type')
    if (said?.value === 'text') {
      note(reading, said, 'nothing: words for people')
      return []
    }
    if (said !== undefined && said.value !== 'library') {
      const message = `the standard has no quality rule of type \`${said.value}\` in version 3.1`
      refuse(reading, said, message, 'Use library or text')
      return []
    }
    return readMetric(reading, part) ?? []
  })
}

function readMetric(reading: Reading, part: Part): Metric | undefined {
  const metric = saidText(reading, part, 'metric')
  if (metric === undefined) {
    if (!part.entries.has('metric')) {
      refuse(
        reading,
        part,
        'a quality rule has no `metric`',
        `Add one of ${Object.keys(argumentKeys).join(', ')}`,
      )
    }
    return undefined
  }
  const known = Object.hasOwn(argumentKeys, metric.value) ? argumentKeys[metric.value] : undefined
  if (known === undefined) {
    const message = `the standard has no metric \`${metric.value}\` in version 3.1`
    refuse(reading, metric, message, `It has ${Object.keys(argumentKeys).join(', ')}`)
    return undefined
  }
  if (metric.value === 'missingValues') {
    const message = 'missingValues is not taken over'
    refuse(reading, metric, message, 'Use nullValues, or invalidValues with the values that are valid')
    return undefined
  }
  const severity = saidText(reading, part, 'severity')
  if (severity !== undefined && severity.value !== 'error') {
    const message = `a rule of severity \`${severity.value}\` is not in this version`
    refuse(reading, severity, message, 'Every rule of the contract is an error: write error, or take it out')
    return undefined
  }
  const given = part.entries.get('arguments')?.value
  const what = `arguments of ${metric.value}`
  const read = given && readPart(reading, given, `${part.path}.arguments`, known, what)
  const allowed = readAllowed(reading, part)
  return allowed === undefined ? undefined : { part, metric, arguments: read, allowed }
}

function readAllowed(reading: Reading, part: Part): Allowed | undefined {
  const unit = saidText(reading, part, 'unit')
  if (unit !== undefined && unit.value !== 'rows' && unit.value !== 'percent') {
    refuse(reading, unit, `\`${unit.value}\` is no unit of a metric`, 'Use rows or percent')
    return undefined
  }
  const given = metricOperators.flatMap((word) => {
    const entry = part.entries.get(word)
    return entry === undefined ? [] : [{ word, entry, value: toPlain(entry.value) }]
  })
  if (given.length === 0) {
    refuse(reading, part, 'a quality rule has no operator', 'Add mustBe, mustBeLessThan, …')
    return undefined
  }
  for (const { word, entry, value } of given) {
    const isRange = /Between$/.test(word)
    const isRead = isRange
      ? Array.isArray(value) && value.length === 2 && value.every((each) => typeof each === 'number')
      : typeof value === 'number'
    if (isRead) continue
    wrongKind(reading, part, word, entry.value, isRange ? 'a list of two numbers' : 'a number')
    return undefined
  }
  const isPercent = unit?.value === 'percent'
  const text = given.map(({ word, value }) => `${word}: ${JSON.stringify(value)}`).join(', ')
  const isNone =
    given.length === 1 &&
    given.every(
      ({ word, value }) =>
        ((word === 'mustBe' || word === 'mustBeLessOrEqualTo') && value === 0) ||
        // Rows are counted in whole numbers.
        (word === 'mustBeLessThan' && !isPercent && (value as number) > 0 && (value as number) <= 1),
    )
  return { isNone, text: isPercent ? `${text} percent` : text }
}
