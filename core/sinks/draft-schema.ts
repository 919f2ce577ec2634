import type { ColumnType } from '../contract/types.ts'
import type { SchemaDifference } from '../runs/records.ts'
import { evolveSchema, type SchemaChange } from '../tables/evolution.ts'
import { assignFieldIds, canPromote } from '../tables/schema.ts'
import { type IcebergType, printType, type Schema } from '../tables/types.ts'
import { icebergTypeOf } from './iceberg-types.ts'

export interface DraftColumn {
  readonly name: string
  readonly type: ColumnType
}

export interface DraftSchema {
  readonly schema: Schema
  readonly differences: readonly SchemaDifference[]
}

/** The target as it is: its schema, and the highest field id it ever gave out. */
export interface DraftBase {
  readonly schema: Schema
  readonly lastColumnId: number
}

/**
 * The target's schema as this load would have it. Columns are matched by name and keep their field ids; new
 * ones get ids that no column of the table ever had. What format v2 cannot change in place (a type that is
 * no widening) stays as it is in the draft, and is listed for evolution and compatibility to refuse.
 *
 * `replaces`: all rows of the table are replaced, so a column that no longer comes can be dropped.
 */
export function draftSchema(
  columns: readonly DraftColumn[],
  base: DraftBase | undefined,
  replaces: boolean,
): DraftSchema {
  if (base === undefined) {
    const fields = columns.map(({ name, type }) => ({
      id: 0,
      name,
      required: false,
      type: icebergTypeOf(type),
    }))
    return { schema: assignFieldIds(fields).schema, differences: [] }
  }
  const byName = new Map(base.schema.fields.map((field) => [field.name, field]))
  const differences: SchemaDifference[] = []
  const changes: SchemaChange[] = []
  for (const { name, type } of columns) {
    const incoming = icebergTypeOf(type)
    const field = byName.get(name)
    if (field === undefined) {
      changes.push({ kind: 'add_column', name, type: incoming })
      differences.push({ column: name, change: 'add_column', to: text(incoming) })
    } else if (text(field.type) !== text(incoming) && !canPromote(incoming, field.type)) {
      const words = { column: name, from: text(field.type), to: text(incoming) }
      if (canPromote(field.type, incoming)) {
        changes.push({ kind: 'widen_type', id: field.id, type: incoming })
        differences.push({ ...words, change: 'widen_type' })
      } else differences.push({ ...words, change: 'change_type' })
    }
  }
  const names = new Set(columns.map((column) => column.name))
  for (const field of base.schema.fields) {
    if (names.has(field.name)) continue
    if (replaces) changes.push({ kind: 'drop_column', id: field.id })
    differences.push({
      column: field.name,
      change: replaces ? 'drop_column' : 'missing_column',
      from: text(field.type),
    })
  }
  return { schema: evolveSchema(base.schema, base.lastColumnId, changes).schema, differences }
}

export function text(type: IcebergType): string {
  const printed = printType(type)
  return typeof printed === 'string' ? printed : JSON.stringify(printed)
}
