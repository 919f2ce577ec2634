import { quoteIdentifier } from '../engine/sql.ts'
import type { IcebergType, NestedField } from '../tables/types.ts'

/** DuckDB's FIELD_IDS of columns, with those of everything nested in them: a file without any one counts as one without ids. */
export function fieldIdsSql(fields: readonly NestedField[]): string {
  return `{${fields.map(({ id, name, type }) => `${quoteIdentifier(name)}: ${idsOf(id, type)}`).join(', ')}}`
}

function idsOf(id: number, type: IcebergType): string {
  const own = `__duckdb_field_id: ${id}`
  switch (type.kind) {
    case 'struct': {
      const members = type.fields.map(
        (field) => `${quoteIdentifier(field.name)}: ${idsOf(field.id, field.type)}`,
      )
      return `{${[own, ...members].join(', ')}}`
    }
    case 'list':
      return `{${own}, element: ${idsOf(type.elementId, type.element)}}`
    case 'map':
      return `{${own}, key: ${idsOf(type.keyId, type.key)}, value: ${idsOf(type.valueId, type.value)}}`
    default:
      return String(id)
  }
}
