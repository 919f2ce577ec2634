import type { StateStore, Write } from '../stores/state-store.ts'
import type { ObjectStore } from '../stores/object-store.ts'
import { type ObjectRef, readJsonRef, writeJson } from '../stores/object-ref.ts'
import { canonicalJson } from '../json.ts'
import { gateKey, gatePrefix, runKey } from './keys.ts'
import type { GateEntry, GateName } from './records.ts'

/** Larger records go to the object store; DynamoDB bills by the KiB and ends at 400 KB. */
const inlineLimit = 32 * 1024

interface Stores {
  readonly state: StateStore
  readonly evidence: ObjectStore
}

/** The newest entry of every gate of one attempt. */
export type GateLog = { readonly [N in GateName]?: GateEntry<N> }

export async function readGateLog(stores: Stores, runId: string, dataflow: string, attempt: number): Promise<GateLog> {
  const log: Record<string, unknown> = {}
  for await (const item of stores.state.query(runKey(runId), gatePrefix(dataflow, attempt))) {
    const entry =
      item.spilled === undefined ? item.entry : await readJsonRef(stores.evidence, item.spilled as ObjectRef)
    log[(entry as GateEntry).gate] = entry
  }
  return log as GateLog
}

/** The write that records an entry; a large one is put into the object store first. */
export async function gateEntryWrite(
  stores: Stores,
  runId: string,
  dataflow: string,
  attempt: number,
  entry: GateEntry,
): Promise<Write> {
  const key = { pk: runKey(runId), sk: gateKey(dataflow, attempt, entry.gate) }
  if (canonicalJson(entry).length <= inlineLimit) return { kind: 'put', item: { ...key, entry } }
  const path = `plans/${runId}/records/${dataflow}/${String(attempt).padStart(4, '0')}-${entry.round}-${entry.gate}.json`
  return { kind: 'put', item: { ...key, spilled: await writeJson(stores.evidence, path, entry) } }
}
