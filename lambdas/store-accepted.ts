import type { Engine } from '../core/engine/engine.ts'
import type { SchemaEvolution } from '../core/manifest/types.ts'
import type { StagedFile } from '../core/runs/contract-record.ts'
import type { LineageRecord } from '../core/runs/lineage-record.ts'
import { attemptTag, portionTag } from '../core/runs/uncommitted.ts'
import { type LayoutRequest, layOut } from '../core/sinks/layout-files.ts'
import { asLoaded } from '../core/sinks/nested-fields.ts'
import { isSortable } from '../core/sinks/partition-sql.ts'
import { parseTable } from '../core/tables/identifier.ts'
import { tableRoot } from '../core/tables/locations.ts'
import { parseBytes } from '../core/tables/terms.ts'
import { proveTypes } from './compatibility.ts'
import { evolutionOf } from './evolution.ts'
import type { GateTask } from './gate-handler.ts'
import type { Judgement } from './judge.ts'
import { storeOnce } from './store-once.ts'

/**
 * Puts the accepted rows, as the table wants them, where they will stay. Until a commit refers to them nobody sees
 * them. No statement may follow on the engine.
 */
export async function storeAccepted(
  task: GateTask,
  engine: Engine,
  { accepted, shard }: Pick<Judgement, 'accepted' | 'shard'>,
): Promise<StagedFile[]> {
  const files = await layOut(engine, accepted, layoutOf(task))
  // What follows stores files and waits for the disk; the instance need not wait with it.
  await engine.done()
  const { run_id, attempt, round } = task.ref
  const folder = `${tableRoot(parseTable(task.dataflow.sink.table))}/data`
  const tag = attemptTag(run_id, task.dataflow.name, attempt)
  return await Promise.all(
    files.map(async ({ file, partition_values, sorted, ...stats }, i) => {
      const name = `${folder}/${tag}.${portionTag(round, shard)}-${String(i).padStart(5, '0')}`
      const values = {
        ...(partition_values === undefined ? {} : { partition_values }),
        ...(sorted === undefined ? {} : { sorted }),
      }
      return { ...(await storeOnce(task.ports.lake, name, file)), stats, ...values }
    }),
  )
}

/** Sorting and cutting are the manifest's to ask for; partitions are the table's. */
function layoutOf(task: GateTask): LayoutRequest {
  const { physical } = task.dataflow.sink
  const lineage = task.record('lineage')
  const { columns, constants, schema, physical: drafted } = lineage
  const targetBytes =
    physical?.target_file_size === undefined ? undefined : parseBytes(physical.target_file_size)
  const files = {
    schema: { ...schema, fields: asLoaded(schema.fields, columns) },
    columns: [...columns, ...constants].map(({ name }) => name),
  }
  // A transform of the table's type may have no value of the load's: the gates to come say so, not the engine.
  if (isRefused(lineage, task.dataflow.schema_evolution))
    return { ...files, design: { partition: [], sort: [] } }
  return {
    ...files,
    design: isSortable(drafted.after.sort, schema) ? drafted.after : { ...drafted.after, sort: [] },
    ...(targetBytes === undefined ? {} : { targetBytes }),
  }
}

/** Whether gate 4 or 5 will stop the load. */
function isRefused(lineage: LineageRecord, policy: SchemaEvolution): boolean {
  return (
    evolutionOf(lineage, policy).decisions.some(({ action }) => action === 'refuse') ||
    proveTypes(lineage, policy).some(({ compatible }) => !compatible)
  )
}
