import { variantName } from '../contract/types.ts'
import { PolicyError } from '../errors.ts'
import { canonicalJson } from '../json.ts'
import type { Schema } from '../tables/types.ts'

/**
 * The table's property that says which columns have taken each other's names. A swap is its own undoing, so that names
 * alone never tell whether it was made: without a memory every load would swap again. It is written by the commit that
 * swaps, and holds by field id.
 */
export const swappedProperty = 'sluice.swapped-columns'

/** By the column's name now. */
export type Swapped = Readonly<Record<string, SwappedColumn>>

interface SwappedColumn {
  readonly from: string
  readonly field_id: number
  /** Whose contract said so: it alone ends the memory, by saying so no more. */
  readonly dataflow: string
}

export type Renames = readonly { readonly name: string; readonly rename_from?: string }[]

/** The columns that take the names of each other, in rings: `a` from `b`, `b` from `a`. A column is in one at most. */
export function ringsOf(columns: Renames): string[][] {
  const from = new Map(columns.flatMap(({ name, rename_from }) => (rename_from ? [[name, rename_from]] : [])))
  const rings: string[][] = []
  for (const name of from.keys()) {
    const ring = [name]
    let next = from.get(name)
    while (next !== undefined && !ring.includes(next)) {
      ring.push(next)
      next = from.get(next)
    }
    const isClosed = next === name && ring.length > 1
    if (isClosed && !rings.some((known) => known.includes(name))) rings.push(ring)
  }
  return rings
}

/** Throws `PolicyError` `TABLE_PROPERTY_INVALID` where somebody else has written the property. */
export function readSwapped(properties: Readonly<Record<string, string>> | undefined): Swapped {
  const text = properties?.[swappedProperty]
  if (text === undefined) return {}
  try {
    const swapped = JSON.parse(text) as Swapped | null
    if (swapped !== null && Object.values(swapped).every(isSwapped)) return swapped
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new PolicyError({
    code: 'TABLE_PROPERTY_INVALID',
    fact: `The table property '${swappedProperty}' is not as Sluice writes it`,
    consequence:
      'Whether columns have swapped their names cannot be told, so nothing was written to the table',
    next: 'Restore its value from an older metadata file of the table',
    details: { property: swappedProperty },
  })
}

function isSwapped(value: unknown): boolean {
  const { from, field_id, dataflow } = (value ?? {}) as Partial<SwappedColumn>
  return typeof from === 'string' && typeof field_id === 'number' && typeof dataflow === 'string'
}

/** `made`: the table remembers it. `problem`: why it cannot be made. */
export type RingState = 'open' | 'made' | { readonly problem: string }

export function ringState(
  ring: readonly string[],
  columns: Renames,
  base: Schema,
  swapped: Swapped,
): RingState {
  const ids = new Map(base.fields.map((field) => [field.name, field.id]))
  const lacking = ring.filter((name) => !ids.has(name))
  if (lacking.length > 0)
    return { problem: `the table has no ${lacking.join(', ')}, whose name another column would take` }
  const from = new Map(columns.map(({ name, rename_from }) => [name, rename_from]))
  const variants = ring.map(variantName).filter((name) => ids.has(name))
  const isKnown = (name: string) => swapped[name]?.from === from.get(name)
  if (!ring.every((name) => isKnown(name)))
    return variants.length === 0
      ? 'open'
      : { problem: `${variants.join(', ')} would go on with the texts of another column` }
  if (ring.every((name) => swapped[name]?.field_id === ids.get(name))) return 'made'
  return { problem: 'the table’s columns were renamed by another writer since they swapped their names' }
}

/**
 * The property as it is once this load has committed; nothing where there is nothing to remember or forget. Also where
 * the load makes the columns: the next one must not take them for those of before.
 */
export function swappedAfter(
  dataflow: string,
  columns: Renames,
  schema: Schema,
  before: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  const known = readSwapped(before)
  const ids = new Map(schema.fields.map(({ name, id }) => [name, id]))
  const from = new Map(columns.map(({ name, rename_from }) => [name, rename_from]))
  const others = Object.entries(known).filter(([, column]) => column.dataflow !== dataflow)
  const own = ringsOf(columns)
    .flat()
    .map((name): [string, SwappedColumn] => {
      const column = { from: from.get(name) as string, field_id: ids.get(name) as number, dataflow }
      const isSame = known[name]?.from === column.from && known[name].field_id === column.field_id
      return [name, isSame ? (known[name] as SwappedColumn) : column]
    })
  const next = Object.fromEntries([...others, ...own])
  if (Object.keys(next).length === 0 && before?.[swappedProperty] === undefined) return {}
  return { [swappedProperty]: canonicalJson(next) }
}
