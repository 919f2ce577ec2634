import type { FinalizeRecord } from '../core/runs/commit-records.ts'
import type { StagedFile } from '../core/runs/contract-record.ts'
import { roundTag } from '../core/runs/uncommitted.ts'
import { newSnapshotId, uuidFrom } from '../core/tables/attempt.ts'
import { dataFileFromStats } from '../core/tables/data-file.ts'
import { sortOrderId } from '../core/tables/design.ts'
import { parseTable } from '../core/tables/identifier.ts'
import { keyToUri } from '../core/tables/locations.ts'
import { type PartitionField, partitionType } from '../core/tables/partition.ts'
import { partitionValue } from '../core/tables/partition-values.ts'
import { loadTable } from '../core/tables/scan.ts'
import { prepareSnapshot } from '../core/tables/snapshot.ts'
import type { Schema } from '../core/tables/types.ts'
import { type GateTask, gateHandler } from './gate-handler.ts'

/**
 * Gate 8: writes the table's next state, manifests and metadata, complete and immutable. Until the commit
 * moves the catalog's pointer nothing refers to it.
 *
 * All names come from the attempt and its round, so that a repetition meets its own files. The base is the one
 * that stage has recorded for this round, so a repetition writes the same bytes.
 */
export async function finalize(task: GateTask): Promise<FinalizeRecord> {
  const { dataflow, ports } = task
  const { run_id, attempt, round } = task.ref
  const { base_location } = task.record('stage')
  const { schema, partition, sort, properties } = task.record('physical_ddl')
  const base = base_location === null ? undefined : await loadTable(ports.lake, base_location)
  const seed = roundTag(run_id, dataflow.name, attempt, round)
  const added = task.record('contract').files.map(({ object, stats, partition_values, sorted }) =>
    dataFileFromStats(stats, schema, keyToUri(ports.lake, object.key), {
      nanFree: 'all',
      partition: partitionOf(partition, schema, partition_values),
      ...(sorted === undefined ? {} : { sortOrderId: sortOrderId(base?.metadata, sort) }),
    }),
  )
  const prepared = await prepareSnapshot({
    store: ports.lake,
    table: parseTable(dataflow.sink.table),
    ...(base === undefined ? {} : { base }),
    operation: dataflow.sink.load_type,
    schema,
    added,
    snapshotId: newSnapshotId(seed),
    attempt: uuidFrom(seed),
    timestampMs: Date.parse(task.log.get('stage')?.started_at as string),
    summary: { 'sluice.run-id': run_id, 'sluice.dataflow': dataflow.name, 'sluice.attempt': String(attempt) },
    partition,
    sort,
    properties,
  })
  return {
    base_location,
    metadata_location: prepared.location,
    snapshot_id: prepared.snapshotId === undefined ? null : String(prepared.snapshotId),
    written: prepared.written,
  }
}

function partitionOf(
  fields: readonly PartitionField[],
  schema: Schema,
  values: StagedFile['partition_values'] = {},
): Map<number, unknown> {
  return new Map(
    fields.map((field) => {
      const text = values[String(field['field-id'])] ?? null
      return [field['field-id'], text === null ? null : partitionValue(partitionType(field, [schema]), text)]
    }),
  )
}

export const handler = gateHandler('finalize', finalize)
