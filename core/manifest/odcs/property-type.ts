import type { ColumnType } from '../../contract/column-types.ts'
import { contractType } from '../../contract/nested-contract.ts'
import { compareValues } from '../../contract/rule-values.ts'
import type { RuleValue } from '../../contract/types.ts'
import { boundKeys, inclusiveBound } from './bounds.ts'
import { type Column, tell, tellPattern } from './column.ts'
import { columnTypeOf, textLength } from './column-type.ts'
import {
  note,
  type Part,
  type Reading,
  readPart,
  refuse,
  type Said,
  saidFlag,
  saidNumber,
  saidText,
} from './reading.ts'
import { optionKeys } from './words.ts'

/** The type of a column, and the bounds and the pattern that stand with it under `logicalTypeOptions`. */
export function readType(reading: Reading, column: Column): void {
  const { part } = column
  const logicalType = saidText(reading, part, 'logicalType')
  const physicalType = saidText(reading, part, 'physicalType')
  const options = readOptions(reading, part, logicalType?.value)
  const format = options && saidText(reading, options, 'format')
  const timezone = options && saidFlag(reading, options, 'timezone')
  const found = columnTypeOf({
    logicalType: logicalType?.value,
    physicalType: physicalType?.value,
    format: format?.value,
    timezone: timezone?.value,
  })
  if ('message' in found) {
    const from = { logicalType, physicalType, format, timezone }[found.key]
    refuse(reading, from ?? part, found.message, found.hint)
    return
  }
  const said = { logicalType, physicalType, format, timezone }
  const decisive = said[found.by] ?? (logicalType as Said<unknown>)
  for (const [key, value] of Object.entries(found.type)) column.keys.set(key, { ...decisive, value })
  for (const [word, from] of Object.entries(said)) {
    if (from === undefined) continue
    const isDecisive = from === decisive
    const text = Object.entries(found.type).map(([key, value]) => `${key}: ${value}`)
    note(
      reading,
      from,
      isDecisive ? `columns.${column.name}.${text.join(', ')}` : `nothing: ${found.by} has told the type`,
    )
    if (isDecisive && word === 'logicalType' && found.isDefault === true) {
      note(reading, from, 'the integers are those of 32 bits, which is the default of the standard')
    }
  }
  // Of lists and structs every option is refused by name.
  if (options === undefined || found.type.type === 'list' || found.type.type === 'struct') {
    tellLengths(reading, column, undefined, physicalType)
    return
  }
  readBounds(reading, column, options, contractType(found.type), found)
  const pattern = saidText(reading, options, 'pattern')
  if (pattern !== undefined) tellPattern(reading, column, pattern)
  tellLengths(reading, column, options, physicalType)
  readDefaultTimezone(reading, options, found.type.type === 'timestamp_tz')
}

function readOptions(reading: Reading, part: Part, logicalType: string | undefined): Part | undefined {
  const entry = part.entries.get('logicalTypeOptions')
  if (entry === undefined) return undefined
  const path = `${part.path}.logicalTypeOptions`
  if (logicalType === undefined) {
    const message = '`logicalTypeOptions` without `logicalType` say nothing'
    refuse(reading, { at: entry.keyAt, path }, message, 'Add logicalType')
    return undefined
  }
  // An unknown logicalType is reported where the type is read.
  if (!Object.hasOwn(optionKeys, logicalType)) return undefined
  const what = `logicalTypeOptions of logicalType ${logicalType}`
  return readPart(reading, entry.value, path, optionKeys[logicalType]!, what)
}

/** A `varchar(18)` holds no more than 18 characters; of two limits the stricter one holds. */
function tellLengths(
  reading: Reading,
  column: Column,
  options: Part | undefined,
  physicalType: Said<string> | undefined,
): void {
  const isString = column.keys.get('type')?.value === 'string'
  const shortest = options && isString ? saidNumber(reading, options, 'minLength') : undefined
  if (shortest !== undefined) tell(reading, column, 'min_length', shortest, shortest.value)
  const longest = options && isString ? saidNumber(reading, options, 'maxLength') : undefined
  const declared = isString && physicalType !== undefined ? textLength(physicalType.value) : undefined
  if (longest !== undefined && (declared === undefined || longest.value <= declared)) {
    tell(reading, column, 'max_length', longest, longest.value)
  } else if (declared !== undefined) {
    tell(reading, column, 'max_length', physicalType as Said<string>, declared)
    if (longest !== undefined) note(reading, longest, 'nothing: the physicalType is shorter')
  }
  if (options === undefined || isString) return
  for (const key of ['minLength', 'maxLength']) {
    const said = saidNumber(reading, options, key)
    if (said === undefined) continue
    const message = `\`${key}\` of a column of type ${column.keys.get('type')?.value} is not judged`
    refuse(reading, said, message, 'Take it out')
  }
}

function readDefaultTimezone(reading: Reading, options: Part, hasZone: boolean): void {
  const said = saidText(reading, options, 'defaultTimezone')
  if (said === undefined) return
  if (hasZone) {
    note(reading, said, 'nothing: every value must have its own time zone')
    return
  }
  const message = '`defaultTimezone` is for values with a time zone, and these have none'
  refuse(reading, said, message, 'Take it out, or add timezone: true')
}

interface Bound {
  readonly value: RuleValue
  readonly from: Said<unknown>
}

/** `implied`: the bounds of an unsigned type. Of two bounds on one side the stricter one holds. */
function readBounds(
  reading: Reading,
  column: Column,
  options: Part,
  type: ColumnType,
  implied: { readonly min?: RuleValue; readonly max?: RuleValue },
): void {
  const best = new Map<'min' | 'max', Bound>()
  for (const key of ['min', 'max'] as const) {
    const value = implied[key]
    if (value !== undefined) best.set(key, { value, from: column.keys.get('type')! })
  }
  for (const word of boundKeys) {
    const isTemporal = ['date', 'time', 'timestamp', 'timestamp_tz'].includes(type.type)
    const said = isTemporal ? saidText(reading, options, word) : saidNumber(reading, options, word)
    if (said === undefined) continue
    const value = inclusiveBound(type, word, said.value)
    const key = word.endsWith('inimum') ? 'min' : 'max'
    if (value === 'inexact') {
      const message = `\`${word}\` of a floating number has no inclusive bound of the same meaning`
      refuse(reading, said, message, `Use ${key}imum, or an exact type: physicalType: decimal(18,2)`)
    } else if (value === undefined) {
      const message = `\`${word}: ${said.value}\` bounds no value of type ${type.type}`
      refuse(reading, said, message, 'docs/contracts.md has the spellings of each type')
    } else {
      note(reading, said, `columns.${column.name}.${key}: ${JSON.stringify(value)}`)
      const before = best.get(key)
      if (before === undefined || isStricter(type, key, value, before.value))
        best.set(key, { value, from: said })
    }
  }
  for (const [key, { value, from }] of best) column.keys.set(key, { ...from, value })
}

function isStricter(type: ColumnType, key: 'min' | 'max', value: RuleValue, than: RuleValue): boolean {
  const difference = compareValues(type, value, than)
  return key === 'min' ? difference > 0 : difference < 0
}
