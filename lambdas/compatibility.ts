import type { ScanColumn, ScanConstant } from '../core/contract/scan.ts'
import { refusesNull } from '../core/contract/types.ts'
import { PolicyError } from '../core/errors.ts'
import type { SchemaEvolution } from '../core/manifest/types.ts'
import type { CompatibilityProof, CompatibilityRecord } from '../core/runs/compatibility-record.ts'
import type { LineageRecord } from '../core/runs/lineage-record.ts'
import { icebergTypeOf } from '../core/sinks/iceberg-types.ts'
import { typeFit } from '../core/sinks/type-fit.ts'
import { type NestedField, typeText } from '../core/tables/types.ts'
import { gateHandler, type ReadTask } from './gate-handler.ts'

/**
 * Gate 5: proves, column by column, that what the files hold can be read as what the table says, and that whatever
 * is lost on the way there has a place to go. It does not trust the gate before: narrowing, inside a family of
 * types as much as across, ends here.
 */
export async function compatibility(task: ReadTask): Promise<CompatibilityRecord> {
  const proofs = proveTypes(task.record('lineage'), task.dataflow.schema_evolution)
  const refused = proofs.filter((proof) => !proof.compatible)
  if (refused.length === 0) return { columns: proofs }
  throw new PolicyError({
    code: 'TYPE_INCOMPATIBLE',
    fact: `${task.dataflow.sink.table} cannot take ${refused.map((p) => `${p.column} as ${p.incoming} (it is ${p.target}: ${p.why})`).join(', ')}`,
    consequence: 'Nothing was written to the table',
    next: 'Give the column the type of the table in the contract, or write to a new table',
    details: { columns: proofs },
  })
}

/** A proof for every column, the failed ones too. */
export function proveTypes(
  { columns, constants, schema }: Pick<LineageRecord, 'columns' | 'constants' | 'schema'>,
  policy: SchemaEvolution,
): CompatibilityProof[] {
  const byId = new Map(schema.fields.map((field) => [field.id, field]))
  return [...columns, ...constants].map((column) => prove(column, byId.get(column.field_id), policy))
}

function prove(
  column: ScanColumn | ScanConstant,
  target: NestedField | undefined,
  policy: SchemaEvolution,
): CompatibilityProof {
  const incoming = icebergTypeOf(column.type, 'contract' in column ? column.contract : undefined)
  const stored = 'stored' in column ? column.stored : undefined
  const written = stored === undefined ? incoming : icebergTypeOf(stored)
  const proof = (compatible: boolean, why: string): CompatibilityProof => ({
    column: column.name,
    incoming: typeText(incoming),
    written: typeText(written),
    target: target === undefined ? 'none' : typeText(target.type),
    compatible,
    why,
  })
  if (target === undefined) return proof(false, 'the table has no such field')
  const read = typeFit(written, target.type)
  if (read !== 'same' && read !== 'widening') return proof(false, 'values could be lost')
  const nullable = !('contract' in column) || !refusesNull(column.contract)
  if (target.required && nullable && !('value' in column)) return proof(false, 'the table takes no NULL')
  const fit = typeFit(incoming, written)
  switch (fit) {
    case 'same':
      return proof(true, read === 'same' ? 'the same type' : 'a widening that readers of format v2 make')
    case 'widening':
    case 'lossless':
      return proof(true, 'every value is one of the table’s type, too')
    case 'narrowing':
    case 'by_text': {
      const names = policy.data_type === 'quarantine' ? 'data_type' : 'narrowing'
      const allowed =
        policy.data_type === 'quarantine' || (fit === 'narrowing' && policy.narrowing === 'quarantine')
      return allowed
        ? proof(
            true,
            `cast by value; rows that do not fit went to quarantine (schema_evolution.${names}: quarantine)`,
          )
        : proof(false, 'values could be lost, and no policy says where their rows go')
    }
    case 'incompatible':
      return proof(false, 'no value of the one is one of the other')
  }
}

export const handler = gateHandler('compatibility', compatibility)
