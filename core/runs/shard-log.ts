import { addUsage, type Usage } from '../cost/usage.ts'
import { TerminalError } from '../errors.ts'
import type { Ports, ReadPorts } from '../ports.ts'
import type { Item, Put } from '../stores/state-store.ts'
import { counted } from '../words.ts'
import type { QuarantineFile, ReasonCount, ShardRecord } from './contract-record.ts'
import { entryAttributes, entryText } from './gate-log.ts'
import { runKey, shardKey, shardPrefix, stoppedShardKey, stoppedShardPrefix } from './keys.ts'

type Stores = Pick<ReadPorts, 'state' | 'evidence'>

/** The passage of one attempt's round through gate 3, of which a shard is a part. */
export interface ShardedRound {
  readonly run_id: string
  readonly dataflow: string
  readonly attempt: number
  readonly round: number
}

/** What a call of this very shard has recorded, or `undefined`. */
export async function readShard(
  stores: Stores,
  round: ShardedRound,
  shard: number,
): Promise<ShardRecord | undefined> {
  const key = shardKey(round.dataflow, round.attempt, round.round, shard)
  const item = await stores.state.get(runKey(round.run_id), key)
  return item === undefined ? undefined : await recordOf(stores, item)
}

/**
 * The records of all shards, in their order. Throws `TerminalError` `SHARD_RECORD_MISSING` unless there is one for
 * each of them: rows of a shard that nobody has recorded must not be taken for rows that do not exist.
 */
export async function readShards(stores: Stores, round: ShardedRound, count: number): Promise<ShardRecord[]> {
  const records: ShardRecord[] = []
  const prefix = shardPrefix(round.dataflow, round.attempt, round.round)
  for await (const item of stores.state.query(runKey(round.run_id), prefix)) {
    records.push(await recordOf(stores, item))
  }
  const isWhole = records.length === count && records.every((record, i) => record.shard === i)
  if (isWhole) return records
  throw new TerminalError({
    code: 'SHARD_RECORD_MISSING',
    fact: `attempt ${round.attempt} of ${round.dataflow} has ${counted(count, 'shard')}, but records of ${records.length}`,
    consequence: 'The contract gave no verdict, and nothing became visible',
    next: 'Shards are judged before the gate that sums them up (state-machines/run.asl.json); check the caller',
  })
}

/**
 * The write that records a shard, only where it has no record yet: of two calls of one shard the first to record
 * wins, and the files of the other are referred to by nobody.
 */
export async function shardWrite(
  stores: Pick<Ports, 'evidence'>,
  round: ShardedRound,
  record: ShardRecord,
): Promise<Put> {
  const { run_id, dataflow, attempt } = round
  const sk = shardKey(dataflow, attempt, round.round, record.shard)
  const part = [String(attempt).padStart(4, '0'), round.round, 'shard', String(record.shard).padStart(4, '0')]
  const name = `plans/${run_id}/records/${dataflow}/${part.join('-')}`
  const attributes = await entryAttributes(stores, name, record)
  return { kind: 'put', item: { pk: runKey(run_id), sk, ...attributes }, expect: 'absent' }
}

/** What all shards of one round have used, as it stands beside their records; `undefined` where none has any. */
export async function shardUsage(stores: Stores, round: ShardedRound): Promise<Usage | undefined> {
  const prefix = shardPrefix(round.dataflow, round.attempt, round.round)
  const found: (Usage | undefined)[] = []
  for await (const item of stores.state.query(runKey(round.run_id), prefix)) {
    found.push(item.usage as Usage | undefined)
  }
  return found.length === 0 ? undefined : addUsage(...found)
}

/** What a call of a shard has set aside before it stopped. */
export interface StoppedShard {
  readonly shard: number
  readonly quarantine: QuarantineFile
  readonly by_reason: readonly ReasonCount[]
}

/** Replaces what an earlier call of the shard has left: the rows are the same. */
export function stoppedShardWrite(round: ShardedRound, stopped: StoppedShard): Put {
  const sk = stoppedShardKey(round.dataflow, round.attempt, round.round, stopped.shard)
  return { kind: 'put', item: { pk: runKey(round.run_id), sk, stopped } }
}

/** What the shards of a round have set aside, in their order: those that are done, and those that have stopped. */
export async function readSetAside(
  stores: Stores,
  { run_id, dataflow, attempt, round }: ShardedRound,
): Promise<StoppedShard[]> {
  const found = new Map<number, StoppedShard>()
  const pk = runKey(run_id)
  for await (const item of stores.state.query(pk, stoppedShardPrefix(dataflow, attempt, round))) {
    const stopped = item.stopped as StoppedShard
    found.set(stopped.shard, stopped)
  }
  for await (const item of stores.state.query(pk, shardPrefix(dataflow, attempt, round))) {
    const { shard, quarantine, by_reason } = await recordOf(stores, item)
    if (quarantine !== undefined) found.set(shard, { shard, quarantine, by_reason })
  }
  return [...found.values()].sort((a, b) => a.shard - b.shard)
}

async function recordOf(stores: Stores, item: Item): Promise<ShardRecord> {
  return JSON.parse(await entryText(stores, item)) as ShardRecord
}
