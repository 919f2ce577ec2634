import { keepsVariants } from '../core/contract/enforcement.ts'
import type { ScanColumn } from '../core/contract/scan.ts'
import { variantName } from '../core/contract/types.ts'
import { TerminalError } from '../core/errors.ts'
import type { Dataflow } from '../core/manifest/types.ts'
import { watermarkColumns } from '../core/sources/source-state.ts'
import type { Schema } from '../core/tables/types.ts'

type Column = Omit<ScanColumn, 'field_id'>

/**
 * The variant columns of a load, whether a value needs one or not. A watermark column has none: a row without its value
 * cannot be told new from old.
 */
export function variantColumns({ contract, ...dataflow }: Dataflow, columns: readonly Column[]): Column[] {
  const marks = watermarkColumns({ contract, ...dataflow })
  const names = columns.map(({ name }) => name.toLowerCase())
  return columns
    .filter((column) => keepsVariants(column.contract, contract) && !marks.includes(column.name))
    .map(({ name }) => {
      if (names.includes(variantName(name).toLowerCase())) throw taken(name)
      return { ...emptyText(variantName(name)), variant_of: name }
    })
}

/** A table to which rows are added keeps the variant columns of an earlier policy; the new rows hold NULL in them. */
export function formerVariants(
  { sink }: Dataflow,
  columns: readonly Column[],
  table: Schema | undefined,
): Column[] {
  if (table === undefined || sink.load_type === 'overwrite') return []
  const names = new Set(columns.map(({ name }) => name))
  const former = new Set(columns.map(({ name }) => variantName(name)))
  return table.fields.flatMap(({ name }) => (former.has(name) && !names.has(name) ? [emptyText(name)] : []))
}

function emptyText(name: string): Column {
  return { source: null, name, type: { type: 'string' }, input: 'text' }
}

function taken(name: string): TerminalError {
  return new TerminalError({
    code: 'COLUMN_COLLISION',
    fact: `column ${JSON.stringify(variantName(name))} of the source is where conflict_policy: variant_column puts values of ${name}`,
    consequence: 'Nothing was written',
    next: 'Rename the column in the source, or use another conflict_policy',
  })
}
