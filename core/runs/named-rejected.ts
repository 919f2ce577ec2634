import { SluiceError } from '../errors.ts'
import type { ReadPorts } from '../ports.ts'
import type { ObjectReader } from '../stores/object-store.ts'
import { readCommit } from './commit.ts'
import type { ShardRecord } from './contract-record.ts'
import { entryText } from './gate-log.ts'
import type { FlowItem, RunItem } from './items.ts'
import { gatePrefix, runKey, shardsPrefix, stoppedShardsPrefix } from './keys.ts'
import { parseQuarantineIndex, type QuarantineIndex } from './quarantine.ts'
import type { GateEntry } from './records.ts'
import type { StoppedShard } from './shard-log.ts'

type Stores = Pick<ReadPorts, 'state' | 'evidence'>

/**
 * Keys of the files of rejected rows that an index or a record of the dataflow in this run names, of every attempt.
 * `undefined` where one of these is gone or not as it was written: then nobody can say that a file is named by none.
 */
export async function namedRejected(
  stores: Stores,
  run: RunItem,
  flow: FlowItem,
): Promise<ReadonlySet<string> | undefined> {
  try {
    const recorded = await recordedKeys(stores, run, flow)
    const indexes = await readIndexes(stores.evidence, run.run_id, flow.dataflow)
    const isThere = (key: string) => !key.endsWith('.json') || indexes.get(key) !== undefined
    if (![...recorded, ...indexes.keys()].every(isThere)) return undefined
    const files = [...indexes.values()].flatMap((index) => index?.files.map(({ key }) => key) ?? [])
    return new Set([...recorded, ...files])
  } catch (error) {
    if (error instanceof SluiceError || error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Keys of indexes and, of shards and of what earlier versions wrote, of files. */
async function recordedKeys(stores: Stores, run: RunItem, flow: FlowItem): Promise<string[]> {
  const { dataflow } = flow
  const commit = await readCommit(stores, run.project, dataflow, run.run_id)
  const keys = [flow.quarantine?.key, commit?.quarantine?.key]
  const items = (prefix: string) => stores.state.query(runKey(run.run_id), prefix)
  for await (const item of items(gatePrefix(dataflow))) {
    const { gate, record, error } = JSON.parse(await entryText(stores, item)) as GateEntry
    if (gate !== 'contract') continue
    keys.push((record as GateEntry<'contract'>['record'])?.quarantine?.key)
    keys.push((error?.details?.quarantine as { readonly key: string } | undefined)?.key)
  }
  for await (const item of items(shardsPrefix(dataflow))) {
    const { quarantine } = JSON.parse(await entryText(stores, item)) as ShardRecord
    keys.push(quarantine?.object.key)
  }
  for await (const item of items(stoppedShardsPrefix(dataflow)))
    keys.push((item.stopped as StoppedShard).quarantine.object.key)
  return keys.filter((key) => key !== undefined)
}

/** By key; `undefined` for one that is not as it was written. */
async function readIndexes(store: ObjectReader, runId: string, dataflow: string) {
  const indexes = new Map<string, QuarantineIndex | undefined>()
  for await (const { key } of store.list(`quarantine/${runId}/${dataflow}/`)) {
    if (!/\/\d[^/]*\.json$/.test(key)) continue
    indexes.set(key, parseQuarantineIndex((await store.get(key)).body))
  }
  return indexes
}
