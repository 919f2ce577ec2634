import { type ObjectRef, readRef, writeText } from '../stores/object-ref.ts'
import type { ObjectStore } from '../stores/object-store.ts'
import type { StateStore, Write } from '../stores/state-store.ts'
import { gateKey, gatePrefix, runKey } from './keys.ts'
import type { GateEntry, GateName } from './records.ts'

/** Larger records go to the object store; DynamoDB bills by the KiB and ends at 400 KB. */
const inlineLimit = 32 * 1024

interface Stores {
  readonly state: StateStore
  readonly evidence: ObjectStore
}

/**
 * The newest entry of every gate of one attempt. Entries are kept as text and parsed when they are asked for:
 * a gate looks at two or three of the ten before it.
 */
export interface GateLog {
  get<N extends GateName>(gate: N): GateEntry<N> | undefined
}

export const emptyLog: GateLog = { get: () => undefined }

export async function readGateLog(
  stores: Stores,
  runId: string,
  dataflow: string,
  attempt: number,
): Promise<GateLog> {
  const texts = new Map<string, string>()
  for await (const item of stores.state.query(runKey(runId), gatePrefix(dataflow, attempt))) {
    const text =
      item.entry ?? Buffer.from(await readRef(stores.evidence, item.spilled as ObjectRef)).toString('utf8')
    texts.set(item.gate as string, text as string)
  }
  const parsed = new Map<string, GateEntry>()
  return {
    get: <N extends GateName>(gate: N) => {
      const text = texts.get(gate)
      if (text !== undefined && !parsed.has(gate)) parsed.set(gate, JSON.parse(text) as GateEntry)
      return parsed.get(gate) as GateEntry<N> | undefined
    },
  }
}

/** The write that records an entry; a large one is put into the object store first. */
export async function gateEntryWrite(
  stores: Stores,
  runId: string,
  dataflow: string,
  attempt: number,
  entry: GateEntry,
): Promise<Write> {
  const { gate, round } = entry
  const key = { pk: runKey(runId), sk: gateKey(dataflow, attempt, gate), gate }
  const text = JSON.stringify(entry)
  if (text.length <= inlineLimit) return { kind: 'put', item: { ...key, entry: text } }
  const path = `plans/${runId}/records/${dataflow}/${String(attempt).padStart(4, '0')}-${round}-${gate}.json`
  return { kind: 'put', item: { ...key, spilled: await writeText(stores.evidence, path, text) } }
}
