import type { SchemaDifference } from '../runs/lineage-record.ts'
import type { SchemaChange } from '../tables/evolution.ts'
import { canPromote } from '../tables/schema.ts'
import { type IcebergType, typeText } from '../tables/types.ts'
import { typeFit } from './type-fit.ts'

/** A difference inside of a column, and the change of the table that would settle it. */
export interface NestedDifference {
  readonly difference: Omit<SchemaDifference, 'origin'>
  readonly change?: SchemaChange
}

/** One place of the table: a column, a member, an element, a value. */
interface TablePlace {
  readonly id: number
  readonly type: IcebergType
  readonly required: boolean
}

/**
 * How what is nested in a column of the load differs from what is nested in the table's column: members are matched by
 * name. Places are named as Iceberg names them: `address.zip`, `items.element.price`, `labels.value`. `incoming` says by
 * `required` where the contract lets no NULL in.
 */
export function nestedDifferences(
  path: string,
  incoming: IcebergType,
  table: TablePlace,
  replaces: boolean,
): NestedDifference[] {
  const { id, type } = table
  if (incoming.kind === 'list' && type.kind === 'list') {
    const element = { id: type.elementId, type: type.element, required: type.elementRequired }
    return placeDifferences(`${path}.element`, incoming.element, incoming.elementRequired, element, replaces)
  }
  if (incoming.kind === 'map' && type.kind === 'map') {
    const value = { id: type.valueId, type: type.value, required: type.valueRequired }
    return [
      ...keyDifferences(`${path}.key`, incoming.key, type.key),
      ...placeDifferences(`${path}.value`, incoming.value, incoming.valueRequired, value, replaces),
    ]
  }
  if (incoming.kind === 'struct' && type.kind === 'struct')
    return memberDifferences(path, incoming, { id, type }, replaces)
  const words = { from: typeText(type), to: typeText(incoming) }
  const problem = `no value of ${words.to} is one of ${words.from}`
  return [{ difference: { column: path, change: 'change_type', nested: true, ...words, problem } }]
}

function memberDifferences(
  path: string,
  incoming: Extract<IcebergType, { kind: 'struct' }>,
  table: { readonly id: number; readonly type: Extract<IcebergType, { kind: 'struct' }> },
  replaces: boolean,
): NestedDifference[] {
  const known = new Map(table.type.fields.map((field) => [field.name, field]))
  const found = incoming.fields.flatMap((member): NestedDifference[] => {
    const column = `${path}.${member.name}`
    const field = known.get(member.name)
    if (field !== undefined) return placeDifferences(column, member.type, member.required, field, replaces)
    const { name, type } = member
    const optional = withoutRequired(type)
    return [
      {
        difference: { column, change: 'add_column', nested: true, to: typeText(optional) },
        change: { kind: 'add_column', parent: table.id, name, type: optional },
      },
    ]
  })
  const lacking = table.type.fields.filter(
    (field) => !incoming.fields.some(({ name }) => name === field.name),
  )
  const gone = lacking.map((field): NestedDifference => {
    const words = { column: `${path}.${field.name}`, nested: true as const, from: typeText(field.type) }
    return replaces
      ? { difference: { ...words, change: 'drop_column' }, change: { kind: 'drop_column', id: field.id } }
      : { difference: { ...words, change: 'missing_column' } }
  })
  return [...found, ...gone]
}

function placeDifferences(
  column: string,
  incoming: IcebergType,
  required: boolean,
  table: TablePlace,
  replaces: boolean,
): NestedDifference[] {
  const { id, type } = table
  const nullability: NestedDifference[] =
    table.required && !required
      ? [
          {
            difference: {
              column,
              change: 'relax_nullability',
              nested: true,
              from: 'required',
              to: 'optional',
            },
            change: { kind: 'make_optional', id },
          },
        ]
      : []
  if (isNested(incoming) || isNested(type))
    return [...nullability, ...nestedDifferences(column, incoming, table, replaces)]
  return [...nullability, ...typeDifferences(column, incoming, type, id)]
}

/** A key is its entry's identity: the spec lets it change in no way that this writer would need. */
function keyDifferences(column: string, incoming: IcebergType, type: IcebergType): NestedDifference[] {
  const fit = typeFit(incoming, type)
  if (fit === 'same' || fit === 'widening') return []
  const words = { from: typeText(type), to: typeText(incoming) }
  const problem = 'the keys of a map keep their type'
  return [{ difference: { column, change: 'change_type', nested: true, ...words, problem } }]
}

function typeDifferences(
  column: string,
  incoming: IcebergType,
  type: IcebergType,
  id: number,
): NestedDifference[] {
  const fit = typeFit(incoming, type)
  if (fit === 'same' || fit === 'widening') return []
  const words = { column, nested: true as const, from: typeText(type), to: typeText(incoming) }
  if (canPromote(type, incoming)) {
    return [
      { difference: { ...words, change: 'widen_type' }, change: { kind: 'widen_type', id, type: incoming } },
    ]
  }
  const problem =
    fit === 'incompatible'
      ? `no value of ${words.to} is one of ${words.from}`
      : 'what is nested is not cast to another type in this version'
  return [{ difference: { ...words, change: 'change_type', problem } }]
}

function isNested({ kind }: IcebergType): boolean {
  return kind === 'list' || kind === 'struct' || kind === 'map'
}

/** What is added is optional: the contract, not the table, says where NULL may be. */
function withoutRequired(type: IcebergType): IcebergType {
  switch (type.kind) {
    case 'list':
      return { ...type, elementRequired: false, element: withoutRequired(type.element) }
    case 'map':
      return { ...type, valueRequired: false, value: withoutRequired(type.value) }
    case 'struct': {
      const fields = type.fields.map((field) => ({
        ...field,
        required: false,
        type: withoutRequired(field.type),
      }))
      return { ...type, fields }
    }
    default:
      return type
  }
}
