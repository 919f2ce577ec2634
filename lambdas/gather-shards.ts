import type { CheckResult } from '../core/contract/checks.ts'
import type { ContractRecord, ShardRecord } from '../core/runs/contract-record.ts'
import type { RowCounts } from '../core/runs/items.ts'
import { sumReasons } from '../core/runs/reasons.ts'
import { addRows, noRows } from '../core/runs/result.ts'
import { readShards } from '../core/runs/shard-log.ts'
import { pinsOf } from '../core/sinks/unique.ts'
import { furthestOf } from '../core/sources/furthest.ts'
import { downloadColumns } from '../core/sources/parquet-ranges.ts'
import { judgeChecks } from './contract-checks.ts'
import type { GateTask } from './gate-handler.ts'
import { indexRejected } from './index-rejected.ts'

/** What gate 3 found in all shards together; the same as one scan over all of their objects would have found. */
export interface Gathered extends Omit<ContractRecord, 'verdict' | 'checks' | 'watermark'> {
  /** Of the files of rejected rows. */
  readonly quarantine_bytes: number
  watermark(): Promise<ContractRecord['watermark']>
  /** May read columns of all shards' files, so it is only asked where the rest lets the load go on. */
  checks(): Promise<readonly CheckResult[]>
}

/**
 * Sums up the records of all shards. Throws where one is missing (`SHARD_RECORD_MISSING`).
 */
export async function gatherShards(task: GateTask): Promise<Gathered> {
  const { ports, ref } = task
  const shards = await readShards(ports, ref, task.record('extract').shards.length)
  const rows = shards.map((shard) => shard.rows).reduce(addRows, noRows)
  const quarantined = shards.flatMap((shard) => shard.quarantine ?? [])
  const by_reason = sumReasons(shards.flatMap((shard) => shard.by_reason))
  const { bytes, ...index } = await indexRejected(task, task.record('lineage'), quarantined, by_reason)
  return {
    rows,
    by_reason,
    rules: sumCounts(shards.map(({ rules }) => rules)),
    ...sumColumns(shards, 'coerced'),
    ...sumColumns(shards, 'variants'),
    ...index,
    quarantine_bytes: bytes,
    files: shards.flatMap((shard) => shard.files),
    watermark: () =>
      furthestOf(
        ports,
        shards.map((shard) => shard.watermark),
        task.record('lineage').columns,
        task.signal,
      ),
    checks: () => judgeAll(task, rows, shards),
  }
}

/** All shards judge by the same rules and columns, in the same order. */
function sumCounts<C extends { readonly count: number }>(counts: readonly (readonly C[])[]): C[] {
  const [first, ...others] = counts
  return (first ?? []).map((one, i) => ({
    ...one,
    count: others.reduce((sum, list) => sum + (list[i]?.count ?? 0), one.count),
  }))
}

function sumColumns(
  shards: readonly ShardRecord[],
  key: 'coerced' | 'variants',
): Pick<ContractRecord, 'coerced' | 'variants'> {
  const counts = shards.flatMap((shard) => (shard[key] === undefined ? [] : [shard[key]]))
  return counts.length === 0 ? {} : { [key]: sumCounts(counts) }
}

/** A value may be unique in each shard and not in the load, so all files are looked at together, one check at a time. */
async function judgeAll(
  task: GateTask,
  counts: RowCounts,
  shards: readonly ShardRecord[],
): Promise<CheckResult[]> {
  const { lake, engines } = task.ports
  const files = shards.flatMap((shard) => shard.files)
  return await judgeChecks(task, {
    counts,
    stats: files.map(({ stats }) => stats),
    read: (work) =>
      engines.use(
        async (engine) =>
          await work({
            engine,
            files: (columns) => downloadColumns(lake, engine, pinsOf(files), columns),
          }),
        { signal: task.signal },
      ),
  })
}
