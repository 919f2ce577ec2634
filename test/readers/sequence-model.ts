import fc from 'fast-check'
import type { Says } from './lake.ts'
import type { Row } from './reader.ts'

const kinds = ['integer', 'bigint', 'decimal4', 'decimal9', 'float', 'double', 'string'] as const
export type Kind = (typeof kinds)[number]

const words: Readonly<Record<Kind, string>> = {
  integer: 'type: integer',
  bigint: 'type: bigint',
  decimal4: 'type: decimal, precision: 4, scale: 1',
  decimal9: 'type: decimal, precision: 9, scale: 1',
  float: 'type: float',
  double: 'type: double',
  string: 'type: string',
}
const wider: Partial<Record<Kind, Kind>> = { integer: 'bigint', decimal4: 'decimal9', float: 'double' }

/** A column, whatever it is called. */
export interface Column {
  readonly key: number
  readonly name: string
  readonly kind: Kind
  /** What the table calls it, where that is another name. */
  readonly renamedFrom?: string
}

const names = ['a', 'b', 'c', 'd'] as const
const place = fc.nat({ max: 20 })
const edit = fc.oneof(
  fc.record({
    kind: fc.constant('add' as const),
    name: fc.constantFrom(...names),
    type: fc.constantFrom(...kinds),
  }),
  fc.record({ kind: fc.constant('drop' as const), at: place }),
  fc.record({ kind: fc.constant('rename' as const), at: place, name: fc.constantFrom(...names) }),
  fc.record({ kind: fc.constant('widen' as const), at: place }),
  fc.record({ kind: fc.constant('move' as const), at: place, to: place }),
  fc.record({ kind: fc.constant('retype' as const), at: place }),
)
export type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never

/** Appends and overwrites by two dataflows, each after some edits of what the source delivers. */
export const steps = fc.array(
  fc.record({
    type: fc.constantFrom('append' as const, 'append' as const, 'overwrite' as const),
    edits: fc.array(edit, { maxLength: 3 }),
    partition: fc.option(
      fc.record({ at: place, transform: fc.constantFrom('identity', 'bucket', 'truncate') }),
    ),
    order: fc.constantFrom('load' as const, 'table' as const),
  }),
  { minLength: 4, maxLength: 6 },
)

/**
 * What the source delivers after the edit. An edit that would make a name mean two columns, of the load or of the
 * table, is none: by name nobody could tell them apart.
 */
export function edited(
  columns: readonly Column[],
  edit: Edit,
  table: readonly Column[],
  nextKey: () => number,
): readonly Column[] {
  const isTaken = (name: string) =>
    [...columns, ...table].some((c) => c.name === name) || columns.some((c) => c.renamedFrom === name)
  const at = 'at' in edit ? edit.at % columns.length : 0
  const column = columns[at] as Column
  switch (edit.kind) {
    case 'add':
      return isTaken(edit.name) ? columns : [...columns, { key: nextKey(), name: edit.name, kind: edit.type }]
    case 'drop':
      return columns.length === 1 ? columns : columns.toSpliced(at, 1)
    case 'rename': {
      const old = table.find(({ key }) => key === column.key)
      if (isTaken(edit.name)) return columns
      return columns.with(at, { ...column, name: edit.name, ...(old && { renamedFrom: old.name }) })
    }
    case 'widen':
      return columns.with(at, { ...column, kind: wider[column.kind] ?? column.kind })
    case 'move':
      return columns.toSpliced(at, 1).toSpliced(edit.to % columns.length, 0, column)
    case 'retype':
      return columns.with(at, { ...column, kind: 'string' })
  }
}

export function saysOf(
  columns: readonly Column[],
  more: { readonly type: 'append' | 'overwrite'; readonly order: string; readonly term?: string },
): Says {
  const specs = columns.map(({ name, kind, renamedFrom }) => {
    const from = renamedFrom === undefined ? '' : `, rename_from: ${renamedFrom}`
    return `${name}: { ${words[kind]}${from} }`
  })
  return {
    contract: `{ columns: { ${specs.join(', ')} } }`,
    evolution: `{ column_order: ${more.order} }`,
    type: more.type,
    ...(more.term === undefined ? {} : { physical: `{ partition_by: ["${more.term}"] }` }),
  }
}

/** A transform that the column's type has, as the manifest writes it. */
export function termOf({ name, kind }: Column, transform: string): string {
  if (kind === 'float' || kind === 'double') return `void(${name})`
  if (transform === 'identity') return name
  return transform === 'bucket' ? `bucket(3, ${name})` : `truncate(2, ${name})`
}

/** The text in the file, and the value that a reader gives of it; `n` is from 0 to 99. */
export function sampleOf(kind: Kind, n: number): { readonly csv: string; readonly read: unknown } {
  if (n % 7 === 0) return { csv: '', read: null }
  if (kind === 'string') return { csv: `ü${n}`, read: `ü${n}` }
  const signed = n % 2 === 0 ? n : -n
  if (kind === 'integer' || kind === 'bigint') return { csv: String(signed), read: String(signed) }
  const half = `${signed}.5`
  return { csv: half, read: kind.startsWith('decimal') ? half : Number(half) }
}

/** Rows by the key of a column, as a table with these columns shows them. */
export function shown(columns: readonly Column[], rows: readonly ReadonlyMap<number, unknown>[]): Row[] {
  return rows.map((row) =>
    Object.fromEntries(
      columns
        .map(({ key, name }) => [name, row.get(key) ?? null] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    ),
  )
}
