import { PolicyError } from '../core/errors.ts'
import type { CompatibilityRecord } from '../core/runs/records.ts'
import { text } from '../core/sinks/draft-schema.ts'
import { icebergTypeOf } from '../core/sinks/iceberg-types.ts'
import { canPromote } from '../core/tables/schema.ts'
import type { NestedField } from '../core/tables/types.ts'
import { type GateTask, gateHandler } from './gate-handler.ts'

/**
 * Gate 5: proves, column by column, that what the files hold can be read as what the table says. It does not
 * trust the gate before: narrowing, inside a family of types as much as across, ends here.
 */
export async function compatibility(task: GateTask): Promise<CompatibilityRecord> {
  const { columns, constants, schema } = task.record('lineage')
  const byId = new Map(schema.fields.map((field) => [field.id, field]))
  const proofs = [...columns, ...constants].map((column) => {
    const target = byId.get(column.field_id) as NestedField
    const incoming = icebergTypeOf(column.type)
    const same = text(incoming) === text(target.type)
    const wider = canPromote(incoming, target.type)
    const why = same
      ? 'the same type'
      : wider
        ? 'a widening that readers of format v2 make'
        : 'values could be lost'
    return {
      column: column.name,
      incoming: text(incoming),
      target: text(target.type),
      compatible: same || wider,
      why,
    }
  })
  const refused = proofs.filter((proof) => !proof.compatible)
  if (refused.length === 0) return { columns: proofs }
  throw new PolicyError({
    code: 'TYPE_INCOMPATIBLE',
    fact: `${task.dataflow.sink.table} cannot take ${refused.map((p) => `${p.column} as ${p.incoming} (it is ${p.target})`).join(', ')}`,
    consequence: 'Nothing was written to the table',
    next: 'Give the column the type of the table in the contract, or write to a new table',
    details: { columns: proofs },
  })
}

export const handler = gateHandler('compatibility', compatibility)
