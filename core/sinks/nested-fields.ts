import type { ScanColumn } from '../contract/scan.ts'
import type { IcebergType, NestedField } from '../tables/types.ts'

/**
 * `type`, as it comes, with the field ids of the table's `field` type. `undefined` where the two are not of one shape,
 * or the table has no such member: such a load is never committed.
 */
export function nestedIds(type: IcebergType, field: IcebergType): IcebergType | undefined {
  if (type.kind === 'list' && field.kind === 'list') {
    const element = nestedIds(type.element, field.element)
    return element && { ...type, elementId: field.elementId, element }
  }
  if (type.kind === 'map' && field.kind === 'map') {
    const key = nestedIds(type.key, field.key)
    const value = nestedIds(type.value, field.value)
    return key && value && { ...type, keyId: field.keyId, key, valueId: field.valueId, value }
  }
  if (type.kind === 'struct' && field.kind === 'struct') {
    const fields = type.fields.flatMap((member) => {
      const known = field.fields.find(({ name }) => name === member.name)
      const inner = known && nestedIds(member.type, known.type)
      return known && inner ? [{ ...member, id: known.id, type: inner }] : []
    })
    return fields.length === type.fields.length ? { ...type, fields } : undefined
  }
  return isNested(type) || isNested(field) ? undefined : type
}

/**
 * The fields with their nested types as the files have them: a member that the load lacks has no place in its files,
 * whatever the gates say of it later. One whose ids are not known counts as a plain column.
 */
export function asLoaded(
  fields: readonly NestedField[],
  columns: readonly Pick<ScanColumn, 'field_id' | 'nested'>[],
): NestedField[] {
  const byId = new Map(columns.map((column) => [column.field_id, column]))
  return fields.map((field) =>
    isNested(field.type) ? { ...field, type: byId.get(field.id)?.nested ?? { kind: 'binary' } } : field,
  )
}

function isNested({ kind }: IcebergType): boolean {
  return kind === 'list' || kind === 'struct' || kind === 'map'
}
