import { type ColumnType, type ScalarType, scalarOf, typeText } from './column-types.ts'
import type { ContractProblem } from './contract-problem.ts'
import { acceptsText } from './grammar.ts'
import type { RuleValue } from './types.ts'

/** Why a value that a rule gives, such as a bound, is none of the type that it judges. */
export function valueProblem(type: ScalarType, value: RuleValue): Omit<ContractProblem, 'path'> | undefined {
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
