import { isTerminalName, LeaseLostError, TerminalError } from '../core/errors.ts'
import type { ShardRecord } from '../core/runs/contract-record.ts'
import { keptBefore } from '../core/runs/evidence.ts'
import { checkLease, renewalMilliseconds, renewSharedLease, transactFenced } from '../core/runs/lease.ts'
import { readShard, shardWrite, stoppedShardWrite } from '../core/runs/shard-log.ts'
import { inputBytes } from '../core/sources/inputs.ts'
import { onlyShard } from '../core/sources/shards.ts'
import { counted } from '../core/words.ts'
import { controlHandler } from './control-handler.ts'
import { type GateTask, openTask, recordStop, type TaskRef, toldBy, withUsage } from './gate-handler.ts'
import { furthest, type Judgement, judge } from './judge.ts'
import { storeAccepted } from './store-accepted.ts'

const oneState = { child_transitions: 1 } as const

/** One shard of a dataflow's task. */
export interface ShardRef extends TaskRef {
  /** Its position among the shards that extract has planned. */
  readonly shard: number
}

/**
 * Gate 3 for one shard: the same scan over the shard's objects alone, which are all that its disk has to hold. It
 * stores the shard's files, invisible as all of gate 3's are, and records what it found; the verdict is the gate's, once
 * all shards have ended (`contract.ts`).
 *
 * - A call that was made before finds its record and does nothing.
 * - The record is written only where there is none, under the attempt's fence: a call of an older attempt, or a second
 *   one of the same shard, cannot add its files. Their names differ in any case, by attempt, round, shard and repetition.
 * - It only checks the head: shards side by side must not wait for each other there. One of them renews the lease.
 */
export async function contractShard(task: GateTask, index: number): Promise<ShardRecord> {
  const shard = task.record('extract').shards[index]
  if (shard === undefined) throw unknownShard(task, index)
  const portion = { ...onlyShard(task.record('extract'), task.record('lineage'), shard), shard: index }
  const started = task.ports.clock()
  const options = { signal: task.signal, bytes: inputBytes(portion.extract) }
  return await task.ports.engines.use(async (engine) => {
    const judged = await judge(task, engine, portion)
    try {
      const { accepted: _stored, watermark: read, ...found } = judged
      const watermark = await furthest(task, engine, read)
      const files = await storeAccepted(task, engine, judged)
      const duration_ms = task.ports.clock().getTime() - started.getTime()
      return { ...found, shard: index, files, watermark, started_at: started.toISOString(), duration_ms }
    } catch (error) {
      await keepRejected(task, index, judged)
      throw error
    }
  }, options)
}

/** Settle indexes them with those of the other shards. It never throws: the error that stopped the shard is what counts. */
async function keepRejected(
  task: GateTask,
  shard: number,
  { quarantine, by_reason }: Judgement,
): Promise<void> {
  if (quarantine === undefined) return
  const write = stoppedShardWrite(task.ref, { shard, quarantine, by_reason })
  await transactFenced(task.ports, [checkLease(task.head), write], 0).catch(() => undefined)
}

function unknownShard(task: GateTask, index: number): TerminalError {
  return new TerminalError({
    code: 'SHARD_UNKNOWN',
    fact: `${task.dataflow.name} has ${counted(task.record('extract').shards.length, 'shard')}, counted from 0, and no shard ${index}`,
    consequence: 'Nothing was read',
    next: 'Extract tells how many there are (state-machines/run.asl.json); check the caller',
  })
}

/** A shard has stopped for good, so the attempt will end when the shards that are at work have; no other one begins. */
function isPointless({ log, ref }: GateTask): boolean {
  const stop = log.get('contract')
  return stop?.round === ref.round && stop.error !== undefined && isTerminalName(stop.error.name)
}

export const handler = controlHandler<ShardRef>('contract_shard', async (event, ports, signal) => {
  const { shard, ...ref } = event
  const task = await openTask(ref, ports, signal)
  const started = ports.clock()
  const answer = { gate: 'contract', shard }
  if ((await readShard(ports, task.ref, shard)) !== undefined || isPointless(task)) return answer
  // Should a renewal fail, the shard's own record says so at its end: it has the same condition.
  const renew = () => void renewSharedLease(ports, task.head).catch(() => undefined)
  renew()
  const renewal = setInterval(renew, renewalMilliseconds)
  try {
    signal.throwIfAborted()
    const record = await contractShard(task, shard)
    const check = checkLease(task.head)
    const write = await shardWrite(ports, task.ref, record)
    await transactFenced(ports, [check, withUsage(write, ports.meter?.reading([check, write], oneState))], 0)
    return answer
  } catch (error) {
    if (!(error instanceof LeaseLostError)) {
      task.kept = keptBefore(task.log.get('contract'))
      const summary = toldBy(task, error)
      await recordStop(task, 'contract', started, { ...summary, details: { ...summary.details, shard } })
    }
    throw error
  } finally {
    clearInterval(renewal)
  }
})
