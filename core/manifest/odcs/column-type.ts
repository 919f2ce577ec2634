import type { PlainTypeName } from '../../contract/column-types.ts'
import type { ColumnContract } from '../../contract/types.ts'

/** What a property says about its type. */
export interface TypeWords {
  readonly logicalType: string | undefined
  readonly physicalType: string | undefined
  /** Of `logicalTypeOptions`. */
  readonly format: string | undefined
  readonly timezone: boolean | undefined
}

export type TypeKey = 'logicalType' | 'physicalType' | 'format' | 'timezone'

export type FoundType =
  | {
      readonly type: Pick<ColumnContract, 'type' | 'precision' | 'scale'>
      /** Of an unsigned type: bounds inside of the type's own. */
      readonly min?: number
      readonly max?: number | string
      /** Which key decided. */
      readonly by: TypeKey
      /** What decided is the standard's own default. */
      readonly isDefault?: true
    }
  | {
      /** The key that is at fault. */
      readonly key: TypeKey
      readonly message: string
      readonly hint: string
    }

interface Physical {
  readonly kind: 'string' | 'number' | 'other'
  readonly type: Pick<ColumnContract, 'type' | 'precision' | 'scale'>
}

const plain: Readonly<Record<string, PlainTypeName>> = {
  boolean: 'boolean',
  bool: 'boolean',
  tinyint: 'tinyint',
  smallint: 'smallint',
  int2: 'smallint',
  int16: 'smallint',
  int: 'integer',
  integer: 'integer',
  int4: 'integer',
  int32: 'integer',
  bigint: 'bigint',
  long: 'bigint',
  int64: 'bigint',
  real: 'float',
  float4: 'float',
  float32: 'float',
  double: 'double',
  'double precision': 'double',
  float8: 'double',
  float64: 'double',
  date: 'date',
  time: 'time',
  'time without time zone': 'time',
  'timestamp without time zone': 'timestamp',
  timestamp_ntz: 'timestamp',
  datetime: 'timestamp',
  datetime2: 'timestamp',
  'timestamp with time zone': 'timestamp_tz',
  timestamptz: 'timestamp_tz',
  timestamp_tz: 'timestamp_tz',
  uuid: 'uuid',
  uniqueidentifier: 'uuid',
  json: 'json',
  jsonb: 'json',
}

const texts =
  /^(string|text|(tiny|medium|long|n)text|n?clob|(n|bp)?char|character( varying)?|n?varchar2?|nchar varying)$/
const numbers: readonly string[] = ['tinyint', 'smallint', 'integer', 'bigint', 'float', 'double']

/** Most characters of a text type such as `varchar(18)`. */
export function textLength(text: string): number | undefined {
  const match = /^([a-z][a-z0-9 ]*?) *\( *(\d+) *(?:char|byte)? *\)$/i.exec(text.trim().toLowerCase())
  return match !== null && texts.test(match[1] as string) ? Number(match[2]) : undefined
}

/** `undefined` for a type that is not one and the same in the databases that have one of that name. */
export function physicalOf(text: string): Physical | undefined {
  const match = /^([a-z][a-z0-9_ ]*?) *(?:\( *(\d+|max) *(?:, *(\d+) *)?\))?( with(?:out)? time zone)?$/.exec(
    text.trim().toLowerCase().replaceAll(/\s+/g, ' '),
  )
  if (match === null) return undefined
  const [, base = '', first, second, zone = ''] = match
  const name = `${base}${zone}`
  if (texts.test(name) && second === undefined) return { kind: 'string', type: { type: 'string' } }
  if (/^(decimal|numeric|dec|number)$/.test(name) && first !== undefined && first !== 'max') {
    const type = { type: 'decimal', precision: Number(first), scale: Number(second ?? 0) } as const
    return { kind: 'number', type }
  }
  if (!Object.hasOwn(plain, name) || second !== undefined) return undefined
  // A display width or a precision of fractions of seconds narrows nothing that a contract could say.
  const type = plain[name] as PlainTypeName
  return { kind: numbers.includes(type) ? 'number' : 'other', type: { type } }
}

const integerFormats: Readonly<Record<string, { type: PlainTypeName; min?: number; max?: number }>> = {
  i8: { type: 'tinyint' },
  i16: { type: 'smallint' },
  i32: { type: 'integer' },
  i64: { type: 'bigint' },
  u8: { type: 'smallint', min: 0, max: 255 },
  u16: { type: 'integer', min: 0, max: 65_535 },
  u32: { type: 'bigint', min: 0, max: 4_294_967_295 },
}

/** `logicalTypeOptions.format` decides, then `physicalType`, then the standard's own default. */
export function columnTypeOf(words: TypeWords): FoundType {
  const { logicalType, physicalType } = words
  const physical = physicalType === undefined ? undefined : physicalOf(physicalType)
  switch (logicalType) {
    case undefined:
      return physicalAlone(physicalType, physical)
    case 'string':
      return stringType(words.format, physicalType, physical)
    case 'boolean':
      return { type: { type: 'boolean' }, by: 'logicalType' }
    case 'integer':
      return integerType(words.format, physicalType, physical)
    case 'number':
      return numberType(words.format, physicalType, physical)
    case 'date':
      return dateType(words.format)
    case 'timestamp':
      return timestampType(words, physical)
    case 'time':
      return timeType(words)
    case 'object':
    case 'array':
      if (physical?.type.type === 'json') return { type: { type: 'json' }, by: 'physicalType' }
      return { type: { type: logicalType === 'array' ? 'list' : 'struct' }, by: 'logicalType' }
    default:
      return fault(
        'logicalType',
        `the standard has no logicalType \`${logicalType}\` in version 3.1`,
        'Use string, date, timestamp, time, number, integer, object, array or boolean',
      )
  }
}

function fault(key: TypeKey, message: string, hint: string): FoundType {
  return { key, message, hint }
}

function physicalAlone(text: string | undefined, physical: Physical | undefined): FoundType {
  if (physical !== undefined) return { type: physical.type, by: 'physicalType' }
  if (text === undefined) return fault('logicalType', 'the property says no type', 'Add logicalType')
  const message = `physicalType \`${text}\` alone does not tell what a value is`
  return fault('physicalType', message, 'Add logicalType, and its logicalTypeOptions')
}

function stringType(
  format: string | undefined,
  physicalType: string | undefined,
  physical: Physical | undefined,
): FoundType {
  if (format === 'uuid') return { type: { type: 'uuid' }, by: 'format' }
  if (format !== undefined && format !== 'password') {
    const message = `format \`${format}\` of a string is not judged`
    return fault('format', message, 'Write it as a pattern, or take it out')
  }
  if (physical?.type.type === 'uuid' || physical?.type.type === 'json') {
    return { type: physical.type, by: 'physicalType' }
  }
  if (/^(var)?binary|^bytea|blob$|^bytes$|^raw/i.test(physicalType?.trim() ?? '')) {
    const message = `physicalType \`${physicalType}\` does not tell how its bytes are written as text`
    return fault('physicalType', message, 'Take the type out where the column holds text')
  }
  return { type: { type: 'string' }, by: 'logicalType' }
}

function integerType(
  format: string | undefined,
  physicalType: string | undefined,
  physical: Physical | undefined,
): FoundType {
  if (format !== undefined) {
    if (format === 'u64') {
      const type = { type: 'decimal', precision: 20, scale: 0 } as const
      return { type, min: 0, max: '18446744073709551615', by: 'format' }
    }
    const known = Object.hasOwn(integerFormats, format) ? integerFormats[format] : undefined
    if (known === undefined) {
      const message = `no column type holds an integer of format \`${format}\``
      return fault('format', message, `Use ${[...Object.keys(integerFormats), 'u64'].join(', ')}`)
    }
    const { type, ...range } = known
    return { type: { type }, ...range, by: 'format' }
  }
  if (physical?.kind === 'number' && (physical.type.scale ?? 0) === 0) {
    if (physical.type.type !== 'float' && physical.type.type !== 'double')
      return { type: physical.type, by: 'physicalType' }
  }
  if (physicalType === undefined || physical?.kind === 'string') {
    return { type: { type: 'integer' }, by: 'logicalType', isDefault: true }
  }
  const message = `physicalType \`${physicalType}\` does not tell how large the integer may be`
  return fault('physicalType', message, 'Add logicalTypeOptions.format: i64, or i32, …')
}

function numberType(
  format: string | undefined,
  physicalType: string | undefined,
  physical: Physical | undefined,
): FoundType {
  if (format !== undefined) {
    if (format !== 'f32' && format !== 'f64') {
      return fault('format', `\`${format}\` is not a format of a number`, 'Use f32 or f64')
    }
    if (physical?.type.type === 'decimal') {
      const message = `format \`${format}\` is a floating number, and physicalType \`${physicalType}\` is not`
      return fault('format', message, 'Keep one of the two')
    }
    return { type: { type: format === 'f32' ? 'float' : 'double' }, by: 'format' }
  }
  if (physical?.kind === 'number') return { type: physical.type, by: 'physicalType' }
  const message =
    physicalType === undefined
      ? 'the property does not tell which numbers it holds'
      : `physicalType \`${physicalType}\` does not tell which numbers the property holds`
  const hint = 'Add physicalType: decimal(18,2) for exact ones, or logicalTypeOptions.format: f64'
  return fault(physicalType === undefined ? 'logicalType' : 'physicalType', message, hint)
}

const dateFormat = /^(yyyy|uuuu)-MM-dd$/
const timeFormat = /^HH:mm(:ss(\.S{1,6})?)?$/
const timestampFormat = /^(yyyy|uuuu)-MM-dd(T|'T'| )HH:mm(:ss(\.S{1,6})?)?(?<zone>Z|'Z'|XXX|xxx)?$/

function unreadableFormat(format: string, example: string): FoundType {
  const message = `values of format \`${format}\` are not read`
  return fault('format', message, `Deliver them like ${example}, and say so here`)
}

function dateType(format: string | undefined): FoundType {
  if (format !== undefined && !dateFormat.test(format)) return unreadableFormat(format, 'yyyy-MM-dd')
  return { type: { type: 'date' }, by: 'logicalType' }
}

function timeType({ format, timezone }: TypeWords): FoundType {
  if (timezone === true)
    return fault('timezone', 'no column type holds a time of day with a time zone', 'Use a timestamp')
  if (format !== undefined && !timeFormat.test(format)) return unreadableFormat(format, 'HH:mm:ss')
  return { type: { type: 'time' }, by: 'logicalType' }
}

function timestampType(
  { format, timezone, physicalType }: TypeWords,
  physical: Physical | undefined,
): FoundType {
  const match = format === undefined ? undefined : timestampFormat.exec(format)
  if (match === null) return unreadableFormat(format!, 'yyyy-MM-dd HH:mm:ss or yyyy-MM-ddTHH:mm:ssXXX')
  const hasZone = match === undefined ? undefined : match.groups?.zone !== undefined
  if (timezone !== undefined && hasZone !== undefined && timezone !== hasZone) {
    const message = `timezone is ${timezone}, and format \`${format}\` has ${hasZone ? 'one' : 'none'}`
    return fault('timezone', message, 'Correct one of the two')
  }
  const told = timezone ?? hasZone
  if (told !== undefined) {
    return {
      type: { type: told ? 'timestamp_tz' : 'timestamp' },
      by: timezone === undefined ? 'format' : 'timezone',
    }
  }
  if (physical?.type.type === 'timestamp' || physical?.type.type === 'timestamp_tz') {
    return { type: physical.type, by: 'physicalType' }
  }
  const message = `nothing tells whether the timestamp has a time zone${physicalType === undefined ? '' : `, which \`${physicalType}\` has in some databases`}`
  return fault('logicalType', message, 'Add logicalTypeOptions.timezone: true or false')
}
