import { itemBytes } from '../cost/request-units.ts'
import { addUsage, type Usage } from '../cost/usage.ts'
import { sha256 } from '../json.ts'
import type { Ports, ReadPorts } from '../ports.ts'
import { type ObjectRef, readRef, writeText } from '../stores/object-ref.ts'
import type { Item, Put } from '../stores/state-store.ts'
import type { GateName } from './gates.ts'
import { gateKey, gatePrefix, runKey } from './keys.ts'
import type { GateEntry } from './records.ts'

/** Larger records go to the object store; DynamoDB bills by the KiB and ends at 400 KB. */
const inlineLimit = 32 * 1024

type Stores = Pick<ReadPorts, 'state' | 'evidence'>

/**
 * The newest entry of every gate of one attempt. Entries are kept as text and parsed when they are asked for:
 * a gate looks at two or three of the ten before it.
 */
export interface GateLog {
  get<N extends GateName>(gate: N): GateEntry<N> | undefined
  /** How often the gate's entry had been written when the log was read. */
  writes(gate: GateName): number
  /** What the gate's passages used up in this attempt, those that stopped and those of earlier rounds included. */
  usage(gate: GateName): Usage | undefined
  /** Of all gates. */
  totalUsage(): Usage
  /** What reading the log takes of the state store: its items' sizes together. */
  bytes(): number
  /** The log once this entry has been written, too, as an item of `bytes`. */
  with(entry: GateEntry, bytes: number, usage?: Usage): GateLog
}

interface Kept {
  readonly writes: number
  readonly usage: Usage | undefined
  readonly bytes: number
  readonly text?: string
  readonly entry?: GateEntry
}

export async function readGateLog(
  stores: Stores,
  runId: string,
  dataflow: string,
  attempt: number,
): Promise<GateLog> {
  const kept = new Map<string, Kept>()
  for await (const item of stores.state.query(runKey(runId), gatePrefix(dataflow, attempt))) {
    kept.set(item.gate as string, {
      writes: item.writes as number,
      usage: item.usage as Usage | undefined,
      bytes: itemBytes(item),
      text: await entryText(stores, item),
    })
  }
  return logOf(kept)
}

/** The newest entry of one gate, where it has one: for those who look at a run from outside. */
export async function readGateEntry<N extends GateName>(
  stores: Stores,
  runId: string,
  dataflow: string,
  attempt: number,
  gate: N,
): Promise<GateEntry<N> | undefined> {
  const item = await stores.state.get(runKey(runId), gateKey(dataflow, attempt, gate))
  return item === undefined ? undefined : (JSON.parse(await entryText(stores, item)) as GateEntry<N>)
}

function logOf(kept: ReadonlyMap<string, Kept>): GateLog {
  const parsed = new Map<string, GateEntry>()
  return {
    get: <N extends GateName>(gate: N) => {
      const { entry, text } = kept.get(gate) ?? {}
      if (entry !== undefined) return entry as GateEntry<N>
      if (text !== undefined && !parsed.has(gate)) parsed.set(gate, JSON.parse(text) as GateEntry)
      return parsed.get(gate) as GateEntry<N> | undefined
    },
    writes: (gate) => kept.get(gate)?.writes ?? 0,
    usage: (gate) => kept.get(gate)?.usage,
    totalUsage: () => addUsage(...[...kept.values()].map(({ usage }) => usage)),
    bytes: () => [...kept.values()].reduce((sum, { bytes }) => sum + bytes, 0),
    with: (entry, bytes, usage) => {
      const writes = (kept.get(entry.gate)?.writes ?? 0) + 1
      return logOf(new Map(kept).set(entry.gate, { writes, usage, bytes, entry }))
    },
  }
}

export const emptyLog: GateLog = logOf(new Map())

/**
 * The write that records an entry; a large one is put into the object store first. `before`: how often the entry
 * had been written when the caller began. Of two calls of one gate at the same time the first to record wins, so
 * that later gates and the evidence all speak of the same files.
 */
export async function gateEntryWrite(
  stores: Pick<Ports, 'evidence'>,
  runId: string,
  dataflow: string,
  attempt: number,
  entry: GateEntry,
  before: number,
): Promise<Put> {
  const { gate, round } = entry
  const key = { pk: runKey(runId), sk: gateKey(dataflow, attempt, gate), gate, writes: before + 1 }
  const expect = before === 0 ? 'absent' : { writes: before }
  const name = `plans/${runId}/records/${dataflow}/${String(attempt).padStart(4, '0')}-${round}-${gate}`
  return { kind: 'put', item: { ...key, ...(await entryAttributes(stores, name, entry)) }, expect }
}

/** The attributes of an item that holds a record: as text, or where to find it. `name`: of the object, without its end. */
export async function entryAttributes(
  stores: Pick<Ports, 'evidence'>,
  name: string,
  entry: unknown,
): Promise<{ readonly entry: string } | { readonly spilled: ObjectRef }> {
  const text = JSON.stringify(entry)
  if (text.length <= inlineLimit) return { entry: text }
  return { spilled: await writeText(stores.evidence, `${name}-${sha256(text).slice(0, 16)}.json`, text) }
}

/** The text of a record that {@link entryAttributes} has put into an item. */
export async function entryText(stores: Pick<ReadPorts, 'evidence'>, item: Item): Promise<string> {
  if (typeof item.entry === 'string') return item.entry
  return Buffer.from(await readRef(stores.evidence, item.spilled as ObjectRef)).toString('utf8')
}
