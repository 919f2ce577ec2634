import { quoteIdentifier } from '../engine/sql.ts'
import type { IcebergType, NestedField } from '../tables/types.ts'

/** DuckDB's FIELD_IDS of columns, with those of everything nested in them: a file without any one counts as one without ids. */
export function fieldIdsSql(fields: readonly NestedField[]): string {
  return `{${fields.map(({ id, name, type }) => `${quoteIdentifier(name)}: ${fieldIdSql(id, type)}`).join(', ')}}`
}

/** Of one column: its id, or the ids of all that is nested in it with it. */
export function fieldIdSql(id: number, type: IcebergType): string {
  const own = `__duckdb_field_id: ${id}`
  switch (type.kind) {
    case 'struct': {
      const members = type.fields.map(
        (field) => `${quoteIdentifier(field.name)}: ${fieldIdSql(field.id, field.type)}`,
      )
      return `{${[own, ...members].join(', ')}}`
    }
    case 'list':
      return `{${own}, element: ${fieldIdSql(type.elementId, type.element)}}`
    case 'map':
      return `{${own}, key: ${fieldIdSql(type.keyId, type.key)}, value: ${fieldIdSql(type.valueId, type.value)}}`
    default:
      return String(id)
  }
}
