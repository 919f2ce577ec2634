import type { Engine } from '../engine/engine.ts'
import type { ColumnType, ScalarType } from './column-types.ts'
import { isNested, scalarOf, typeText } from './column-types.ts'
import { acceptsText } from './grammar.ts'
import { columnTypeProblem, contractType } from './nested-contract.ts'
import { patternError } from './pattern-error.ts'
import type { ColumnContract, ContractSpec, MemberContract, RowRule, RuleValue } from './types.ts'

/** A mistake in a contract; `path` leads to its place: `['columns', 'delay', 'min']`, `['rules', 0, 'name']`. */
export interface ContractProblem {
  readonly path: readonly (string | number)[]
  /** What is wrong. */
  readonly message: string
  /** What to write instead. */
  readonly hint: string
}

/** What no schema of keys and kinds can say about a contract. Empty: nothing is wrong. Reads nothing. */
export function checkContract(spec: ContractSpec): ContractProblem[] {
  const problems: ContractProblem[] = []
  for (const [name, column] of Object.entries(spec.columns)) {
    for (const { path, ...rest } of [...checkColumn(column), ...checkSeverity(spec, column)])
      problems.push({ path: ['columns', name, ...path], ...rest })
  }
  problems.push(...checkRules(spec))
  const { max_rows, max_ratio } = spec.quarantine ?? {}
  if (max_rows !== undefined && (!Number.isSafeInteger(max_rows) || max_rows < 0)) {
    problems.push({
      path: ['quarantine', 'max_rows'],
      message: `max_rows ${max_rows} is not a whole number from 0 up`,
      hint: 'Give the number of rejected rows that are still all right',
    })
  }
  if (max_ratio !== undefined && !(max_ratio >= 0 && max_ratio <= 1)) {
    problems.push({
      path: ['quarantine', 'max_ratio'],
      message: `max_ratio ${max_ratio} is not between 0 and 1`,
      hint: 'Give a share: 0.01 is one row in a hundred',
    })
  }
  return problems
}

/** Their expressions are the engine's to check, once the load's columns are known (row-rules.ts). */
function checkRules(spec: ContractSpec): ContractProblem[] {
  const { rules = [] } = spec
  return rules.flatMap((rule, i) => {
    const problems: ContractProblem[] = checkSeverity(spec, rule)
    if (rules.findIndex(({ name }) => name === rule.name) !== i) {
      const message = `the name ${rule.name} is taken by another rule of this contract`
      problems.push({
        path: ['name'],
        message,
        hint: 'Counts and reasons are told by name: choose another one',
      })
    }
    return problems.map(({ path, ...rest }) => ({ path: ['rules', i, ...path], ...rest }))
  })
}

/** Under `warn` nothing that a rule says is an error; a severity that says otherwise would be ignored. */
function checkSeverity(
  { enforcement }: ContractSpec,
  { severity }: Pick<ColumnContract | RowRule, 'severity'>,
): ContractProblem[] {
  if (enforcement !== 'warn' || severity !== 'error') return []
  const message = 'severity: error has no meaning with enforcement: warn'
  return [{ path: ['severity'], message, hint: 'Remove it, or use another enforcement with severity: warn' }]
}

const unordered: readonly string[] = ['string', 'boolean', 'uuid', 'binary', 'json']

function checkColumn(column: ColumnContract): ContractProblem[] {
  const typeProblem = columnTypeProblem(column)
  if (typeProblem !== undefined) return [typeProblem]
  const problems = checkMember(column)
  if (column.unique === true && isNested(contractType(column))) {
    const message = `unique does not apply to type ${column.type}`
    problems.push({ path: ['unique'], message, hint: 'It compares single values: remove it' })
  }
  return problems
}

/** `column`'s type is a right one, with all that is nested in it. */
function checkMember(column: MemberContract): ContractProblem[] {
  const type = contractType(column)
  return isNested(type) ? checkNested(column) : checkScalar(column, type)
}

function checkNested(column: MemberContract): ContractProblem[] {
  const { type, fields = {}, items, keys } = column
  const problems: ContractProblem[] = []
  const values = ['min', 'max', 'min_length', 'max_length', 'pattern', 'accepted_values'] as const
  for (const key of values) {
    if (column[key] === undefined) continue
    const hint = 'It judges single values: move it to what is nested here, or remove it'
    problems.push({ path: [key], message: `${key} does not apply to type ${type}`, hint })
  }
  const under = (path: readonly string[], member: MemberContract | undefined) => {
    if (member === undefined) return
    for (const problem of checkMember(member)) problems.push({ ...problem, path: [...path, ...problem.path] })
  }
  if (column.severity !== undefined && column.nullable !== false) {
    const hint = 'Give it to what is nested here, or remove it'
    problems.push({ path: ['severity'], message: 'severity has no rule of this place to apply to', hint })
  }
  under(['items'], items)
  for (const [name, member] of Object.entries(fields)) under(['fields', name], member)
  under(['keys'], keys)
  under(['values'], column.values)
  return problems
}

function checkScalar(column: MemberContract, type: ScalarType): ContractProblem[] {
  const problems: ContractProblem[] = []
  const add = (key: string, message: string, hint: string) => problems.push({ path: [key], message, hint })
  const judge = (key: string, what: string, value: RuleValue) => {
    const problem = valueProblem(type, value)
    if (problem !== undefined) add(key, `${what} ${problem.message}`, problem.hint)
  }
  const { min, max, pattern, accepted_values } = column

  for (const key of ['min', 'max'] as const) {
    const value = column[key]
    if (value === undefined) continue
    if (!unordered.includes(type.type)) judge(key, key, value)
    else
      add(
        key,
        `${key} does not apply to type ${type.type}`,
        'It bounds numbers, dates, times and timestamps: remove it',
      )
  }
  if (problems.length === 0 && min !== undefined && max !== undefined && compareValues(type, min, max) > 0) {
    add('min', `min ${min} is greater than max ${max}`, 'Every value would be rejected: swap them')
  }
  problems.push(...checkLengths(column, type))
  if (pattern !== undefined) {
    if (type.type !== 'string')
      add('pattern', `pattern does not apply to type ${typeText(type)}`, 'It judges strings: remove it')
    const problem = patternProblem(pattern)
    if (problem !== undefined)
      add('pattern', problem, 'RE2 does not do that, so that matching stays linear: write it without')
  }
  if (accepted_values?.length === 0) {
    add(
      'accepted_values',
      'accepted_values is empty',
      'Every value would be rejected: list one, or leave the key out',
    )
  }
  for (const value of accepted_values ?? []) {
    if (value !== null) judge('accepted_values', 'accepted value', value)
    else if (column.nullable === false) {
      const message = 'null is an accepted value, and nullable: false refuses it'
      add('accepted_values', message, 'Take one of the two out')
    }
  }
  if (problems.length === 0) problems.push(...checkAccepted(column, type))
  if (column.severity !== undefined && !hasValueRule(column)) {
    const hint = 'Its type and unique are always errors: remove it, or add a rule'
    add('severity', 'severity has no rule of this column to apply to', hint)
  }
  return problems
}

/** An accepted value that another rule of the column refuses; all rules are right by themselves. */
function checkAccepted(column: MemberContract, type: ScalarType): ContractProblem[] {
  const { min, max, min_length = 0, max_length = Number.POSITIVE_INFINITY } = column
  return (column.accepted_values ?? []).flatMap((value) => {
    if (value === null) return []
    const length = [...String(value)].length
    const why =
      min !== undefined && compareValues(type, value, min) < 0
        ? `is less than min ${min}`
        : max !== undefined && compareValues(type, value, max) > 0
          ? `is greater than max ${max}`
          : type.type !== 'string' || (length >= min_length && length <= max_length)
            ? undefined
            : `has ${length} characters, and ${length < min_length ? `min_length is ${min_length}` : `max_length is ${max_length}`}`
    if (why === undefined) return []
    const message = `accepted value ${JSON.stringify(value)} ${why}`
    return [
      { path: ['accepted_values'], message, hint: 'No row can have it: take it out, or change the limit' },
    ]
  })
}

function checkLengths({ min_length, max_length }: MemberContract, type: ScalarType): ContractProblem[] {
  const problems: ContractProblem[] = []
  const add = (key: string, message: string, hint: string) => problems.push({ path: [key], message, hint })
  for (const [key, length] of Object.entries({ min_length, max_length })) {
    if (length === undefined) continue
    if (type.type !== 'string')
      add(key, `${key} does not apply to type ${typeText(type)}`, 'It judges strings: remove it')
    else if (!Number.isSafeInteger(length) || length < 0)
      add(key, `${key} ${length} is not a whole number from 0 up`, 'It counts characters')
  }
  if (problems.length === 0 && (min_length ?? 0) > (max_length ?? Number.POSITIVE_INFINITY)) {
    const message = `min_length ${min_length} is greater than max_length ${max_length}`
    add('min_length', message, 'Every value would be rejected: swap them')
  }
  return problems
}

/** Whether a value can break a rule of the column besides its type. */
function hasValueRule(column: MemberContract): boolean {
  const { nullable, min, max, min_length, max_length, pattern, accepted_values } = column
  return (
    nullable === false ||
    [min, max, min_length, max_length, pattern, accepted_values].some((rule) => rule !== undefined)
  )
}

function valueProblem(type: ScalarType, value: RuleValue): Omit<ContractProblem, 'path'> | undefined {
  const quoted = JSON.stringify(value)
  if (type.type === 'string') {
    return typeof value === 'string'
      ? undefined
      : { message: `${quoted} is not a string`, hint: 'Write it in quotes' }
  }
  const isValue = typeof value === 'boolean' ? type.type === 'boolean' : acceptsText(type, String(value))
  if (isValue) return undefined
  const isRounded = typeof value === 'number' && /e/.test(String(value))
  const hint = isRounded ? 'Write its digits in quotes' : 'docs/contracts.md has the spellings of each type'
  return { message: `${quoted} is not a value of type ${typeText(type)}`, hint }
}

/** Both are values of `type`. */
export function compareValues(columnType: ColumnType, a: RuleValue, b: RuleValue): number {
  const type = scalarOf(columnType)
  const [left, right] = [String(a), String(b)]
  switch (type.type) {
    case 'float':
    case 'double':
      return Number(left) - Number(right)
    case 'date':
      return left < right ? -1 : left > right ? 1 : 0
    case 'time':
      return sign(microseconds(`1970-01-01T${left}`) - microseconds(`1970-01-01T${right}`))
    case 'timestamp':
    case 'timestamp_tz':
      return sign(microseconds(left) - microseconds(right))
    default:
      return sign(scaled(left) - scaled(right))
  }
}

const sign = (n: bigint) => (n < 0n ? -1 : n > 0n ? 1 : 0)

/** An integer or decimal text times 10^38. */
function scaled(text: string): bigint {
  const [, minus, whole, fraction = ''] = /^(?:\+|(-))?(\d+)(?:\.(\d+))?$/.exec(text)!
  const value = BigInt(whole! + fraction.padEnd(38, '0'))
  return minus ? -value : value
}

function microseconds(text: string): bigint {
  const [, date, minute, second = '00', fraction = '', zone = 'Z'] =
    /^(.{10}).(.{5})(?::(\d\d))?(?:\.(\d+))?(.*)$/.exec(text)!
  const millis = Date.parse(`${date}T${minute}:${second}${zone === '' ? 'Z' : zone}`)
  return BigInt(millis) * 1000n + BigInt(fraction.padEnd(6, '0'))
}

/** What RE2 knows not, so that matching stays linear in time; the rest is left to {@link verifyPatterns}. */
export function patternProblem(pattern: string): string | undefined {
  const plain = pattern.replace(/\\[\\[\]]/g, '').replace(/\[\^?\]?[^\]]*\]/g, '[]')
  const refused: readonly (readonly [RegExp, string])[] = [
    [/\(\?<?[=!]/, 'looks around'],
    [/\\[1-9]|\\k</, 'refers back to a group'],
    [/\(\?>/, 'has an atomic group'],
    [/[*+?}]\+/, 'has a possessive quantifier'],
  ]
  for (const [syntax, what] of refused) {
    if (syntax.test(plain)) return `pattern ${pattern} ${what}`
  }
  return undefined
}

/** Lets the engine compile each pattern; one statement a pattern. */
export async function verifyPatterns(engine: Engine, spec: ContractSpec): Promise<ContractProblem[]> {
  const problems: ContractProblem[] = []
  for (const { path, pattern } of patternsOf(spec)) {
    const message = await patternError(engine, pattern)
    if (message !== undefined) problems.push({ path, message, hint: patternHint })
  }
  return problems
}

export const patternHint = 'Correct it: patterns are RE2, matched against the whole value'

/** Of the columns and of all that is nested in them. */
export function patternsOf(
  spec: Pick<ContractSpec, 'columns'>,
): { readonly path: readonly string[]; readonly pattern: string }[] {
  const found: { path: readonly string[]; pattern: string }[] = []
  const visit = (path: readonly string[], member: MemberContract | undefined) => {
    if (member === undefined) return
    if (member.pattern !== undefined) found.push({ path: [...path, 'pattern'], pattern: member.pattern })
    for (const key of ['items', 'keys', 'values'] as const) visit([...path, key], member[key])
    for (const [name, each] of Object.entries(member.fields ?? {})) visit([...path, 'fields', name], each)
  }
  for (const [name, column] of Object.entries(spec.columns)) visit(['columns', name], column)
  return found
}
