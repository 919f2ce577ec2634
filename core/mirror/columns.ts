import type { MirrorColumn } from '../stores/mirror-catalog.ts'
import { currentSchema, type TableMetadata, tableSchemas } from '../tables/metadata.ts'
import type { IcebergType, NestedField } from '../tables/types.ts'

/** Glue's limit for the comment of a column, in characters. */
const longestComment = 255

/**
 * The columns as Iceberg's own Glue catalog shows them: those of the current schema in their order, then those
 * that only older schemas have, each name once (apache/iceberg, `IcebergToGlueConverter`). They are for people
 * and for policies by column; a reader takes its schema from the metadata file.
 */
export function mirrorColumns(metadata: TableMetadata): MirrorColumn[] {
  const current = currentSchema(metadata)
  const older = tableSchemas(metadata).filter((schema) => schema.schemaId !== current.schemaId)
  const columns = new Map<string, MirrorColumn>()
  for (const schema of [current, ...older]) {
    for (const field of schema.fields) {
      if (!columns.has(field.name)) columns.set(field.name, columnOf(field, schema === current))
    }
  }
  return [...columns.values()]
}

function columnOf(field: NestedField, isCurrent: boolean): MirrorColumn {
  const comment = field.doc?.slice(0, longestComment)
  return {
    name: field.name,
    type: hiveType(field.type),
    ...(comment === undefined || comment === '' ? {} : { comment }),
    parameters: {
      'iceberg.field.id': String(field.id),
      'iceberg.field.optional': String(!field.required),
      'iceberg.field.current': String(isCurrent),
    },
  }
}

/** Types that Hive does not have are shown as what their values look like. */
export function hiveType(type: IcebergType): string {
  switch (type.kind) {
    case 'long':
      return 'bigint'
    case 'time':
    case 'uuid':
      return 'string'
    case 'timestamptz':
      return 'timestamp'
    case 'fixed':
      return 'binary'
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`
    case 'struct':
      return `struct<${type.fields.map((field) => `${field.name}:${hiveType(field.type)}`).join(',')}>`
    case 'list':
      return `array<${hiveType(type.element)}>`
    case 'map':
      return `map<${hiveType(type.key)},${hiveType(type.value)}>`
    default:
      return type.kind
  }
}
