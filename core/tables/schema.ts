import { TerminalError } from '../errors.ts'
import { type IcebergType, type NestedField, printSchema, type Schema } from './types.ts'

/** Ids from here on belong to helper columns of data files (and to Iceberg's own metadata columns), never to a schema. */
export const firstReservedId = 2147480000

export interface AssignedSchema {
  readonly schema: Schema
  /** The highest id ever given out: a table's `last-column-id`. */
  readonly lastColumnId: number
}

/**
 * Gives every field, element, key and value a fresh id after `lastColumnId`; ids in the input are ignored.
 * All fields of a level come before what is nested in them, as Iceberg's own `assignFreshIds` does it.
 */
export function assignFieldIds(fields: readonly NestedField[], lastColumnId = 0): AssignedSchema {
  let last = lastColumnId
  const next = () => {
    last += 1
    return last
  }
  const schema = { schemaId: 0, fields: freshFields(fields, next) }
  checkFields(schema)
  return { schema, lastColumnId: last }
}

function freshFields(fields: readonly NestedField[], next: () => number): NestedField[] {
  const ids = fields.map(next)
  return fields.map((field, i) => ({ ...field, id: ids[i] as number, type: freshType(field.type, next) }))
}

function freshType(type: IcebergType, next: () => number): IcebergType {
  switch (type.kind) {
    case 'struct':
      return { ...type, fields: freshFields(type.fields, next) }
    case 'list':
      return { ...type, elementId: next(), element: freshType(type.element, next) }
    case 'map': {
      const [keyId, valueId] = [next(), next()]
      return { ...type, keyId, key: freshType(type.key, next), valueId, value: freshType(type.value, next) }
    }
    default:
      return type
  }
}

/** Equal in everything but the schema id: names, ids, types, nullability, docs and their order. */
export function sameSchema(a: Schema, b: Schema): boolean {
  const text = (schema: Schema) => JSON.stringify(printSchema({ ...schema, schemaId: 0 }))
  return text(a) === text(b)
}

/** The widenings of the spec ("Schema Evolution"): int → long, float → double, a decimal of the same scale to more digits. */
export function canPromote(from: IcebergType, to: IcebergType): boolean {
  if (from.kind === 'int') return to.kind === 'long'
  if (from.kind === 'float') return to.kind === 'double'
  if (from.kind === 'decimal') {
    return to.kind === 'decimal' && to.scale === from.scale && to.precision > from.precision
  }
  return false
}

/** One identified place in a schema: a column, a struct's field, a list's `element`, a map's `key` or `value`. */
export interface SchemaNode {
  readonly id: number
  /** Names from the column down; list elements and map entries as `element`, `key`, `value`. */
  readonly path: readonly string[]
  readonly parent: number | undefined
  readonly required: boolean
  readonly type: IcebergType
  /** Below a list or a map: many values per row. */
  readonly repeated: boolean
}

/** Every place of the schema, parents before children. */
export function schemaNodes(schema: Schema): SchemaNode[] {
  const nodes: SchemaNode[] = []
  const visit = (node: SchemaNode): void => {
    nodes.push(node)
    const under = (id: number, name: string, required: boolean, type: IcebergType, repeated: boolean) =>
      visit({ id, path: [...node.path, name], parent: node.id, required, type, repeated })
    const { type } = node
    if (type.kind === 'struct') {
      for (const f of type.fields) under(f.id, f.name, f.required, f.type, node.repeated)
    } else if (type.kind === 'list') {
      under(type.elementId, 'element', type.elementRequired, type.element, true)
    } else if (type.kind === 'map') {
      under(type.keyId, 'key', true, type.key, true)
      under(type.valueId, 'value', type.valueRequired, type.value, true)
    }
  }
  for (const f of schema.fields) {
    visit({
      id: f.id,
      path: [f.name],
      parent: undefined,
      required: f.required,
      type: f.type,
      repeated: false,
    })
  }
  return nodes
}

export function highestFieldId(schema: Schema): number {
  return schemaNodes(schema).reduce((highest, node) => Math.max(highest, node.id), 0)
}

/**
 * What any schema must be: at least one column, unique ids below {@link firstReservedId}, names that are not
 * empty and unique within their struct, identifiers that can be some. Throws `TerminalError` `TABLE_SCHEMA_REFUSED`.
 */
export function checkFields(schema: Schema): void {
  const ids = new Set<number>()
  const names = new Set<string>()
  if (schema.fields.length === 0) throw refused('The schema has no columns')
  for (const { id, path, parent } of schemaNodes(schema)) {
    const shown = path.join('.')
    if (ids.has(id)) throw refused(`Field id ${id} is used twice, the second time by '${shown}'`)
    if (id < 1 || id >= firstReservedId) throw refused(`'${shown}' has field id ${id}, which is reserved`)
    const name = path[path.length - 1] as string
    const place = JSON.stringify([parent ?? 0, name])
    if (name === '') throw refused(`The field with id ${id} has no name`)
    if (names.has(place)) throw refused(`'${shown}' is there twice`)
    ids.add(id)
    names.add(place)
  }
  checkIdentifiers(schema)
}

/**
 * Spec: "Identifier Field IDs". They are of required columns with single values and an equality, in no list or map.
 * Java cannot open a table whose schema names others.
 */
function checkIdentifiers(schema: Schema): void {
  const nodes = new Map(schemaNodes(schema).map((node) => [node.id, node]))
  for (const id of schema.identifierFieldIds ?? []) {
    const field = nodes.get(id)
    if (field === undefined) throw refused(`The column with id ${id} identifies rows and cannot be dropped`)
    const shown = field.path.join('.')
    if (['float', 'double', 'struct', 'list', 'map'].includes(field.type.kind) || field.repeated)
      throw refused(`'${shown}' is ${field.type.kind}, which cannot identify rows`)
    for (let place: SchemaNode | undefined = field; place !== undefined; place = nodes.get(place.parent ?? 0))
      if (!place.required)
        throw refused(`'${shown}' identifies rows, so that '${place.path.join('.')}' is required`)
  }
}

export function refused(fact: string): TerminalError {
  return new TerminalError({
    code: 'TABLE_SCHEMA_REFUSED',
    fact,
    consequence: 'The table stays as it was',
    next: 'Correct the schema, or choose another name or type for the column',
  })
}
