import type { ScanColumn, ScanConstant } from '../core/contract/scan.ts'
import { refusesNull } from '../core/contract/types.ts'
import type { Dataflow } from '../core/manifest/types.ts'
import type { LineageRecord } from '../core/runs/lineage-record.ts'
import { type DraftBase, type DraftedColumn, draftSchema } from '../core/sinks/draft-schema.ts'
import { draftPhysical } from '../core/sinks/physical-design.ts'
import type { DraftColumn } from '../core/sinks/schema-differences.ts'
import { swappedAfter } from '../core/sinks/swapped-columns.ts'
import type { TableMetadata } from '../core/tables/metadata.ts'
import type { TransformerPlan } from '../core/transformers/types.ts'
import { checkWatermarkTypes } from './check-watermarks.ts'

export interface LineageDraft {
  readonly dataflow: Dataflow
  readonly inputs: LineageRecord['inputs']
  readonly columns: readonly Omit<ScanColumn, 'field_id'>[]
  readonly transformers?: TransformerPlan
  /** The columns that Sluice adds to every row. */
  readonly own: readonly Omit<ScanConstant, 'field_id'>[]
  readonly target: (DraftBase & { readonly metadata: TableMetadata }) | undefined
}

/** The record as a function of what the source and the table are; the clock and the stores have no part in it. */
export function draftLineage({
  dataflow,
  inputs,
  columns,
  transformers,
  own,
  target,
}: LineageDraft): LineageRecord {
  const { sink, schema_evolution } = dataflow
  const drafts = [...columns.map(sourceDraft), ...own.map(ownDraft)]
  const base = target && { ...target, properties: target.metadata.properties ?? {} }
  const draft = draftSchema(drafts, base, sink.load_type === 'overwrite', schema_evolution)
  const remembered = swappedAfter(dataflow.name, drafts, draft.schema, target?.metadata.properties)
  const byName = new Map(draft.columns.map((column) => [column.name, column]))
  const loaded = <T extends { readonly name: string }>(some: readonly T[]) =>
    some.flatMap((column) => {
      const { fate, field_id, nested, stored } = byName.get(column.name) as DraftedColumn
      if (fate !== 'loaded') return []
      const more = {
        ...(nested === undefined ? {} : { nested }),
        ...(stored === undefined ? {} : { stored }),
      }
      return [{ ...column, field_id, ...more }]
    })
  const record: LineageRecord = {
    inputs,
    columns: loaded(columns),
    constants: loaded(own),
    ...(transformers === undefined ? {} : { transformers }),
    unexpected: columns.flatMap(({ source, name }) =>
      byName.get(name)?.fate === 'unexpected' ? [{ source: source ?? name, name }] : [],
    ),
    schema: draft.schema,
    base: target?.schema ?? null,
    physical: draftPhysical(sink.physical, draft.schema, target?.metadata, remembered),
    differences: draft.differences,
  }
  checkWatermarkTypes(dataflow, record)
  return record
}

function sourceDraft({ name, type, contract, variant_of }: Omit<ScanColumn, 'field_id'>): DraftColumn {
  return {
    name,
    type,
    nullable: !refusesNull(contract),
    ...(contract === undefined ? {} : { contract }),
    ...(contract === undefined && variant_of === undefined ? {} : { origin: 'contract' as const }),
    ...(contract?.rename_from === undefined ? {} : { rename_from: contract.rename_from }),
  }
}

function ownDraft({ name, type }: Omit<ScanConstant, 'field_id'>): DraftColumn {
  return { name, type, nullable: false, origin: 'sluice' }
}
