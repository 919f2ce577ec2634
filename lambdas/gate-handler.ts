import { itemBytes, readUnits } from '../core/cost/request-units.ts'
import { gateTransitions } from '../core/cost/transitions.ts'
import { addUsage, type Usage } from '../core/cost/usage.ts'
import { type ErrorSummary, LeaseLostError, summarizeError, TerminalError } from '../core/errors.ts'
import type { Dataflow, RenderedManifest } from '../core/manifest/types.ts'
import type { Ports, ReadPorts } from '../core/ports.ts'
import { attemptKey, type KnownAttempt } from '../core/runs/attempt-memory.ts'
import type { ExtractRecord } from '../core/runs/extract-record.ts'
import { type GateLog, gateEntryWrite, readGateLog } from '../core/runs/gate-log.ts'
import type { GateName, Verdict } from '../core/runs/gates.ts'
import type { HeadItem } from '../core/runs/items.ts'
import {
  holdLease,
  leaseLost,
  readHead,
  renewalMilliseconds,
  renewLease,
  transactFenced,
} from '../core/runs/lease.ts'
import { loadDataflow, loadRenderedManifest } from '../core/runs/manifest-store.ts'
import type { GateEntry, GateRecords } from '../core/runs/records.ts'
import type { ObjectRef } from '../core/stores/object-ref.ts'
import type { Put } from '../core/stores/state-store.ts'
import { controlHandler, type Handler } from './control-handler.ts'

/** What the workflow carries from gate to gate: references only. */
export interface TaskRef {
  readonly run_id: string
  readonly manifest: ObjectRef
  readonly dataflow: string
  readonly attempt: number
  readonly fence: number
  /** From 0; grows when another writer moved the table and the files are staged again. */
  readonly round?: number
  /** What this run has written about the dataflow before this attempt. */
  readonly evidence?: ObjectRef
}

/** What a gate works on that only asks: such a gate can also be asked without a run. */
export interface ReadTask {
  readonly ref: TaskRef & { readonly round: number }
  readonly project: string
  readonly manifest: RenderedManifest
  readonly dataflow: Dataflow
  readonly ports: ReadPorts
  readonly signal: AbortSignal
  /** The record of a gate that this attempt has passed; asking for one that it has not is a defect. */
  record<N extends GateName>(gate: N): GateRecords[N]
  readonly log: GateLog
}

/** What a gate works on. It reads through `ports` and returns its record; what it writes is invisible. */
export interface GateTask extends ReadTask {
  /** As this attempt last wrote it; the commit replaces it. */
  head: HeadItem
  /** What the gate has counted and stored for good: its entry's error tells of it, whatever stops the gate. */
  kept: Readonly<Record<string, unknown>>
  readonly ports: Ports
}

export type Gate<N extends GateName> = (task: GateTask) => Promise<GateRecords[N]>

/**
 * Makes a Lambda handler of a gate. The handler
 * - stops at once when the attempt's fence is stale,
 * - returns the recorded verdict when this very round has passed the gate before, so that a repeated
 *   invocation does nothing twice,
 * - records the gate's passing, or its stopping, in one write that holds the lease and checks the fence, unless
 *   another call of the same gate has recorded something meanwhile: then that counts.
 */
export function gateHandler<N extends GateName>(name: N, gate: Gate<N>): Handler {
  return controlHandler<TaskRef>(name, async (event, ports, signal) => {
    const task = await openTask(event, ports, signal)
    const before = task.log.get(name)
    if (before?.outcome === 'passed' && before.record !== undefined && before.round === task.ref.round) {
      return answerOf(name, before.record)
    }
    const started = ports.clock()
    const entry = (rest: Pick<GateEntry<N>, 'outcome' | 'record' | 'error'>): GateEntry<N> => ({
      gate: name,
      round: task.ref.round,
      started_at: started.toISOString(),
      duration_ms: ports.clock().getTime() - started.getTime(),
      ...rest,
    })
    let record: GateRecords[N]
    // Should a renewal fail, the gate's own record says so at its end: it has the same condition.
    const renewal = setInterval(
      () => void renewLease(ports, task.head).catch(() => undefined),
      renewalMilliseconds,
    )
    try {
      signal.throwIfAborted()
      record = await gate(task)
    } catch (error) {
      if (!(error instanceof LeaseLostError)) {
        await recordEntry(task, entry({ outcome: 'stopped', error: toldBy(task, error) })).catch(
          () => undefined,
        )
      }
      throw error
    } finally {
      clearInterval(renewal)
    }
    await recordEntry(task, entry({ outcome: 'passed', record }))
    return answerOf(name, record)
  })
}

/** What the workflow decides by: the verdict, and of extract into how many shards the load is divided. */
function answerOf(gate: GateName, record: object) {
  const shards = 'shards' in record ? { shards: (record as ExtractRecord).shards.length } : {}
  return { gate, verdict: verdictOf(record), ...shards }
}

/** Only extract and contract can find that there is nothing to do; every other record is a passing one. */
function verdictOf(record: object): Verdict {
  return 'verdict' in record ? (record.verdict as Verdict) : 'passed'
}

/** The error, with what the task has kept until then. */
export function toldBy({ kept }: GateTask, error: unknown): ErrorSummary {
  const summary = summarizeError(error)
  return Object.keys(kept).length === 0 ? summary : { ...summary, details: { ...summary.details, ...kept } }
}

/**
 * Records that a part of a gate has stopped, as the gate's own entry, unless another part has done so already. It
 * never throws: the error that stopped it is what counts.
 */
export async function recordStop(
  task: GateTask,
  gate: GateName,
  started: Date,
  error: ErrorSummary,
): Promise<void> {
  const duration_ms = task.ports.clock().getTime() - started.getTime()
  const entry = {
    gate,
    round: task.ref.round,
    started_at: started.toISOString(),
    duration_ms,
    error,
  } as const
  await recordEntry(task, { ...entry, outcome: 'stopped' }).catch(() => undefined)
}

async function recordEntry(task: GateTask, entry: GateEntry): Promise<void> {
  const { run_id, dataflow, attempt } = task.ref
  const before = task.log.writes(entry.gate)
  const write = await gateEntryWrite(task.ports, run_id, dataflow, attempt, entry, before)
  const hold = holdLease(task.ports, task.head)
  task.ports.attempts?.forget(attemptKey(task.ref))
  const child_transitions = gateTransitions(entry.gate, entry.round, entry.error?.name)
  const used = task.ports.meter?.reading([hold, write], { child_transitions })
  const usage = used && addUsage(task.log.usage(entry.gate), used)
  const counted = withUsage(write, usage)
  await transactFenced(task.ports, [hold, counted], 0)
  const head = hold.kind === 'put' ? (hold.item as HeadItem) : task.head
  task.ports.attempts?.set(attemptKey(task.ref), {
    head,
    log: task.log.with(entry, itemBytes(counted.item), usage),
  })
}

/** Beside the entry, not in it: evidence tells what was judged, not what it cost. */
export function withUsage(write: Put, usage: Usage | undefined): Put {
  if (usage === undefined) return write
  return { ...write, item: { ...write.item, usage } }
}

export async function openTask(ref: TaskRef, ports: Ports, signal: AbortSignal): Promise<GateTask> {
  const manifest = await loadRenderedManifest(ports.evidence, ref.manifest)
  const known = ports.attempts?.get(attemptKey(ref))
  if (known !== undefined)
    ports.meter?.spared(readUnits(itemBytes(known.head)) + readUnits(known.log.bytes()))
  const { head, log } = known ?? (await readAttempt(ref, ports, manifest.project))
  return {
    ref: { ...ref, round: ref.round ?? 0 },
    project: manifest.project,
    manifest,
    dataflow: await loadDataflow(ports.evidence, ref.manifest, ref.dataflow),
    head,
    kept: {},
    ports,
    signal,
    log,
    record: (gate) => {
      const record = log.get(gate)?.record
      if (record !== undefined) return record as never
      throw new TerminalError({
        code: 'GATE_RECORD_MISSING',
        fact: `attempt ${ref.attempt} of ${ref.dataflow} has no record of gate ${gate}, which comes before this one`,
        consequence: 'The gate did nothing',
        next: 'Gates run in the order of state-machines/run.asl.json; check the caller',
      })
    },
  }
}

async function readAttempt(ref: TaskRef, ports: Ports, project: string): Promise<KnownAttempt> {
  const head = await readHead(ports, project, ref.dataflow)
  if (head.fence !== ref.fence || head.lease === null) throw leaseLost()
  return { head, log: await readGateLog(ports, ref.run_id, ref.dataflow, ref.attempt) }
}
