import { SluiceError } from '../errors.ts'
import type { RenderedManifest } from '../manifest/types.ts'
import type { ReadPorts } from '../ports.ts'
import { type ObjectRef, readJsonRef } from '../stores/object-ref.ts'
import { readQuarantineItem } from './acknowledgements.ts'
import type { ShardRecord } from './contract-record.ts'
import type { Evidence } from './evidence.ts'
import { entryText } from './gate-log.ts'
import type { CommitItem, FlowItem, RunItem } from './items.ts'
import { gatePrefix, runKey, shardsPrefix } from './keys.ts'
import { quarantineFiles } from './quarantine.ts'
import type { GateEntry } from './records.ts'
import { readReplaced, removedKeys } from './replaced-quarantine.ts'
import { replayPlanRef } from './replay.ts'
import type { ExecutionResult } from './result.ts'
import { readStoredPlan } from './stored-plan.ts'
import { waveItemsRef } from './wave-items.ts'

/** An object and what was written there. */
export interface NamedObject {
  readonly store: 'lake' | 'evidence'
  readonly ref: ObjectRef
  /** It belongs to an attempt that did not commit: settling it removes its files from the lake. */
  readonly mayBeGone: boolean
}

type Stores = Pick<ReadPorts, 'state' | 'evidence'>

/**
 * The objects of the run itself: its manifest, its plan, the item files of its waves, which follow from the plan,
 * its results, of which each names the one before, and of a replay its own plan and input. What the workflow's engine writes below `plans/<run>/map` is its
 * own: nothing reads it. Objects behind a damaged one cannot be named; the damage is found by its own digest.
 */
export async function objectsOfRun(stores: Stores, run: RunItem): Promise<NamedObject[]> {
  const plan = await whole(readStoredPlan(stores, run))
  const waves = plan?.plan.waves.map((wave) => waveItemsRef(run.run_id, wave)) ?? []
  const results = await chainOf<ExecutionResult>(stores, run.result, ({ previous }) => previous)
  const own = [run.manifest, run.plan, ...waves, ...results.map(({ ref }) => ref)].map(inEvidence)
  return [...own, ...(await objectsOfReplay(stores, run))]
}

/** Its plan, and its corrected rows, which are there until it has ended, and under `preserve` longer. */
async function objectsOfReplay({ evidence }: Stores, run: RunItem): Promise<NamedObject[]> {
  const manifest = await whole(readJsonRef<RenderedManifest>(evidence, run.manifest))
  if (manifest?.replay === undefined) return []
  const { plan } = manifest.replay
  return [inEvidence(replayPlanRef(plan)), { ...inEvidence(plan.input.object), mayBeGone: true }]
}

/**
 * The objects of one dataflow in a run, of all its attempts: evidence, of which each file names the one before; what
 * that names in the lake and in quarantine; records that were too large for the state table; and the list of loaded
 * objects that the commit entitles to. State rows themselves have no digest.
 */
export async function objectsOfDataflow(
  stores: Stores,
  run: RunItem,
  flow: FlowItem,
  commit: CommitItem | undefined,
): Promise<NamedObject[]> {
  const records = await recordsOf(stores, run, flow)
  const starts = [flow.evidence, commit?.evidence, ...records.evidence]
  const chains: Chain<Evidence>[] = []
  for (const start of starts) {
    chains.push(...(await chainOf<Evidence>(stores, start, ({ previous }) => previous ?? undefined)))
  }
  const found: NamedObject[] = [...records.spilled.map(inEvidence), ...loadedOf(commit).map(inEvidence)]
  for (const { ref, value } of chains) {
    found.push(inEvidence(ref))
    if (value === undefined) continue
    const mayBeGone = commit === undefined || ref.key !== commit.evidence.key
    found.push(...value.files.map((file) => ({ store: 'lake', ref: file, mayBeGone }) as const))
  }
  const rejected = [...chains.map(({ value }) => value?.quarantine), ...records.quarantine]
  const item = await readQuarantineItem(stores, run.run_id, flow.dataflow)
  const replaced = await readReplaced(stores, run.run_id, flow.dataflow)
  const removed = (await whole(removedKeys(stores, item, replaced))) ?? new Set()
  for (const ref of rejected)
    for (const file of await rejectedFiles(stores, ref))
      found.push({ ...inEvidence(file), mayBeGone: removed.has(file.key) })
  return distinct(found)
}

function inEvidence(ref: ObjectRef): NamedObject {
  return { store: 'evidence', ref, mayBeGone: false }
}

interface Chain<T> {
  readonly ref: ObjectRef
  /** Absent where it cannot be read as it was written. */
  readonly value?: T
}

/** The object, then the one that it names as the one before, and so on. */
async function chainOf<T>(
  { evidence }: Stores,
  start: ObjectRef | undefined,
  before: (value: T) => ObjectRef | undefined,
): Promise<Chain<T>[]> {
  const chain: Chain<T>[] = []
  let ref = start
  while (ref !== undefined) {
    const value = await whole(readJsonRef<T>(evidence, ref))
    chain.push(value === undefined ? { ref } : { ref, value })
    ref = value === undefined ? undefined : before(value)
  }
  return chain
}

interface FoundRecords {
  readonly spilled: readonly ObjectRef[]
  readonly quarantine: readonly (ObjectRef | undefined)[]
  readonly evidence: readonly ObjectRef[]
}

/** What the gates and the shards of every attempt have recorded, also of one that died before it was settled. */
async function recordsOf(stores: Stores, run: RunItem, { dataflow }: FlowItem): Promise<FoundRecords> {
  const spilled: ObjectRef[] = []
  const quarantine: (ObjectRef | undefined)[] = []
  const evidence: ObjectRef[] = []
  for (const prefix of [gatePrefix(dataflow), shardsPrefix(dataflow)]) {
    for await (const item of stores.state.query(runKey(run.run_id), prefix)) {
      if (item.spilled !== undefined) spilled.push(item.spilled as ObjectRef)
      const text = await whole(entryText(stores, item))
      if (text === undefined) continue
      if (prefix === shardsPrefix(dataflow))
        quarantine.push((JSON.parse(text) as ShardRecord).quarantine?.object)
      else readEntry(JSON.parse(text) as GateEntry, quarantine, evidence)
    }
  }
  return { spilled, quarantine, evidence }
}

function readEntry(
  { gate, record, error }: GateEntry,
  quarantine: (ObjectRef | undefined)[],
  evidence: ObjectRef[],
): void {
  if (gate === 'contract') {
    quarantine.push((record as GateEntry<'contract'>['record'])?.quarantine)
    quarantine.push(error?.details?.quarantine as ObjectRef | undefined)
  }
  const written = gate === 'evidence' ? (record as GateEntry<'evidence'>['record'])?.evidence : undefined
  if (written !== undefined) evidence.push(written)
}

function loadedOf(commit: CommitItem | undefined): ObjectRef[] {
  const state = commit?.source_state.state
  return state?.kind === 'objects' && 'key' in state.loaded ? [state.loaded as ObjectRef] : []
}

/** The reference itself and, where it is an index, the files in it. */
async function rejectedFiles(stores: Stores, ref: ObjectRef | null | undefined): Promise<ObjectRef[]> {
  if (ref === null || ref === undefined) return []
  const files = (await whole(quarantineFiles(stores.evidence, ref))) ?? []
  return [ref, ...files.filter((file) => file.key !== ref.key)]
}

/** `undefined` where it is gone or not as it was written, which its digest will tell. */
async function whole<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof SluiceError || error instanceof SyntaxError) return undefined
    throw error
  }
}

/** What several places name counts once; a committed file must be there, whoever else names it. */
function distinct(objects: readonly NamedObject[]): NamedObject[] {
  const byName = new Map<string, NamedObject>()
  for (const object of objects) {
    const key = `${object.store} ${object.ref.key} ${object.ref.sha256}`
    const before = byName.get(key)
    if (before === undefined || before.mayBeGone) byName.set(key, object)
  }
  return [...byName.values()]
}
