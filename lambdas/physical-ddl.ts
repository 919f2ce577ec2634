import type { EvolutionDecision, PhysicalDdlRecord } from '../core/runs/records.ts'
import { typeText as text } from '../core/tables/types.ts'
import { type GateTask, gateHandler } from './gate-handler.ts'

/** Properties of a table that Sluice creates; those of a table that exists are left alone. */
const newTableProperties: Readonly<Record<string, string>> = {
  'write.format.default': 'parquet',
  'write.parquet.compression-codec': 'zstd',
  'write.metadata.previous-versions-max': '100',
}

/**
 * Gate 6: plans what the table's definition becomes. Everything in the plan is a change of metadata that
 * happens in the commit itself, online: no file is rewritten and no reader is blocked.
 */
export async function physicalDdl(task: GateTask): Promise<PhysicalDdlRecord> {
  const { base, schema } = task.record('lineage')
  const { table } = task.dataflow.sink
  if (base === null) {
    const columns = schema.fields.map((field) => `${field.name} ${text(field.type)}`).join(', ')
    const statements = [`CREATE TABLE ${table} (${columns})`]
    return { action: 'create_table', statements, schema, properties: newTableProperties }
  }
  const applied = task.record('evolution').decisions.filter((decision) => decision.action === 'apply')
  const statements = applied.map((decision) => `ALTER TABLE ${table} ${clause(decision)}`)
  return { action: applied.length === 0 ? 'none' : 'alter_schema', statements, schema, properties: {} }
}

function clause(decision: EvolutionDecision): string {
  switch (decision.change) {
    case 'add_column':
      return `ADD COLUMN ${decision.column} ${decision.to}`
    case 'drop_column':
      return `DROP COLUMN ${decision.column}`
    default:
      return `ALTER COLUMN ${decision.column} TYPE ${decision.to}`
  }
}

export const handler = gateHandler('physical_ddl', physicalDdl)
