import type { CheckResult } from '../core/contract/checks.ts'
import type { RowCounts } from '../core/runs/items.ts'
import type { ContractRecord, ReasonCount, ShardRecord } from '../core/runs/records.ts'
import { addRows, noRows } from '../core/runs/result.ts'
import { readShards } from '../core/runs/shard-log.ts'
import { pinsOf } from '../core/sinks/unique.ts'
import { furthestOf } from '../core/sources/furthest.ts'
import { downloadColumns } from '../core/sources/parquet-ranges.ts'
import { judgeChecks } from './contract-checks.ts'
import type { GateTask } from './gate-handler.ts'
import { checkAccounted } from './judge.ts'
import { indexRejected } from './store-rejected.ts'

/** What gate 3 found in all shards together; the same as one scan over all of their objects would have found. */
export interface Gathered extends Omit<ContractRecord, 'verdict' | 'checks'> {
  /** Of the files of rejected rows. */
  readonly quarantine_bytes: number
  /** May read columns of all shards' files, so it is only asked where the rest lets the load go on. */
  checks(): Promise<readonly CheckResult[]>
}

/**
 * Sums up the records of all shards. Throws where one is missing (`SHARD_RECORD_MISSING`), and where the sum does not
 * account for every row.
 */
export async function gatherShards(task: GateTask): Promise<Gathered> {
  const { ports, ref } = task
  const shards = await readShards(ports, ref, task.record('extract').shards.length)
  const rows = shards.map((shard) => shard.rows).reduce(addRows, noRows)
  checkAccounted(rows)
  const quarantined = shards.flatMap((shard) => shard.quarantine ?? [])
  const by_reason = sumReasons(shards)
  const { bytes, ...index } = await indexRejected(task, quarantined, by_reason)
  return {
    rows,
    by_reason,
    rules: sumCounts(shards.map(({ rules }) => rules)),
    ...sumColumns(shards, 'coerced'),
    ...sumColumns(shards, 'variants'),
    ...index,
    quarantine_bytes: bytes,
    files: shards.flatMap((shard) => shard.files),
    watermark: await furthestOf(
      ports,
      shards.map((shard) => shard.watermark),
      task.record('lineage').columns,
      task.signal,
    ),
    checks: () => judgeAll(task, rows, shards),
  }
}

/** In the order of a scan: the most frequent first, then by column and rule. */
function sumReasons(shards: readonly ShardRecord[]): ReasonCount[] {
  const sums = new Map<string, ReasonCount>()
  for (const reason of shards.flatMap((shard) => shard.by_reason)) {
    const key = JSON.stringify([reason.column, reason.rule, reason.name])
    sums.set(key, { ...reason, count: reason.count + (sums.get(key)?.count ?? 0) })
  }
  const text = ({ column, rule, name }: ReasonCount) =>
    `${column ?? '\u{10FFFF}'} ${rule} ${name ?? '\u{10FFFF}'}`
  return [...sums.values()].sort((a, b) => b.count - a.count || (text(a) < text(b) ? -1 : 1))
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
