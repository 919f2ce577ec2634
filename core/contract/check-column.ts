import { counted } from '../words.ts'
import { isNested, type ScalarType, typeText } from './column-types.ts'
import type { ContractProblem } from './contract-problem.ts'
import { columnTypeProblem, contractType } from './nested-contract.ts'
import { patternProblem } from './patterns.ts'
import { compareValues, valueProblem } from './rule-values.ts'
import type { ColumnContract, MemberContract, RuleValue } from './types.ts'

/** What no schema says about a column of a contract: rules that its type has not, or that contradict each other. */
export function checkColumn(column: ColumnContract): ContractProblem[] {
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

const unordered: readonly string[] = ['string', 'boolean', 'uuid', 'binary', 'json']

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
            : `has ${counted(length, 'character')}, and ${length < min_length ? `min_length is ${min_length}` : `max_length is ${max_length}`}`
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
