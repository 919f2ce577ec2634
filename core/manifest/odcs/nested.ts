import type { Located, LocatedMap } from '../located.ts'
import { type Column, columnTree, tell } from './column.ts'
import { readType } from './property-type.ts'
import {
  locatedMap,
  note,
  type Part,
  type Reading,
  readPart,
  refuse,
  saidFlag,
  saidList,
  saidText,
} from './reading.ts'
import { propertyKeys } from './words.ts'

/** An array's `items` and an object's `properties`: a list and a struct, whose places have types and rules themselves. */
export function readNested(reading: Reading, column: Column): void {
  const { part, keys, nested } = column
  const type = keys.get('type')?.value
  for (const [key, wanted, logical] of [
    ['items', 'list', 'array'],
    ['properties', 'struct', 'object'],
  ] as const) {
    const entry = part.entries.get(key)
    if (entry === undefined && type === wanted) {
      const message = `an ${logical} without \`${key}\` does not tell what it holds`
      refuse(reading, part, message, `Add ${key}, or physicalType: json for JSON text`)
    } else if (entry !== undefined && type !== wanted && type !== undefined) {
      const spot = { at: entry.keyAt, path: `${part.path}.${key}` }
      refuse(
        reading,
        spot,
        `\`${key}\` of a column of type ${type}`,
        `Take it out, or use logicalType: ${logical}`,
      )
    }
  }
  const items = part.entries.get('items')?.value
  if (type === 'list' && items !== undefined) {
    const found = readMember(reading, items, `${part.path}.items`, `${column.name}.items`)
    if (found !== undefined) nested.set('items', columnTree(found))
  }
  if (type === 'struct' && part.entries.has('properties')) nested.set('fields', readFields(reading, column))
}

function readFields(reading: Reading, { part, name }: Column): LocatedMap {
  const fields = new Map<string, LocatedMap>()
  for (const node of saidList(reading, part, 'properties')) {
    const path = `${part.path}.properties`
    const found = readMember(reading, node, path, name)
    const logicalName = found && saidText(reading, found.part, 'name')
    if (found === undefined) continue
    if (logicalName === undefined) {
      refuse(reading, found.part, 'a property has no `name`', 'Add it')
      continue
    }
    const field = saidText(reading, found.part, 'physicalName')?.value ?? logicalName.value
    if (fields.has(field)) refuse(reading, found.part, `\`${field}\` stood before`, 'Keep one of the two')
    fields.set(field, columnTree(found))
  }
  return locatedMap(fields, part.at)
}

/** What holds for a column as a whole, and for none of its places. */
const ofColumns: readonly string[] = ['quality', 'relationships']

function readMember(reading: Reading, node: Located, path: string, within: string): Column | undefined {
  const part = readPart(reading, node, path, propertyKeys, 'a property')
  if (part === undefined) return undefined
  const named = part.entries.get('name')?.value
  const name = named?.kind === 'scalar' ? `${within}.${named.value}` : within
  const column: Column = { name, part, keys: new Map(), nested: new Map() }
  readType(reading, column)
  readNested(reading, column)
  const description = part.entries.get('description')?.value
  if (description?.kind !== 'scalar' || description.value !== null) {
    const said = saidText(reading, part, 'description')
    if (said !== undefined) tell(reading, column, 'description', said, said.value)
  }
  const isRequired = saidFlag(reading, part, 'required')
  if (isRequired?.value === true) tell(reading, column, 'nullable', isRequired, false)
  else if (isRequired !== undefined) note(reading, isRequired, 'as it is without')
  refuseOfColumns(reading, part)
  return column
}

function refuseOfColumns(reading: Reading, part: Part): void {
  for (const key of ofColumns) {
    const entry = part.entries.get(key)
    if (entry === undefined) continue
    const spot = { at: entry.keyAt, path: `${part.path}.${key}` }
    refuse(reading, spot, `\`${key}\` of what is nested in a column is not taken over`, 'Take it out')
  }
  for (const key of ['unique', 'primaryKey']) {
    const said = saidFlag(reading, part, key)
    if (said?.value !== true) continue
    refuse(reading, said, `\`${key}\` of what is nested in a column is not judged`, 'Take it out')
  }
}
