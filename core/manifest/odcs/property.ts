import type { Located } from '../located.ts'
import { type Column, tell } from './column.ts'
import { readNested } from './nested.ts'
import { readType } from './property-type.ts'
import { readColumnQuality } from './quality.ts'
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
import { readRelationships, type Targets } from './relationships.ts'
import { propertyKeys } from './words.ts'

/** A column, and where it stands in the primary key. */
export interface Property {
  readonly column: Column
  /** The property's `name`, which other parts of the file refer to. */
  readonly logicalName: string
  /** Absent outside of the primary key; without a value where the file gives no position. */
  readonly key?: Said<number | undefined>
}

/** Reads one property; `undefined` where not even its name can be told. */
export function readProperty(
  reading: Reading,
  node: Located,
  schema: string,
  targets: Targets,
): Property | undefined {
  const path = `schema.${schema}.properties.${nameOf(node)}`
  const part = readPart(reading, node, path, propertyKeys, 'a property')
  if (part === undefined) return undefined
  const logicalName = saidText(reading, part, 'name')
  if (logicalName === undefined) {
    if (!part.entries.has('name')) refuse(reading, part, 'a property has no `name`', 'Add it')
    return undefined
  }
  const physicalName = saidText(reading, part, 'physicalName')
  const name = physicalName?.value ?? logicalName.value
  const column: Column = { name, part, keys: new Map(), nested: new Map() }
  if (physicalName !== undefined) note(reading, logicalName, 'nothing: data go by the physicalName')
  note(reading, physicalName ?? logicalName, `columns.${name}`)
  readType(reading, column)
  readNested(reading, column)
  const description = saidDescription(reading, part)
  if (description !== undefined) tell(reading, column, 'description', description, description.value)
  tellFlag(reading, column, 'required', 'nullable', false)
  tellFlag(reading, column, 'unique', 'unique', true)
  readColumnQuality(reading, column)
  readRelationships(reading, part, targets, { schema, column: name })
  const key = readPrimaryKey(reading, column)
  return { column, logicalName: logicalName.value, ...(key === undefined ? {} : { key }) }
}

function nameOf(node: Located): string {
  const value = node.kind === 'map' ? node.entries.get('name')?.value : undefined
  return value?.kind === 'scalar' && typeof value.value === 'string' ? value.value : '?'
}

/** The standard's own examples have empty descriptions. */
function saidDescription(reading: Reading, part: Part): Said<string> | undefined {
  const node = part.entries.get('description')?.value
  if (node?.kind === 'scalar' && node.value === null) return undefined
  return saidText(reading, part, 'description')
}

function tellFlag(reading: Reading, column: Column, key: string, to: string, value: boolean): void {
  const flag = saidFlag(reading, column.part, key)
  if (flag === undefined) return
  if (flag.value) tell(reading, column, to, flag, value)
  else note(reading, flag, 'as it is without')
}

function readPrimaryKey(reading: Reading, column: Column): Said<number | undefined> | undefined {
  const isKey = saidFlag(reading, column.part, 'primaryKey')
  const position = saidNumber(reading, column.part, 'primaryKeyPosition')
  const isPlaced = position !== undefined && position.value !== -1
  if (isKey?.value !== true) {
    if (isKey !== undefined) note(reading, isKey, 'as it is without')
    if (isPlaced) {
      const message = '`primaryKeyPosition` without `primaryKey: true`'
      refuse(reading, position, message, 'Add primaryKey: true, or take the position out')
    } else if (position !== undefined) note(reading, position, 'as it is without')
    return undefined
  }
  // Stricter than an explicit `required: false`: no column of a primary key is ever NULL.
  tell(reading, column, 'nullable', isKey, false)
  if (!isPlaced) return { ...isKey, value: undefined }
  if (!Number.isInteger(position.value) || position.value < 1) {
    refuse(reading, position, `a primary key has no position ${position.value}`, 'Count from 1')
  }
  return { ...position }
}
