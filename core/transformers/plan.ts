import { columnType } from '../contract/input-type.ts'
import { contractType } from '../contract/nested-contract.ts'
import type { ScanColumn } from '../contract/scan.ts'
import { readAlias, readRelation } from '../contract/scan-transformers.ts'
import type { ColumnContract } from '../contract/types.ts'
import type { Engine } from '../engine/engine.ts'
import { digestOf } from '../json.ts'
import type { ColumnNames } from '../manifest/types.ts'
import { isReserved, refuseReserved } from '../sources/column-names.ts'
import { type Column, type Draft, layersSql } from './columns.ts'
import { addDeduplicate } from './deduplicate.ts'
import { addComputed, addFilter } from './expressions.ts'
import { checkNew, project } from './names.ts'
import { addFormats, addHashes, addMasks, addValues } from './steps.ts'
import type { TransformerPlan, Transformers } from './types.ts'

export interface PlanRequest {
  readonly transformers: Transformers
  /** The columns of the source; `input` is `text`, or DuckDB's type. */
  readonly columns: readonly { readonly name: string; readonly input: string }[]
  readonly column_names: ColumnNames
  /** By the names that the table has. */
  readonly contracts: ReadonlyMap<string, ColumnContract>
  /** Rows are read only beyond these values (`ExtractRecord.after`), by the names that the table has. */
  readonly after: Readonly<Record<string, string | null>>
  /** There where {@link needsEngine}. */
  readonly engine?: Engine
}

/** What the scan runs, and the columns that come out of it: `source` is `null` for one that is no column of the source. */
export interface PlannedTransformers {
  readonly plan: TransformerPlan
  readonly columns: readonly Omit<ScanColumn, 'field_id'>[]
}

/**
 * Puts the transformers of a dataflow and the columns of its source together: names are found, types are checked, and
 * what comes out is one SELECT between the source and the scan. Nothing is read.
 *
 * Throws `ContractError`: `TRANSFORMER_COLUMN_MISSING`, `TRANSFORMER_COLUMN_AMBIGUOUS`, `TRANSFORMER_COLUMN_TAKEN`,
 * `TRANSFORMER_COLUMN_TYPE`, `TRANSFORMER_VALUE_INVALID`, `TRANSFORMER_EXPRESSION_INVALID`.
 */
export async function planTransformers(request: PlanRequest): Promise<PlannedTransformers> {
  const { transformers, columns, column_names, contracts } = request
  refuseReserved(columns.map(({ name }) => name).filter(isReserved))
  const { hash_columns = [], computed = [] } = transformers
  const made = [...hash_columns, ...computed].map(({ name }) => name)
  const names = columns.map(({ name }) => name)
  checkNew(names, made, column_names)
  const projected = project([...names, ...made], transformers, column_names)
  const outputs = new Map(projected.map(({ name, output }) => [name, output]))
  const draft = openDraft(columns, column_names, (name) => {
    const output = outputs.get(name)
    const contract = output === undefined ? undefined : contracts.get(output)
    return { ...(output === undefined ? {} : { output }), ...(contract === undefined ? {} : { contract }) }
  })
  addValues(draft, transformers.values ?? [], transformers.formats ?? {})
  addFormats(draft, transformers.formats ?? {})
  addHashes(draft, hash_columns)
  if (transformers.deduplicate !== undefined) {
    addDeduplicate(draft, transformers.deduplicate, { reads: columns.length, after: request.after })
  }
  if (needsEngine(transformers)) await addExpressions(draft, request)
  addMasks(draft, transformers.masking ?? [])
  const byName = new Map(draft.columns.map((column) => [column.name, column]))
  const loaded = projected.map(({ name }) => byName.get(name) as Column)
  const scan = {
    reads: columns.map(({ name, input }) => ({ name, input })),
    sql: layersSql(draft, readRelation),
    values: Object.fromEntries(loaded.map((column) => [column.output as string, column.value])),
    rules: draft.rules,
    removes: draft.removes,
    shown: loaded.filter(({ own, masked }) => own && !masked).map(({ name }) => name),
  }
  const lineage = loaded.map(({ output, from, by }) => ({ column: output as string, from, by }))
  return { plan: { ...scan, sha256: digestOf(scan), lineage }, columns: loaded.map(outputColumn) }
}

/** Expressions are the engine's to judge. */
export function needsEngine({ computed, filter }: Transformers): boolean {
  return computed !== undefined || filter !== undefined
}

async function addExpressions(draft: Draft, { transformers, engine }: PlanRequest): Promise<void> {
  await addComputed(draft, engine as Engine, transformers.computed ?? [])
  if (transformers.filter !== undefined) await addFilter(draft, engine as Engine, transformers.filter)
}

function openDraft(columns: PlanRequest['columns'], names: ColumnNames, place: Draft['place']): Draft {
  const own = columns.map(({ name, input }, i): Column => {
    const value = `_sluice_made_${i}`
    const kept = { name, from: [name], own: true, value, input, declared: input, masked: false, needs: [] }
    return { ...kept, ...place(name), by: [] }
  })
  const list = own.map(({ value }, i) => `${readAlias(i)} AS ${value}`)
  return {
    names,
    columns: own,
    layers: [{ list: ['*', ...list].join(', ') }],
    rules: [],
    removes: [],
    exposed: new Set(),
    place,
  }
}

function outputColumn({
  name,
  own,
  output,
  contract,
  input,
  declared,
}: Column): Omit<ScanColumn, 'field_id'> {
  return {
    source: own ? name : null,
    name: output as string,
    type: contract === undefined ? columnType(declared, name) : contractType(contract),
    input,
    ...(contract === undefined ? {} : { contract }),
  }
}
