import { csvInput, type Pool, type Scanned, scanAll } from '../contract/scan.suite.ts'
import type { ColumnContract, PiiPolicy } from '../contract/types.ts'
import type { Engine } from '../engine/engine.ts'
import { planTransformers } from './plan.ts'
import type { Transformers } from './types.ts'

export type Cell = string | null

/** A quoted field is a text, an unquoted empty one NULL. */
export function csvOf(columns: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const field = (cell: Cell) => (cell === null ? '' : `"${cell.replaceAll('"', '""')}"`)
  return [columns, ...rows].map((row) => `${row.map(field).join(',')}\n`).join('')
}

export interface Made {
  readonly transformers: Transformers
  readonly contract?: Readonly<Record<string, ColumnContract>>
  readonly column_names?: 'lower' | 'snake'
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
  readonly pii_policy?: PiiPolicy
  readonly coerce?: boolean
  /** The watermark columns, and from where on each is read. */
  readonly after?: Readonly<Record<string, string | null>>
  /** Instead of `rows`. */
  readonly body?: string
}

/** Plans the transformers over a CSV and scans it. */
export async function makeRows(
  pool: Pool,
  made: Made,
): Promise<Scanned & { readonly plan: Planned['plan'] }> {
  return await pool.use((engine) => makeIn(engine, made))
}

type Planned = Awaited<ReturnType<typeof planTransformers>>

async function makeIn(engine: Engine, made: Made) {
  const { plan, columns } = await planTransformers({
    transformers: made.transformers,
    columns: made.columns.map((name) => ({ name, input: 'text' })),
    column_names: made.column_names ?? 'lower',
    contracts: new Map(Object.entries(made.contract ?? {})),
    after: made.after ?? {},
    engine,
  })
  const input = csvInput(engine, made.body ?? csvOf(made.columns, made.rows), made.columns)
  const scanned = await scanAll(engine, {
    inputs: [input],
    columns: columns.map((column, i) => ({ ...column, field_id: i + 1 })),
    transformers: plan,
    ...(made.coerce === undefined ? {} : { coerce: made.coerce }),
    ...(made.after === undefined ? {} : { watermark: { columns: watermarkOf(made.after) } }),
    pii_policy: made.pii_policy ?? 'reference_only',
  })
  return { ...scanned, plan }
}

function watermarkOf(after: Readonly<Record<string, string | null>>) {
  return Object.entries(after).map(([name, value]) => (value === null ? { name } : { name, after: value }))
}
