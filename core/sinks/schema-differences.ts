import { type ColumnType, isNested } from '../contract/column-types.ts'
import type { MemberContract } from '../contract/types.ts'
import type { SchemaEvolution } from '../manifest/types.ts'
import type { SchemaChangeName, SchemaDifference } from '../runs/lineage-record.ts'
import type { SchemaChange } from '../tables/evolution.ts'
import { canPromote } from '../tables/schema.ts'
import { type NestedField, type Schema, typeText } from '../tables/types.ts'
import { decide } from './evolution-policy.ts'
import { icebergTypeOf } from './iceberg-types.ts'
import { nestedDifferences } from './nested-differences.ts'
import { type RingState, ringState, ringsOf, type Swapped } from './swapped-columns.ts'
import { typeFit } from './type-fit.ts'

export interface DraftColumn {
  readonly name: string
  readonly type: ColumnType
  /** Whether the load may hold NULL in it. Default true. */
  readonly nullable?: boolean
  /** What the table calls it so far, where the contract says so. */
  readonly rename_from?: string
  readonly origin?: 'contract' | 'sluice'
  /** Of a list, struct or map: where NULL may be in it. */
  readonly contract?: MemberContract
}

/** One column of the load and the column of the table that it goes to. */
export interface Match {
  readonly column: DraftColumn
  readonly field?: NestedField
}

export interface Comparison {
  readonly matches: readonly Match[]
  readonly differences: readonly SchemaDifference[]
  /** Of a difference inside of a column: the change of the table that would settle it. */
  readonly changes: ReadonlyMap<SchemaDifference, SchemaChange>
}

/**
 * How a load differs from the table: first column by column in the load's order, then the columns that it lacks, then
 * the order. Columns are matched by name, or by the name that a contract declares as the old one; never by a guess. Columns
 * that take each other's names (`swapped`: those that have) are matched by the old ones until they have.
 *
 * `replaces`: all rows of the table are replaced, so that a column that no longer comes can go.
 */
export function compareSchemas(
  columns: readonly DraftColumn[],
  base: Schema,
  replaces: boolean,
  policy: SchemaEvolution,
  swapped: Swapped = {},
): Comparison {
  const byName = new Map(base.fields.map((field) => [field.name, field]))
  const keys = new Set(base.identifierFieldIds)
  const matches: Match[] = []
  const differences: SchemaDifference[] = []
  const changes = new Map<SchemaDifference, SchemaChange>()
  const rings = new Map<string, RingState>()
  for (const ring of ringsOf(columns))
    for (const name of ring) rings.set(name, ringState(ring, columns, base, swapped))
  for (const column of columns) {
    const origin = column.origin === undefined ? {} : { origin: column.origin }
    const found = (change: SchemaChangeName, more: Omit<SchemaDifference, 'column' | 'change'>) =>
      differences.push({ column: column.name, change, ...more, ...origin })
    const renamed = column.rename_from === undefined ? undefined : byName.get(column.rename_from)
    const ring = rings.get(column.name)
    const named = byName.get(column.name)
    const field = ring === undefined ? (named ?? renamed) : ring === 'open' ? renamed : named
    matches.push({ column, ...(field === undefined ? {} : { field }) })
    if (field === undefined) {
      const required = wantsRequired(column, policy)
      const to = `${typeText(icebergTypeOf(column.type))}${required ? ' required' : ''}`
      if (column.rename_from !== undefined)
        found('rename_column', {
          from: column.rename_from,
          to: column.name,
          problem: noSuchColumn(column, ring),
        })
      else if (required && !replaces) found('add_column', { to, problem: requiredWithoutDefault })
      else found('add_column', { to })
      continue
    }
    if (renamed !== undefined && ring !== 'made') {
      const words = { from: renamed.name, to: column.name }
      const both = columns.some(({ name }) => name === renamed.name)
      if (ring !== undefined)
        found('rename_column', { ...words, ...(ring === 'open' ? {} : { problem: ring.problem }) })
      else if (field !== renamed) found('rename_column', { ...words, problem: 'the table has both columns' })
      else if (both) found('rename_column', { ...words, problem: 'the load has both columns' })
      else found('rename_column', words)
    }
    if (isNested(column.type)) {
      const incoming = icebergTypeOf(column.type, column.contract)
      for (const { difference, change } of nestedDifferences(column.name, incoming, field, replaces)) {
        const own = { ...difference, ...origin }
        differences.push(own)
        if (change !== undefined) changes.set(own, change)
      }
    } else compareType(column, field, keys.has(field.id), found)
    compareNullability(column, field, keys.has(field.id), found)
  }
  const matched = new Set(matches.map(({ field }) => field?.id))
  for (const field of base.fields) {
    if (matched.has(field.id)) continue
    const words = { column: field.name, from: typeText(field.type) }
    const problem = keys.has(field.id) ? { problem: 'it identifies the table’s rows' } : {}
    differences.push({ ...words, change: replaces ? 'drop_column' : 'missing_column', ...problem })
  }
  if (policy.column_order === 'load') {
    const stays = ({ column, field }: Match) =>
      field !== undefined ||
      differences.some((d) => d.column === column.name && decide(d, policy).action === 'apply')
    differences.push(...compareOrder(matches.filter(stays), base))
  }
  return { matches, differences, changes }

  function compareNullability(column: DraftColumn, field: NestedField, isKey: boolean, found: Found): void {
    if (field.required && column.nullable !== false) {
      const problem = isKey ? { problem: 'it identifies the table’s rows' } : {}
      found('relax_nullability', { from: 'required', to: 'optional', ...problem })
    } else if (!field.required && wantsRequired(column, policy)) {
      const problem = replaces ? {} : { problem: 'the rows that stay may hold NULL (tighten_with_rows)' }
      found('tighten_nullability', { from: 'optional', to: 'required', ...problem })
    }
  }
}

/** Sluice's own columns stay optional: whoever made the table may have rows without them. */
export function wantsRequired(column: DraftColumn, policy: Pick<SchemaEvolution, 'nullability'>): boolean {
  return policy.nullability === 'tighten' && column.nullable === false && column.origin !== 'sluice'
}

type Found = (change: SchemaChangeName, more: Omit<SchemaDifference, 'column' | 'change'>) => void

const requiredWithoutDefault =
  'the rows that stay have no value for a required column (required_without_default)'

function noSuchColumn(column: DraftColumn, ring: RingState | undefined): string {
  if (typeof ring === 'object') return ring.problem
  return `the table has neither ${column.rename_from} nor ${column.name}`
}

function compareType(column: DraftColumn, field: NestedField, isKey: boolean, found: Found): void {
  const incoming = icebergTypeOf(column.type)
  const fit = typeFit(incoming, field.type)
  if (fit === 'same' || fit === 'widening') return
  const words = { from: typeText(field.type), to: typeText(incoming) }
  if (fit === 'lossless') found('convert_type', words)
  else if (canPromote(field.type, incoming)) {
    found('widen_type', { ...words, ...(isKey ? { problem: 'it identifies the table’s rows' } : {}) })
  } else if (fit === 'narrowing') found('narrow_type', words)
  else if (fit === 'by_text') found('change_type', words)
  else found('change_type', { ...words, problem: `no value of ${words.to} is one of ${words.from}` })
}

/** A column that is added stands at the table's end to begin with; under its new name, where it has one. */
function compareOrder(matches: readonly Match[], base: Schema): SchemaDifference[] {
  const place = ({ field }: Match) => (field === undefined ? base.fields.length : base.fields.indexOf(field))
  const table = matches.toSorted((a, b) => place(a) - place(b))
  if (matches.every((match, i) => match === table[i])) return []
  const names = (some: readonly Match[]) => some.map(({ column }) => column.name).join(', ')
  return [{ column: '*', change: 'reorder_columns', from: names(table), to: names(matches) }]
}
