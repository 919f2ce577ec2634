import type { CountRange } from '../../contract/checks.ts'
import type { Severity } from '../../contract/types.ts'
import { child, type Located, toPlain } from '../located.ts'
import { type CheckHead, headOf } from './checks.ts'
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

/** One rule of type library: what is counted, and how much of it there may be. */
export interface Metric {
  readonly metric: Said<string>
  readonly arguments: Part | undefined
  readonly allowed: Allowed
  readonly head: CheckHead
}

/** What the operators of a rule let through. */
export interface Allowed {
  /** No violation at all. */
  readonly isNone: boolean
  /** In rows, inclusive; absent where it is no range of whole numbers. */
  readonly range?: CountRange
  /** The largest share, 0 to 1; absent where it is no largest share. */
  readonly ratio?: number
  /** `mustBeLessThan: 5 percent`, for messages. */
  readonly text: string
}

/** The rules of one element that are of type library. Those of type sql are read elsewhere (sql-rule.ts), other types refused or told to be nothing. */
export function readMetrics(reading: Reading, element: Part): Metric[] {
  return saidList(reading, element, 'quality').flatMap((node, index) => {
    const path = `${element.path}.quality[${index}]`
    return isOfLibrary(reading, node, path) ? (readMetric(reading, node, path) ?? []) : []
  })
}

function isOfLibrary(reading: Reading, node: Located, path: string): boolean {
  const type = child(node, 'type')
  if (type === undefined || type.kind !== 'scalar' || type.value === 'library') return true
  const spot = { at: type.at, path: `${path}.type` }
  if (type.value === 'sql') return false
  if (type.value === 'text') note(reading, spot, 'nothing: words for people')
  else if (type.value === 'custom') {
    const message = 'a quality rule of type custom is not taken over'
    refuse(reading, spot, message, 'Take the rule out, or write it as a metric or as sql')
  } else {
    const message = `the standard has no quality rule of type \`${type.value}\` in version 3.1`
    refuse(reading, spot, message, 'Use library, sql or text')
  }
  return false
}

function readMetric(reading: Reading, node: Located, path: string): Metric | undefined {
  const part = readPart(reading, node, path, qualityKeys, 'a quality rule')
  if (part === undefined) return undefined
  const query = part.entries.get('query')
  if (query !== undefined) {
    const spot = { at: query.keyAt, path: `${path}.query` }
    refuse(reading, spot, 'a quality rule of type library has no `query`', 'Write type: sql')
    return undefined
  }
  const metric = saidText(reading, part, 'metric')
  if (metric === undefined) {
    const known = Object.keys(argumentKeys).join(', ')
    if (!part.entries.has('metric'))
      refuse(reading, part, 'a quality rule has no `metric`', `Add one of ${known}`)
    return undefined
  }
  const keys = Object.hasOwn(argumentKeys, metric.value) ? argumentKeys[metric.value] : undefined
  if (keys === undefined) {
    const message = `the standard has no metric \`${metric.value}\` in version 3.1`
    refuse(reading, metric, message, `It has ${Object.keys(argumentKeys).join(', ')}`)
    return undefined
  }
  if (metric.value === 'missingValues') {
    const hint = 'Use nullValues, or invalidValues with the values that are valid'
    refuse(reading, metric, 'missingValues is not taken over', hint)
    return undefined
  }
  const severity = readSeverity(reading, part)
  const given = part.entries.get('arguments')?.value
  const what = `arguments of ${metric.value}`
  const read = given && readPart(reading, given, `${path}.arguments`, keys, what)
  const allowed = readAllowed(reading, part)
  if (allowed === undefined || severity === undefined) return undefined
  return { metric, arguments: read, allowed, head: headOf(reading, part, metric, severity) }
}

export function readSeverity(reading: Reading, part: Part): Severity | undefined {
  const said = saidText(reading, part, 'severity')
  if (said === undefined) return part.entries.has('severity') ? undefined : 'error'
  if (said.value === 'error') return 'error'
  if (said.value === 'warning' || said.value === 'warn') return 'warn'
  const message = `a rule of severity \`${said.value}\` is neither an error nor a warning`
  refuse(reading, said, message, 'Write error or warning')
  return undefined
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
  const values = given.map(({ word, value }) => [word, value] as const)
  const text = values.map(([word, value]) => `${word}: ${JSON.stringify(value)}`).join(', ')
  return unit?.value === 'percent' ? percentOf(values, `${text} percent`) : rowsOf(values, text)
}

type Operators = readonly (readonly [string, unknown])[]

/** The most that is let through, and whether that itself is. `undefined` where something else is asked, too. */
function mostOf(operators: Operators): { readonly value: number; readonly isExclusive: boolean } | undefined {
  const [only, another] = operators
  if (only === undefined || another !== undefined) return undefined
  const [word, value] = only
  if (word === 'mustBeLessOrEqualTo' || (word === 'mustBe' && value === 0)) {
    return { value: value as number, isExclusive: false }
  }
  return word === 'mustBeLessThan' ? { value: value as number, isExclusive: true } : undefined
}

function percentOf(operators: Operators, text: string): Allowed {
  const most = mostOf(operators)
  if (most === undefined || most.value < 0 || most.value > 100) return { isNone: false, text }
  const share = most.value / 100
  if (!most.isExclusive) return { isNone: share === 0, ratio: share, text }
  // Shares are doubles: the one before is the largest that is less.
  return share === 0 ? { isNone: false, text } : { isNone: false, ratio: before(share), text }
}

/** The double before a positive one. */
function before(value: number): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  view.setBigUint64(0, view.getBigUint64(0) - 1n)
  return view.getFloat64(0)
}

function rowsOf(operators: Operators, text: string): Allowed {
  const most = mostOf(operators)
  const isNone =
    most !== undefined &&
    most.value >= 0 &&
    (most.isExclusive ? Math.ceil(most.value) - 1 : Math.floor(most.value)) === 0
  const range = rangeOf(operators)
  return { isNone, text, ...(range === undefined ? {} : { range }) }
}

/** Row counts are whole numbers, so every bound has an inclusive one. The standard's `mustBeBetween` is exclusive. */
function rangeOf(operators: Operators): CountRange | undefined {
  let min = 0
  let max = Number.POSITIVE_INFINITY
  for (const [word, value] of operators) {
    const [low, high] = Array.isArray(value)
      ? (value as [number, number])
      : [value as number, value as number]
    if (word === 'mustBe') {
      if (!Number.isInteger(low)) return undefined
      min = Math.max(min, low)
      max = Math.min(max, low)
    } else if (word === 'mustBeGreaterOrEqualTo') min = Math.max(min, Math.ceil(low))
    else if (word === 'mustBeLessOrEqualTo') max = Math.min(max, Math.floor(high))
    else if (word === 'mustNotBe' || word === 'mustNotBeBetween') return undefined
    else {
      if (word !== 'mustBeLessThan') min = Math.max(min, Math.floor(low) + 1)
      if (word !== 'mustBeGreaterThan') max = Math.min(max, Math.ceil(high) - 1)
    }
  }
  if (max < 0 || min > max) return undefined
  return { ...(min === 0 ? {} : { min }), ...(max === Number.POSITIVE_INFINITY ? {} : { max }) }
}
