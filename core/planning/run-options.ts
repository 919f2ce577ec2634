import { ManifestError } from '../errors.ts'
import { suggest } from '../manifest/near.ts'
import type { RunOptions } from './types.ts'

/** Retries wait at most this long, however often they double. */
export const maxRetryDelaySeconds = 60

/** Whole numbers and others that a run option may be, with their ranges. */
export const numberOptions = {
  max_workers: { byDefault: 8, min: 1, max: 1000, whole: true },
  retry_count: { byDefault: 0, min: 0, max: 100, whole: true },
  retry_delay_seconds: { byDefault: 5, min: 0, max: maxRetryDelaySeconds, whole: false },
} as const

const flags = ['stop_on_error', 'dry_run'] as const
export const selectorOptions = ['stage', 'dataflows', 'tags'] as const

const known: readonly string[] = [...selectorOptions, ...Object.keys(numberOptions), ...flags]

/**
 * Run options as they come from a command line, an event or a console; all optional, `{}` is every active
 * dataflow. A selector is a list, or a text with commas. Throws `ManifestError` `RUN_OPTIONS_INVALID` with all
 * that is wrong at once: unknown options, wrong types (nothing is converted), and selectors that are empty.
 */
export function parseRunOptions(input: unknown): RunOptions {
  const problems: string[] = []
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw optionsInvalid([`run options are an object, and this is ${JSON.stringify(input) ?? 'undefined'}`])
  }
  const given = input as Readonly<Record<string, unknown>>
  refuseUnknown(given, known, problems)
  const options = readRunOptions(given, problems)
  if (problems.length > 0) throw optionsInvalid(problems)
  return options
}

/** Adds a line to `problems` for every key that is not known, with the one that was most likely meant. */
export function refuseUnknown(given: object, keys: readonly string[], problems: string[]): void {
  for (const option of Object.keys(given)) {
    if (keys.includes(option)) continue
    problems.push(
      `there is no option ${option} (${suggest(option, keys, 'known', '').replace(/^Did/, 'did')})`,
    )
  }
}

/** The options among what is given; adds a line to `problems` for every one that is wrong. */
export function readRunOptions(given: Readonly<Record<string, unknown>>, problems: string[]): RunOptions {
  const number = (name: keyof typeof numberOptions): number => readNumber(given, name, problems)
  const flag = (name: (typeof flags)[number]): boolean => readFlag(given, name, problems)
  return {
    ...Object.fromEntries(selectorOptions.flatMap((name) => readSelector(given, name, problems))),
    max_workers: number('max_workers'),
    stop_on_error: flag('stop_on_error'),
    retry_count: number('retry_count'),
    retry_delay_seconds: number('retry_delay_seconds'),
    dry_run: flag('dry_run'),
  }
}

function readNumber(
  given: Readonly<Record<string, unknown>>,
  name: keyof typeof numberOptions,
  problems: string[],
): number {
  const { byDefault, min, max, whole } = numberOptions[name]
  const value = own(given, name)
  if (value === undefined) return byDefault
  const fits = typeof value === 'number' && (whole ? Number.isInteger(value) : Number.isFinite(value))
  if (fits && value >= min && value <= max) return value
  const kind = whole ? 'a whole number' : 'a number'
  problems.push(`${name} must be ${kind} from ${min} to ${max}, and this is ${JSON.stringify(value)}`)
  return byDefault
}

function readFlag(given: Readonly<Record<string, unknown>>, name: string, problems: string[]): boolean {
  const value = own(given, name)
  if (value === undefined || typeof value === 'boolean') return value ?? false
  problems.push(`${name} must be true or false, and this is ${JSON.stringify(value)}`)
  return false
}

/** Nothing, or one pair of the option and its values, each once. */
function readSelector(
  given: Readonly<Record<string, unknown>>,
  name: string,
  problems: string[],
): [string, readonly string[]][] {
  const value = own(given, name)
  if (value === undefined) return []
  const list = typeof value === 'string' ? value.split(',') : value
  if (list !== null && (!Array.isArray(list) || list.some((part) => typeof part !== 'string'))) {
    problems.push(`${name} must be a text or a list of texts, and this is ${JSON.stringify(value)}`)
    return []
  }
  const values = ((list ?? []) as string[]).map((part) => part.trim()).filter((part) => part !== '')
  if (values.length > 0) return [[name, [...new Set(values)]]]
  problems.push(
    `${name} is ${JSON.stringify(value)}, which selects nothing; leave the option out to select all`,
  )
  return []
}

/** What the input itself has under the name, and nothing that every object has. */
export function own(given: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(given, name) ? given[name] : undefined
}

export function optionsInvalid(problems: readonly string[]): ManifestError {
  return new ManifestError({
    code: 'RUN_OPTIONS_INVALID',
    fact: problems.join('; '),
    consequence: 'Nothing was planned',
    next: 'Correct the run options',
    details: { problems },
  })
}
