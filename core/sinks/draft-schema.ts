import { type ColumnType, isNested } from '../contract/column-types.ts'
import type { SchemaEvolution } from '../manifest/types.ts'
import type { EvolutionDecision, SchemaColumn } from '../runs/evolution-record.ts'
import type { SchemaDifference } from '../runs/lineage-record.ts'
import { evolveSchema, type SchemaChange } from '../tables/evolution.ts'
import { type AssignedSchema, assignFieldIds } from '../tables/schema.ts'
import { type IcebergType, type NestedField, type Schema, typeText } from '../tables/types.ts'
import { decide, defaultEvolution } from './evolution-policy.ts'
import { columnTypeOf, icebergTypeOf } from './iceberg-types.ts'
import { nestedIds } from './nested-fields.ts'
import { compareSchemas, type DraftColumn, wantsRequired } from './schema-differences.ts'
import { readSwapped } from './swapped-columns.ts'

export interface DraftSchema {
  readonly schema: Schema
  readonly differences: readonly SchemaDifference[]
  /** In the order of the columns that were given. */
  readonly columns: readonly DraftedColumn[]
}

/** Where the values of one column of the load go. */
export interface DraftedColumn {
  readonly name: string
  /** `loaded`: into the field; `ignored`: nowhere; `unexpected`: nowhere, and a row that has one is set aside. */
  readonly fate: 'loaded' | 'ignored' | 'unexpected'
  /** 0 where it is not loaded. */
  readonly field_id: number
  /** Of a list, struct or map that is loaded: its type as it comes, with the table's field ids. */
  readonly nested?: IcebergType
  /** The table's type, where values are written as another type than they come in. */
  readonly stored?: ColumnType
}

/** The target as it is: its schema, and the highest field id it ever gave out. */
export interface DraftBase {
  readonly schema: Schema
  readonly lastColumnId: number
  /** Of the table. */
  readonly properties?: Readonly<Record<string, string>>
}

/**
 * The target's schema as this load would have it. Columns keep their field ids; new ones get ids that no column of
 * the table ever had. What the policy decides against is drafted all the same where it can be, so that the rows can
 * be judged; evolution and compatibility stop it then.
 *
 * `replaces`: all rows of the table are replaced, so a column that no longer comes can be dropped.
 */
export function draftSchema(
  columns: readonly DraftColumn[],
  base: DraftBase | undefined,
  replaces: boolean,
  policy: SchemaEvolution = defaultEvolution,
): DraftSchema {
  if (base === undefined) return newSchema(columns, policy)
  const swapped = readSwapped(base.properties)
  const compared = compareSchemas(columns, base.schema, replaces, policy, swapped)
  const { matches, differences, changes: inside } = compared
  const decisions = differences.map((difference) => decide(difference, policy))
  const byColumn = Map.groupBy(
    decisions.filter((decision) => !decision.nested),
    (decision) => decision.column,
  )
  const changes: SchemaChange[] = []
  const drafted = matches.map(({ column, field }): Omit<DraftedColumn, 'field_id' | 'nested'> => {
    const own = byColumn.get(column.name) ?? []
    const { name } = column
    if (field === undefined) {
      const action = own[0]?.action
      if (action === 'ignore') return { name, fate: 'ignored' }
      if (action === 'quarantine') return { name, fate: 'unexpected' }
      const required = replaces && wantsRequired(column, policy)
      changes.push({ kind: 'add_column', name, type: icebergTypeOf(column.type), required })
      return { name, fate: 'loaded' }
    }
    for (const decision of own) changes.push(...fieldChanges(decision, column, field))
    const cast = own.some(({ action, change }) => isCast(action) && isOfType(change))
    return { name, fate: 'loaded', ...(cast ? { stored: columnTypeOf(field.type, name) } : {}) }
  })
  // What is refused inside of a column is not drafted: its files would be none of the table's either way.
  for (const [i, { action, nested }] of decisions.entries()) {
    const change = nested && action === 'apply' ? inside.get(differences[i] as SchemaDifference) : undefined
    if (change !== undefined) changes.push(change)
  }
  const byName = new Map(base.schema.fields.map((field) => [field.name, field]))
  for (const { change, column, nested } of decisions) {
    if (nested) continue
    const field = byName.get(column)
    if (change === 'drop_column' && field !== undefined && !isKey(base.schema, field))
      changes.push({ kind: 'drop_column', id: field.id })
  }
  const changed = evolveSchema(base.schema, base.lastColumnId, changes)
  const isReordered = decisions.some(({ change }) => change === 'reorder_columns')
  const schema = isReordered ? inOrderOf(drafted, changed, matches) : changed.schema
  return { schema, differences, columns: withIds(drafted, columns, schema, matches) }
}

/** Added columns have their ids only now. */
function inOrderOf(
  drafted: readonly Omit<DraftedColumn, 'field_id' | 'nested'>[],
  { schema, lastColumnId }: AssignedSchema,
  matches: readonly { readonly field?: NestedField }[],
): Schema {
  const ids = drafted.flatMap(({ name, fate }, i) => {
    const id = matches[i]?.field?.id ?? schema.fields.find((field) => field.name === name)?.id
    return fate === 'loaded' && id !== undefined ? [id] : []
  })
  return evolveSchema(schema, lastColumnId, [{ kind: 'reorder_columns', ids }]).schema
}

function newSchema(columns: readonly DraftColumn[], policy: SchemaEvolution): DraftSchema {
  const fields = columns.map((column) => ({
    id: 0,
    name: column.name,
    required: wantsRequired(column, policy),
    type: icebergTypeOf(column.type),
  }))
  const { schema } = assignFieldIds(fields)
  const drafted = columns.map(({ name }) => ({ name, fate: 'loaded' as const }))
  return { schema, differences: [], columns: withIds(drafted, columns, schema, []) }
}

function fieldChanges(decision: EvolutionDecision, column: DraftColumn, field: NestedField): SchemaChange[] {
  const { action, problem } = decision
  if (problem !== undefined || isCast(action)) return []
  switch (decision.change) {
    case 'rename_column':
      return [{ kind: 'rename_column', id: field.id, name: column.name }]
    case 'widen_type':
      return [{ kind: 'widen_type', id: field.id, type: icebergTypeOf(column.type) }]
    case 'relax_nullability':
      return [{ kind: 'make_optional', id: field.id }]
    case 'tighten_nullability':
      return [{ kind: 'make_required', id: field.id }]
    default:
      return []
  }
}

function isCast(action: EvolutionDecision['action']): boolean {
  return action === 'convert' || action === 'quarantine'
}

function isOfType(change: SchemaDifference['change']): boolean {
  return ['widen_type', 'convert_type', 'narrow_type', 'change_type'].includes(change)
}

function isKey(schema: Schema, field: NestedField): boolean {
  return schema.identifierFieldIds?.includes(field.id) === true
}

function withIds(
  drafted: readonly Omit<DraftedColumn, 'field_id' | 'nested'>[],
  columns: readonly DraftColumn[],
  schema: Schema,
  matches: readonly { readonly field?: NestedField }[],
): DraftedColumn[] {
  const byName = new Map(schema.fields.map((field) => [field.name, field.id]))
  const byId = new Map(schema.fields.map((field) => [field.id, field]))
  return drafted.map((column, i) => {
    const field_id = matches[i]?.field?.id ?? byName.get(column.name) ?? 0
    const { type } = columns[i] as DraftColumn
    const field = column.fate === 'loaded' && isNested(type) ? byId.get(field_id) : undefined
    const nested = field && nestedIds(icebergTypeOf(type), field.type)
    return { ...column, field_id, ...(nested === undefined ? {} : { nested }) }
  })
}

/** For records and reports. */
export function schemaColumns(schema: Schema): SchemaColumn[] {
  return schema.fields.map(({ id, name, type, required }) => ({ id, name, type: typeText(type), required }))
}
