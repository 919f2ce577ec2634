import { digestOf } from '../json.ts'
import type { EvolutionDecision } from '../runs/evolution-record.ts'
import type { LineageRecord } from '../runs/lineage-record.ts'
import type { DdlOperation, DdlPlan, PhysicalState } from '../runs/physical-ddl-record.ts'
import { sameFields } from '../tables/design.ts'
import { takenNames } from '../tables/partition.ts'
import { canPromote, schemaNodes } from '../tables/schema.ts'
import { printTerm } from '../tables/terms.ts'
import { type IcebergType, type Schema, typeText } from '../tables/types.ts'
import { schemaColumns } from './draft-schema.ts'
import { swappedProperty } from './swapped-columns.ts'

export type DdlDraft = Pick<LineageRecord, 'base' | 'schema' | 'physical'>

/**
 * What a person would have typed to make the table what the draft says, and what each statement costs. The digest
 * names the table, where it stands and every statement: an approval of it is one of this very change.
 */
export function planDdl(
  table: string,
  draft: DdlDraft,
  decisions: readonly EvolutionDecision[],
  replaces: boolean,
): DdlPlan {
  const { base, schema, physical } = draft
  const operations =
    base === null || physical.before === null
      ? creation(table, draft)
      : alteration(table, { ...draft, base, before: physical.before }, decisions, replaces)
  const before = base === null ? null : { schema: schemaColumns(base), physical: physical.before }
  const digest = digestOf({
    table,
    before,
    after: schemaColumns(schema),
    physical: physical.after,
    operations,
  })
  const action = base === null ? 'create_table' : operations.length === 0 ? 'none' : 'alter_table'
  return { action, operations, digest: digest.slice(0, 16) }
}

function alteration(
  table: string,
  { base, schema, physical, before }: DdlDraft & { base: Schema; before: PhysicalState },
  decisions: readonly EvolutionDecision[],
  replaces: boolean,
): DdlOperation[] {
  const blocked = blockers(table, base, schema, physical, replaces)
  const applied = decisions
    .filter(({ action }) => action === 'apply')
    .map((decision) => operation(`ALTER TABLE ${table} ${clause(decision)}`))
    .filter(({ statement }) => blocked.every((blocker) => blocker.statement !== statement))
  return [...applied, ...designOperations(table, before, physical.after, schema), ...blocked]
}

function operation(statement: string): DdlOperation {
  return { statement, risk: 'metadata_only' }
}

function creation(table: string, { schema, physical }: DdlDraft): DdlOperation[] {
  const columns = schema.fields
    .map(({ name, type, required }) => `${name} ${typeText(type)}${required ? ' NOT NULL' : ''}`)
    .join(', ')
  const { partition, sort } = physical.after
  const parted = partition.length === 0 ? '' : ` PARTITIONED BY (${partitionText(partition, schema)})`
  return [
    operation(`CREATE TABLE ${table} (${columns})${parted}`),
    ...(sort.length === 0
      ? []
      : [operation(`ALTER TABLE ${table} WRITE ORDERED BY ${sortText(sort, schema)}`)]),
  ]
}

function designOperations(
  table: string,
  before: PhysicalState,
  after: PhysicalState,
  schema: Schema,
): DdlOperation[] {
  // What Sluice remembers changes nothing that a person would approve, or a reader see.
  const set = Object.entries(after.properties).filter(
    ([key, value]) => before.properties[key] !== value && key !== swappedProperty,
  )
  const properties = set.map(([key, value]) => `'${key}' = '${value.replaceAll("'", "''")}'`).join(', ')
  return [
    ...(sameFields(before.partition, after.partition)
      ? []
      : [operation(`ALTER TABLE ${table} SET PARTITION SPEC (${partitionText(after.partition, schema)})`)]),
    ...(sameFields(before.sort, after.sort)
      ? []
      : [
          operation(
            after.sort.length === 0
              ? `ALTER TABLE ${table} WRITE UNORDERED`
              : `ALTER TABLE ${table} WRITE ORDERED BY ${sortText(after.sort, schema)}`,
          ),
        ]),
    ...(set.length === 0 ? [] : [operation(`ALTER TABLE ${table} SET TBLPROPERTIES (${properties})`)]),
  ]
}

/**
 * What no commit of metadata can do. It does not trust the gates before: each is looked for in the two schemas
 * themselves.
 */
function blockers(
  table: string,
  base: Schema,
  schema: Schema,
  physical: LineageRecord['physical'],
  replaces: boolean,
): DdlOperation[] {
  const before = new Map(schemaNodes(base).map((node) => [node.id, node]))
  const nodes = schemaNodes(schema)
  const after = new Set(nodes.map((node) => node.id))
  const blocked = (statement: string, blocker: string): DdlOperation => ({
    statement: `ALTER TABLE ${table} ${statement}`,
    risk: 'blocking',
    blocker,
  })
  const found: DdlOperation[] = []
  for (const { id, path, parent, type, required } of nodes) {
    const old = before.get(id)
    const name = path.join('.')
    if (old !== undefined && !keepsValues(old.type, type))
      found.push(blocked(`ALTER COLUMN ${name} TYPE ${typeText(type)}`, 'rewrite_of_stored_values'))
    // Below a place that is new there are no rows yet.
    const isBelowNew = parent !== undefined && !before.has(parent)
    if (required && old?.required !== true && !replaces && !isBelowNew) {
      const blocker = old === undefined ? 'required_without_default' : 'tighten_with_rows'
      found.push(blocked(`ALTER COLUMN ${name} SET NOT NULL`, blocker))
    }
  }
  const partitioned = [...physical.specs, ...physical.after.partition].filter((f) => f.transform !== 'void')
  const isOf = (fields: readonly { readonly 'source-id': number }[], id: number) =>
    fields.some((field) => field['source-id'] === id)
  for (const { id, path, parent } of schemaNodes(base)) {
    if (after.has(id) || (parent !== undefined && !after.has(parent))) continue
    const name = path.join('.')
    if (!replaces) found.push(blocked(`DROP COLUMN ${name}`, 'drop_with_rows'))
    else if (isOf(partitioned, id)) found.push(blocked(`DROP COLUMN ${name}`, 'drop_of_partition_column'))
    else if (isOf(physical.after.sort, id)) found.push(blocked(`DROP COLUMN ${name}`, 'drop_of_sort_column'))
  }
  for (const { id, name, type } of takenNames(base, schema, physical.specs)) {
    const old = before.get(id)
    const statement =
      old === undefined
        ? `ADD COLUMN ${name} ${typeText(type)}`
        : `RENAME COLUMN ${old.path.join('.')} TO ${name}`
    found.push(blocked(statement, 'name_of_partition_field'))
  }
  return found
}

/** Nested types are compared place by place, since each place has an id of its own. */
function keepsValues(old: IcebergType, type: IcebergType): boolean {
  const nested = ['list', 'struct', 'map']
  if (nested.includes(old.kind) || nested.includes(type.kind)) return old.kind === type.kind
  return typeText(old) === typeText(type) || canPromote(old, type)
}

function partitionText(fields: PhysicalState['partition'], schema: Schema): string {
  return fields.map((field) => printTerm(field.transform, columnOf(field['source-id'], schema))).join(', ')
}

function sortText(fields: PhysicalState['sort'], schema: Schema): string {
  return fields
    .map((field) => {
      const term = printTerm(field.transform, columnOf(field['source-id'], schema))
      return `${term} ${field.direction.toUpperCase()} ${field['null-order'].replace('-', ' ').toUpperCase()}`
    })
    .join(', ')
}

function columnOf(id: number, schema: Schema): string {
  return schema.fields.find((field) => field.id === id)?.name ?? `#${id}`
}

function clause(decision: EvolutionDecision): string {
  const { change, column, from, to } = decision
  switch (change) {
    case 'add_column':
      return `ADD COLUMN ${column} ${to?.replace(/ required$/, ' NOT NULL')}`
    case 'drop_column':
      return `DROP COLUMN ${column}`
    case 'rename_column':
      return `RENAME COLUMN ${from} TO ${to}`
    case 'reorder_columns':
      return `ALTER COLUMNS ORDER (${to})`
    case 'relax_nullability':
      return `ALTER COLUMN ${column} DROP NOT NULL`
    case 'tighten_nullability':
      return `ALTER COLUMN ${column} SET NOT NULL`
    default:
      return `ALTER COLUMN ${column} TYPE ${to}`
  }
}
