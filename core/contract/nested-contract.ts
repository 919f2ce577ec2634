import { TerminalError } from '../errors.ts'
import { type ColumnType, plainTypeNames, type ScalarType, typeNames } from './column-types.ts'
import type { MemberContract } from './types.ts'

/** How deep lists, structs and maps may stand in each other; a list of integers is one level. */
export const nestingLimit = 8

/** Characters of a struct member's name. */
const longestName = 255

interface Problem {
  readonly path: readonly string[]
  readonly message: string
  readonly hint: string
}

type TypeWords = Pick<
  MemberContract,
  'type' | 'precision' | 'scale' | 'items' | 'fields' | 'keys' | 'values' | 'nullable'
>

/**
 * The column type of a contract's column. Throws `TerminalError` `COLUMN_TYPE_UNKNOWN` for a type that is
 * none of {@link typeNames} and `COLUMN_TYPE_INVALID` for what {@link columnTypeProblem} finds else.
 */
export function contractType(column: TypeWords): ColumnType {
  const problem = columnTypeProblem(column)
  if (problem !== undefined) {
    const code = typeNames.includes(column.type) ? 'COLUMN_TYPE_INVALID' : 'COLUMN_TYPE_UNKNOWN'
    throw new TerminalError({
      code,
      fact: problem.message,
      consequence: 'Nothing was read',
      next: problem.hint,
    })
  }
  return typeOf(column)
}

function typeOf(column: TypeWords): ColumnType {
  switch (column.type) {
    case 'decimal':
      return { type: 'decimal', precision: column.precision!, scale: column.scale ?? 0 }
    case 'list':
      return { type: 'list', items: typeOf(column.items!) }
    case 'struct':
      return {
        type: 'struct',
        fields: Object.entries(column.fields!).map(([name, member]) => ({ name, type: typeOf(member) })),
      }
    case 'map':
      return { type: 'map', keys: typeOf(column.keys!) as ScalarType, values: typeOf(column.values!) }
    default:
      return { type: column.type }
  }
}

/** What is wrong with the keys that make a column's type, at which key, and what to write. */
export function columnTypeProblem(column: TypeWords, depth = 0): Problem | undefined {
  const problem = (key: string, message: string, hint: string) => ({ path: [key], message, hint })
  const { type } = column
  if (!typeNames.includes(type))
    return problem('type', `type '${type}' is not known`, `Known: ${typeNames.join(', ')}`)
  const parts = partsOf[type as keyof typeof partsOf] ?? []
  for (const key of ['precision', 'scale', 'items', 'fields', 'keys', 'values'] as const) {
    if (column[key] === undefined || (parts as readonly string[]).includes(key)) continue
    if (type === 'decimal' && (key === 'precision' || key === 'scale')) continue
    const other = key === 'precision' || key === 'scale' ? 'decimal' : wholeOf[key]
    return problem(key, `type ${type} takes no ${key}`, `Remove it, or use type: ${other}`)
  }
  if (type === 'decimal') return decimalProblem(column)
  if ((plainTypeNames as readonly string[]).includes(type)) return undefined
  if (depth >= nestingLimit) {
    const message = `the column is nested more than ${nestingLimit} levels deep`
    return problem('type', message, 'Keep what is deeper as type: json')
  }
  for (const key of parts) {
    if (column[key] === undefined)
      return problem('type', `type ${type} needs ${key}`, `Add it: ${needs[key]}`)
  }
  return membersProblem(column, depth)
}

const partsOf = { list: ['items'], struct: ['fields'], map: ['keys', 'values'] } as const
const wholeOf = { items: 'list', fields: 'struct', keys: 'map', values: 'map' } as const
const needs = {
  items: 'the type and the rules of its items, items: { type: … }',
  fields: 'the members by name, fields: { name: { type: … } }',
  keys: 'the type and the rules of its keys, keys: { type: string }',
  values: 'the type and the rules of its values, values: { type: … }',
} as const

function membersProblem(column: TypeWords, depth: number): Problem | undefined {
  const under = (path: readonly string[], member: TypeWords): Problem | undefined => {
    const found = columnTypeProblem(member, depth + 1)
    return found && { ...found, path: [...path, ...found.path] }
  }
  if (column.fields !== undefined) {
    const names = Object.keys(column.fields)
    if (names.length === 0) {
      return { path: ['fields'], message: 'fields is empty', hint: 'A struct has a member at least' }
    }
    for (const [i, name] of names.entries()) {
      const problem =
        memberNameProblem(name, names.slice(0, i)) ?? under([], column.fields[name] as TypeWords)
      if (problem === undefined) continue
      const path = 'path' in problem ? (problem.path as readonly string[]) : []
      return { ...problem, path: ['fields', name, ...path] }
    }
    return undefined
  }
  if (column.items !== undefined) return under(['items'], column.items)
  return keysProblem(column.keys as TypeWords) ?? under(['values'], column.values as TypeWords)
}

/** Iceberg's map keys are never NULL; floats are none, since equal ones cannot be told from nearly equal ones in text. */
function keysProblem(keys: TypeWords): Problem | undefined {
  const problem = columnTypeProblem(keys)
  if (problem !== undefined) return { ...problem, path: ['keys', ...problem.path] }
  if (['list', 'struct', 'map', 'float', 'double', 'json'].includes(keys.type)) {
    const message = `the keys of a map cannot be of type ${keys.type}`
    return { path: ['keys', 'type'], message, hint: 'Use string, a whole number, a date or another scalar' }
  }
  if (keys.nullable !== true) return undefined
  return {
    path: ['keys', 'nullable'],
    message: 'the keys of a map are never NULL',
    hint: 'Remove nullable from the keys',
  }
}

function decimalProblem({ precision, scale }: TypeWords): Problem | undefined {
  const problem = (key: string, message: string, hint: string) => ({ path: [key], message, hint })
  if (precision === undefined) {
    return problem('type', 'type decimal needs a precision', 'Add it: the number of digits in all, 1 to 38')
  }
  if (!Number.isInteger(precision) || precision < 1 || precision > 38) {
    return problem(
      'precision',
      `precision ${precision} is not a whole number from 1 to 38`,
      'It counts all digits',
    )
  }
  if (scale !== undefined && (!Number.isInteger(scale) || scale < 0)) {
    return problem(
      'scale',
      `scale ${scale} is not a whole number from 0 up`,
      'It counts the digits after the point',
    )
  }
  if ((scale ?? 0) > precision) {
    return problem(
      'scale',
      `scale ${scale} is greater than precision ${precision}`,
      'precision counts the digits after the point, too',
    )
  }
  return undefined
}

/**
 * What is wrong with the name of a struct's member. Members are told apart by their exact names, but engines that read
 * the table may not tell case apart, and Hive's type strings (Glue) end a name at `:`, `,` and `>`.
 */
export function memberNameProblem(
  name: string,
  before: readonly string[],
): { readonly message: string; readonly hint: string } | undefined {
  const hint = 'Use letters, digits, _ and -, beginning with a letter or _'
  if (!/^[\p{L}_][\p{L}\p{M}\p{N}_-]*$/u.test(name) || name.length > longestName)
    return { message: `the struct member ${JSON.stringify(name)} cannot have this name`, hint }
  if (name.toLowerCase() === '__duckdb_field_id')
    return { message: `${name} is a name of the engine’s own`, hint: 'Choose another name' }
  const other = before.find((each) => each.toLowerCase() === name.toLowerCase())
  if (other === undefined) return undefined
  return { message: `the struct has ${other} and ${name}`, hint: 'Keep one: readers may not tell case apart' }
}

/** Places of a nested column as messages and reasons name them: `items[].price`, `labels{value}`. */
export const place = {
  item: (path: string) => `${path}[]`,
  member: (path: string, name: string) => `${path}.${name}`,
  key: (path: string) => `${path}{key}`,
  value: (path: string) => `${path}{value}`,
}
