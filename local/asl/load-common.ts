import {
  type Extra,
  type LoadContext,
  literalNumber,
  onlyKnown,
  pointer,
  report,
  stringField,
  templateField,
} from './checks.ts'
import { isObject, type JsonObject } from './json.ts'
import type { Assignment, Catcher, Retrier } from './model.ts'

/** 99,999,999 s: the longest time any field of the language takes. */
export const MAX_SECONDS = 99_999_999

const VARIABLE_NAME = /^[\p{ID_Start}_][\p{ID_Continue}]{0,79}$/u

/** Names in the reserved space that Retry and Catch may match. */
const ERROR_NAMES = [
  'States.ALL',
  'States.TaskFailed',
  'States.Timeout',
  'States.HeartbeatTimeout',
  'States.DataLimitExceeded',
  'States.QueryEvaluationError',
  'States.ExceedToleratedFailureThreshold',
  'States.ItemReaderFailed',
  'States.ResultWriterFailed',
]

/** `Assign`: an object of variable names. */
export function assignField(
  context: LoadContext,
  object: JsonObject,
  path: string,
  extra: readonly Extra[],
  location = 'Assign',
): Assignment | undefined {
  const value = object.Assign
  if (value === undefined) return undefined
  if (!isObject(value)) {
    report(context, pointer(path, 'Assign'), 'must be an object of variable names and values')
    return undefined
  }
  return Object.keys(value).flatMap((name) => {
    const at = pointer(path, 'Assign')
    if (name === 'states') report(context, pointer(at, name), '"states" is reserved')
    else if (!VARIABLE_NAME.test(name))
      report(context, pointer(at, name), 'not a variable name (1 to 80 characters)')
    const template = templateField(context, value, name, at, extra, `${location}/${name}`)
    return template === undefined ? [] : [[name, template] as const]
  })
}

/** `Next` or `End`, exactly one. The name of the next state, or undefined at an end. */
export function transition(context: LoadContext, state: JsonObject, path: string): string | undefined {
  const { End: end, Next: next } = state
  if ((end === undefined) === (next === undefined))
    report(context, path, 'needs exactly one of "Next" and "End"')
  if (end !== undefined && end !== true) report(context, pointer(path, 'End'), 'must be true')
  return stringField(context, state, 'Next', path)
}

function errorEquals(
  context: LoadContext,
  object: JsonObject,
  path: string,
  last: boolean,
): readonly string[] {
  const names = object.ErrorEquals
  const at = pointer(path, 'ErrorEquals')
  if (!Array.isArray(names) || names.length === 0 || !names.every((n) => typeof n === 'string' && n !== '')) {
    report(context, at, 'must be a list of one or more error names')
    return []
  }
  for (const [i, name] of (names as string[]).entries()) {
    if (name === 'States.Runtime' || name === 'States.NoChoiceMatched') {
      const why =
        'Step Functions reports States.Runtime and ends the execution; nothing retries or catches it'
      report(context, pointer(at, i), `"${name}" can never match: ${why}`)
    } else if (name.startsWith('States.') && !ERROR_NAMES.includes(name)) {
      report(context, pointer(at, i), `"${name}" is not an error name here (${ERROR_NAMES.join(', ')})`)
    }
  }
  if (names.includes('States.ALL')) {
    if (names.length > 1) report(context, at, 'States.ALL must stand alone')
    if (!last) report(context, at, 'States.ALL must come last')
  }
  return names as string[]
}

function listOf(
  context: LoadContext,
  state: JsonObject,
  key: string,
  path: string,
): readonly [JsonObject, string][] {
  const list = state[key]
  if (list === undefined) return []
  const at = pointer(path, key)
  if (!Array.isArray(list) || !list.every(isObject)) {
    report(context, at, 'must be a list of objects')
    return []
  }
  return list.map((item, i) => [item, pointer(at, i)])
}

const RETRY_FIELDS = [
  'ErrorEquals',
  'IntervalSeconds',
  'MaxAttempts',
  'BackoffRate',
  'MaxDelaySeconds',
  'JitterStrategy',
  'Comment',
]

export function retryField(context: LoadContext, state: JsonObject, path: string): readonly Retrier[] {
  const list = listOf(context, state, 'Retry', path)
  return list.map(([item, at], i) => {
    onlyKnown(context, item, at, RETRY_FIELDS)
    const number = (key: string, min: number, max: number, fractions = false): number | undefined =>
      literalNumber(context, item, key, at, { min, max, fractions })
    const intervalSeconds = number('IntervalSeconds', 1, MAX_SECONDS) ?? 1
    const maxDelaySeconds = number('MaxDelaySeconds', 1, 31_622_400)
    if (maxDelaySeconds !== undefined && maxDelaySeconds <= intervalSeconds) {
      report(context, pointer(at, 'MaxDelaySeconds'), 'must be more than IntervalSeconds')
    }
    const jitter = item.JitterStrategy
    if (jitter !== undefined && jitter !== 'FULL' && jitter !== 'NONE') {
      report(context, pointer(at, 'JitterStrategy'), 'must be "FULL" or "NONE"')
    }
    return {
      errors: errorEquals(context, item, at, i === list.length - 1),
      intervalSeconds,
      maxAttempts: number('MaxAttempts', 0, MAX_SECONDS) ?? 3,
      backoffRate: number('BackoffRate', 1, Number.MAX_SAFE_INTEGER, true) ?? 2,
      maxDelaySeconds,
      fullJitter: jitter === 'FULL',
    }
  })
}

export function catchField(context: LoadContext, state: JsonObject, path: string): readonly Catcher[] {
  const list = listOf(context, state, 'Catch', path)
  return list.map(([item, at], i) => {
    onlyKnown(context, item, at, ['ErrorEquals', 'Next', 'Output', 'Assign', 'Comment'])
    const next = stringField(context, item, 'Next', at)
    if (item.Next === undefined) report(context, at, 'needs "Next"')
    return {
      errors: errorEquals(context, item, at, i === list.length - 1),
      next: next ?? '',
      output: templateField(context, item, 'Output', at, ['errorOutput'], `Catch[${i}]/Output`),
      assign: assignField(context, item, at, ['errorOutput'], `Catch[${i}]/Assign`),
    }
  })
}
