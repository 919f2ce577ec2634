import {
  type AssignedSchema,
  assignFieldIds,
  canPromote,
  checkFields,
  refused,
  type SchemaNode,
  schemaNodes,
} from './schema.ts'
import { type IcebergType, type NestedField, printType, type Schema } from './types.ts'

/**
 * The changes that format version 2 allows without rewriting data (spec: "Schema Evolution"). `make_required` is one
 * only where no row stays; {@link checkSuccessor} sees to that.
 */
export type SchemaChange =
  /** At the end of the table's columns, or of the struct `parent`. Ids in `type` are ignored; the column is optional unless `required`. */
  | {
      readonly kind: 'add_column'
      readonly name: string
      readonly type: IcebergType
      readonly doc?: string
      readonly parent?: number
      readonly required?: boolean
    }
  | { readonly kind: 'drop_column'; readonly id: number }
  | { readonly kind: 'rename_column'; readonly id: number; readonly name: string }
  | { readonly kind: 'widen_type'; readonly id: number; readonly type: IcebergType }
  | { readonly kind: 'make_optional'; readonly id: number }
  | { readonly kind: 'make_required'; readonly id: number }
  /** These columns in this order, at the places that they have together; the others stay where they are. */
  | { readonly kind: 'reorder_columns'; readonly ids: readonly number[] }

/**
 * The schema after `changes`, applied in order. Added columns get ids after `lastColumnId`, which only grows:
 * the id of a dropped column is never given out again, so old files cannot surface under a new name.
 * Throws `TerminalError` `TABLE_SCHEMA_REFUSED`; `schemaId` is left to whoever adds the schema to a table.
 */
export function evolveSchema(
  schema: Schema,
  lastColumnId: number,
  changes: readonly SchemaChange[],
): AssignedSchema {
  let current: AssignedSchema = { schema, lastColumnId }
  for (const change of changes) current = applyChange(current, change)
  checkFields(current.schema)
  return current
}

function applyChange({ schema, lastColumnId }: AssignedSchema, change: SchemaChange): AssignedSchema {
  if (change.kind === 'add_column') return addColumn(schema, lastColumnId, change)
  if (change.kind === 'reorder_columns') return { schema: reorder(schema, change.ids), lastColumnId }
  const fields = rewrite(schema.fields, change.id, (field) => {
    switch (change.kind) {
      case 'drop_column':
        return undefined
      case 'rename_column':
        return { ...field, name: change.name }
      case 'make_optional':
        return { ...field, required: false }
      case 'make_required':
        return { ...field, required: true }
      case 'widen_type':
        if (canPromote(field.type, change.type)) return { ...field, type: change.type }
        throw refused(`'${field.name}' cannot go from ${shown(field.type)} to ${shown(change.type)}`)
    }
  })
  return { schema: { ...schema, fields }, lastColumnId }
}

function addColumn(
  schema: Schema,
  lastColumnId: number,
  change: SchemaChange & { kind: 'add_column' },
): AssignedSchema {
  const doc = change.doc === undefined ? {} : { doc: change.doc }
  const draft = { id: 0, name: change.name, required: change.required === true, type: change.type, ...doc }
  const added = assignFieldIds([draft], lastColumnId)
  const column = added.schema.fields[0] as NestedField
  const fields =
    change.parent === undefined
      ? [...schema.fields, column]
      : rewrite(schema.fields, change.parent, (field) => {
          if (field.type.kind !== 'struct') throw refused(`'${field.name}' is no struct`)
          return { ...field, type: { ...field.type, fields: [...field.type.fields, column] } }
        })
  return { schema: { ...schema, fields }, lastColumnId: added.lastColumnId }
}

function reorder(schema: Schema, ids: readonly number[]): Schema {
  const byId = new Map(schema.fields.map((field) => [field.id, field]))
  const unknown = ids.find((id) => !byId.has(id))
  if (unknown !== undefined || new Set(ids).size !== ids.length)
    throw refused(`The new order names the column with id ${unknown ?? 'twice'}, which it cannot`)
  const moved = ids[Symbol.iterator]()
  const fields = schema.fields.map((field) =>
    ids.includes(field.id) ? (byId.get(moved.next().value as number) as NestedField) : field,
  )
  return { ...schema, fields }
}

type Edit = (field: NestedField) => NestedField | undefined

/** Applies `edit` to the one field, element or map value with this id; `undefined` takes a field out. */
function rewrite(fields: readonly NestedField[], id: number, edit: Edit): NestedField[] {
  let found = false
  const once: Edit = (field) => {
    found = true
    return edit(field)
  }
  const result = editFields(fields, id, once)
  if (!found) throw refused(`No column or field has id ${id}`)
  return result
}

function editFields(fields: readonly NestedField[], id: number, edit: Edit): NestedField[] {
  return fields.flatMap((field) => {
    if (field.id !== id) return [{ ...field, type: editType(field.type, id, edit) }]
    const edited = edit(field)
    return edited === undefined ? [] : [edited]
  })
}

function editType(type: IcebergType, id: number, edit: Edit): IcebergType {
  switch (type.kind) {
    case 'struct':
      return { ...type, fields: editFields(type.fields, id, edit) }
    case 'list': {
      const [element, elementRequired] = editPart(
        'element',
        type.elementId,
        type.elementRequired,
        type.element,
        id,
        edit,
      )
      return { ...type, element, elementRequired }
    }
    case 'map': {
      // A map's key is its identity: the spec forbids changing its struct, so keys are left alone.
      const [value, valueRequired] = editPart('value', type.valueId, type.valueRequired, type.value, id, edit)
      return { ...type, value, valueRequired }
    }
    default:
      return type
  }
}

function editPart(
  name: string,
  partId: number,
  required: boolean,
  type: IcebergType,
  id: number,
  edit: Edit,
): [IcebergType, boolean] {
  if (partId !== id) return [editType(type, id, edit), required]
  const edited = edit({ id, name, required, type })
  if (edited === undefined || edited.name !== name) throw refused(`A ${name} cannot be dropped or renamed`)
  return [edited.type, edited.required]
}

/**
 * Proves that `next` can follow `base`: ids of `base` keep their place and type (or are widened), every other
 * id is beyond `lastColumnId`, and with rows that stay (`keepsRows`) nothing becomes required.
 * Throws `TerminalError` `TABLE_SCHEMA_REFUSED`.
 */
export function checkSuccessor(base: Schema, lastColumnId: number, next: Schema, keepsRows: boolean): void {
  checkFields(next)
  const before = new Map(schemaNodes(base).map((node) => [node.id, node]))
  for (const node of schemaNodes(next)) {
    const old = before.get(node.id)
    const name = node.path.join('.')
    if (old !== undefined) checkSameField(old, node, name, keepsRows)
    else if (node.id <= lastColumnId) {
      throw refused(`'${name}' has field id ${node.id}, which the table gave to another column before`)
    } else if (keepsRows && node.required && !(node.parent !== undefined && !before.has(node.parent))) {
      throw refused(`'${name}' is new and required, but the table's rows have no value for it`)
    }
  }
}

function checkSameField(old: SchemaNode, node: SchemaNode, name: string, keepsRows: boolean): void {
  const nested = ['struct', 'list', 'map'].includes(node.type.kind)
  const same = nested ? old.type.kind === node.type.kind : shown(old.type) === shown(node.type)
  if (!same && !canPromote(old.type, node.type)) {
    throw refused(
      `'${name}' cannot go from ${shown(old.type)} to ${shown(node.type)} under the same field id`,
    )
  }
  if (old.parent !== node.parent) throw refused(`'${name}' has the field id of a field elsewhere`)
  if (keepsRows && node.required && !old.required) {
    throw refused(`'${name}' cannot become required: the table's rows may hold NULL`)
  }
}

function shown(type: IcebergType): string {
  const json = printType(type)
  return typeof json === 'string' ? json : json.type
}
