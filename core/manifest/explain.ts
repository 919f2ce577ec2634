import type { z } from 'zod'
import { counted } from '../words.ts'
import { keyPlaceOf, type Located, locate, type Path, type Place, placeOf, toPlain } from './located.ts'
import { listWords, nearest, suggest } from './near.ts'
import { keysAt } from './partial.ts'
import type { Problem } from './problems.ts'
import { synonymOf, unavailableKey, unavailableValue } from './words.ts'

type Issue = z.core.$ZodIssue

/** What was checked: `label` is the path of `root` in the manifest (`dataflows.flights_raw`, or empty). */
export interface Checked {
  readonly root: Located
  readonly label: string
  readonly schema: z.ZodType
}

/**
 * Where a key takes a word or a mapping, and a mapping was written, what is wrong is what is wrong inside of it.
 * Without this all that could be said is that the whole value fits neither.
 */
export function insideUnions(issues: readonly Issue[]): Issue[] {
  return issues.flatMap((issue) => {
    if (issue.code !== 'invalid_union') return [issue]
    const inside = issue.errors.filter((errors) => errors.some(isInside))
    if (inside.length !== 1) return [issue]
    return insideUnions(inside[0]!.map((each) => ({ ...each, path: [...issue.path, ...each.path] })))
  })
}

function isInside({ code, path }: Issue): boolean {
  return code === 'unrecognized_keys' || path.length > 0
}

/** The problems of a value that does not fit its schema, in words of the manifest, with their places. */
export function explainIssues(checked: Checked, issues: readonly Issue[]): Problem[] {
  const meant = misspelt(checked, issues)
  return issues
    .filter(
      ({ path }) =>
        !meant.has(pathText('', path as Path)) || locate(checked.root, path as Path) !== undefined,
    )
    .flatMap((issue) => explainIssue(checked, issue))
}

/** Paths of keys that are there under a wrong name: to call them missing, too, would be one mistake told twice. */
function misspelt({ root, schema }: Checked, issues: readonly Issue[]): Set<string> {
  const meant = new Set<string>()
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue
    const known = keysAt(schema, issue.path as Path, toPlain(root))
    for (const key of issue.keys) {
      const near = nearest(key, known)
      if (near !== undefined) meant.add(pathText('', [...(issue.path as Path), near]))
    }
  }
  return meant
}

function explainIssue(checked: Checked, issue: Issue): Problem[] {
  const path = issue.path as Path
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(checked, path, key))
  const node = locate(checked.root, path)
  const key = String(path.at(-1) ?? checked.label)
  if (issue.code === 'invalid_key') {
    const at = keyPlaceOf(checked.root, path.slice(0, -1), key)
    const nested = issue.issues[0]?.message ?? issue.message
    return [problem(checked, path, at, `\`${key}\` cannot be a name: ${nested}`, 'Choose another name')]
  }
  const at = placeOf(checked.root, path)
  if (node === undefined) return [problem(checked, path, at, `\`${key}\` is missing`, missingHint(issue))]
  const value = toPlain(node)
  if (value === null) {
    const message = `\`${key}\` has no value`
    return [problem(checked, path, at, message, 'Give it one, or remove the line')]
  }
  const [message, hint] = explainValue(issue, path, subject(checked.label, path), value)
  return [problem(checked, path, at, message, hint)]
}

function unknownKey(checked: Checked, path: Path, key: string): Problem {
  const at = keyPlaceOf(checked.root, path, key)
  const whole = [...path, key]
  const unavailable = unavailableKey(key)
  if (unavailable !== undefined) {
    return problem(checked, whole, at, `\`${key}\` is not available in this version`, sentence(unavailable))
  }
  const known = keysAt(checked.schema, path, toPlain(checked.root))
  return problem(checked, whole, at, `unknown key \`${key}\``, suggest(key, known, 'Known here', 'Remove it'))
}

function explainValue(
  issue: Issue,
  path: Path,
  key: string,
  value: unknown,
): [message: string, hint: string] {
  switch (issue.code) {
    case 'invalid_value':
      return wrongWord(path, value, issue.values.map(String))
    case 'invalid_union': {
      const options = 'options' in issue ? (issue.options as readonly unknown[]).map(String) : []
      if (options.length > 0) return wrongWord(path, value, options)
      if (issue.message !== 'Invalid input')
        return [`${key} cannot be \`${show(value)}\``, sentence(issue.message)]
      return [`${key} must be a text, a number, or true or false`, `It is ${kindOf(value)}`]
    }
    case 'invalid_type':
      return wrongKind(key, issue.expected, value)
    case 'too_small':
    case 'too_big':
      return outOfBounds(key, issue, value)
    case 'invalid_format':
      return [`${key} cannot be \`${show(value)}\``, sentence(issue.message)]
    default:
      return [`${key} cannot be \`${show(value)}\``, sentence(issue.message)]
  }
}

function wrongWord(path: Path, value: unknown, allowed: readonly string[]): [string, string] {
  const key = String(path.at(-1) ?? '')
  const word = show(value)
  const unavailable = typeof value === 'string' ? unavailableValue(path, value) : undefined
  if (unavailable !== undefined)
    return [`${key}: ${word} is not available in this version; ${unavailable}`, '']
  const meant = typeof value === 'string' ? (synonymOf(value, allowed) ?? nearest(value, allowed)) : undefined
  const hint =
    meant === undefined
      ? `Use ${listWords(allowed)}`
      : `Did you mean \`${meant}\`? Known: ${listWords(allowed)}`
  return [`${subject('', path)} cannot be \`${word}\``, hint]
}

function wrongKind(key: string, expected: string, value: unknown): [string, string] {
  const wanted = expectedKinds[expected] ?? expected
  const message = `${key} must be ${wanted}, and this is ${kindOf(value)}`
  if (expected === 'boolean' && typeof value === 'string') {
    if (/^(yes|on|y)$/i.test(value)) return [message, 'Write true']
    if (/^(no|off|n)$/i.test(value)) return [message, 'Write false']
  }
  if (expected === 'array' && typeof value !== 'object') return [message, `Write [${show(value)}]`]
  if (expected === 'string' && typeof value !== 'object')
    return [message, `Write it in quotes: "${show(value)}"`]
  if (/^(number|int)$/.test(expected) && typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value)) {
    return [message, 'Write it without quotes']
  }
  return [message, '']
}

function outOfBounds(key: string, issue: Issue, value: unknown): [string, string] {
  const limit = Number('minimum' in issue ? issue.minimum : 'maximum' in issue ? issue.maximum : 0)
  const direction = issue.code === 'too_small' ? 'at least' : 'at most'
  if (typeof value === 'number') return [`${key} cannot be ${value}`, `It must be ${direction} ${limit}`]
  if (Array.isArray(value)) return [`${key} is an empty list`, 'Give it a value, or remove the line']
  if (value === '') return [`${key} is an empty text`, 'Give it a value, or remove the line']
  const exact = 'exact' in issue && issue.exact === true ? 'exactly' : direction
  return [`${key} has ${counted(String(value).length, 'character')}`, `It must have ${exact} ${limit}`]
}

const expectedKinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
}

/** `a list`, `the text `x``: a value in words. */
export function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  if (typeof value === 'string') return `the text \`${show(value)}\``
  return typeof value === 'number' ? `the number ${value}` : `${value}`
}

/** At most 60 characters of a value, on one line. */
function show(value: unknown): string {
  const text = (typeof value === 'string' ? value : JSON.stringify(value)).replaceAll(/\s+/g, ' ')
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}

function missingHint(issue: Issue): string {
  if (issue.code === 'invalid_value') return `Use ${listWords(issue.values.map(String))}`
  if (issue.code === 'invalid_union' && 'options' in issue) {
    return `Use ${listWords((issue.options as readonly unknown[]).map(String))}`
  }
  return 'Add it'
}

/** What a sentence is about: `` `tags` ``, or an entry of it. */
function subject(label: string, path: Path): string {
  const key = path.at(-1)
  if (typeof key === 'number') return `an entry of ${subject(label, path.slice(0, -1))}`
  return `\`${key ?? label}\``
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function problem(checked: Checked, path: Path, at: Place, message: string, hint: string): Problem {
  const whole = pathText(checked.label, path)
  return { ...at, path: whole, message, ...(hint === '' ? {} : { hint }) }
}

/** `dataflows.flights_raw.tags[0]`; a key that is no plain word stands in double quotes. */
export function pathText(label: string, path: Path): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    const word = /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key)
    return text === '' ? word : `${text}.${word}`
  }, label)
}
