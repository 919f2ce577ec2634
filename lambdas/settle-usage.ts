import { readUnits } from '../core/cost/request-units.ts'
import { settleTransitions, shardMapTransitions } from '../core/cost/transitions.ts'
import { addUsage, type Usage } from '../core/cost/usage.ts'
import type { KnownAttempt } from '../core/runs/attempt-memory.ts'
import { emptyLog, type GateLog, readGateLog } from '../core/runs/gate-log.ts'
import type { GateName } from '../core/runs/gates.ts'
import type { FlowItem } from '../core/runs/items.ts'
import { headKey } from '../core/runs/keys.ts'
import { shardUsage } from '../core/runs/shard-log.ts'
import type { Write } from '../core/stores/state-store.ts'
import type { TaskRef } from './gate-handler.ts'
import type { Failure, SettlePorts } from './settle.ts'

/** An attempt that ends, as far as its cost depends on it. */
export interface EndedAttempt {
  readonly task: TaskRef
  readonly failure?: Pick<Failure, 'gate' | 'error' | 'reason'>
  /** As it was before this settling. */
  readonly flow: FlowItem
  readonly log: GateLog
  /** Seconds that the workflow waits before the next attempt; 0 where none follows. */
  readonly delay_seconds: number
}

/** After a commit nothing depends on what the gates recorded but what they used, so the verdict does not wait for it. */
export async function logForUsage(
  ports: SettlePorts,
  task: TaskRef,
  known: KnownAttempt | undefined,
): Promise<GateLog> {
  if (known === undefined)
    return await readGateLog(ports, task.run_id, task.dataflow, task.attempt).catch(() => emptyLog)
  ports.meter?.spared(readUnits(known.log.bytes()))
  return known.log
}

/** Adds what the attempt's gates and shards used and what this settling does, its own writes included. */
export async function withUsage(ports: SettlePorts, ended: EndedAttempt, item: FlowItem): Promise<FlowItem> {
  const { task, flow, log, delay_seconds } = ended
  const isFromOutside = ended.failure?.reason !== undefined
  const shards = await usageOfShards(ports, task, log)
  const child = {
    // Who settles from outside enters no state.
    child_transitions: isFromOutside ? 0 : settleTransitions + unrecorded(ended),
    // An admission that failed has not counted the execution that it began.
    child_executions: !isFromOutside && task.attempt === 0 && flow.tries === 0 ? 1 : 0,
    child_milliseconds: delay_seconds * 1000,
  }
  // The head's write is as small as the one that is counted for it.
  const writes: Write[] = [
    { kind: 'put', item },
    { kind: 'check', pk: item.pk, sk: headKey, expect: 'absent' },
  ]
  const used = ports.meter?.reading(writes, child)
  return { ...item, usage: addUsage(flow.usage, log.totalUsage(), shards, used) }
}

/** Of every round that has any, each with the Map that they ran in. */
async function usageOfShards(ports: SettlePorts, task: TaskRef, log: GateLog): Promise<Usage | undefined> {
  const planned = log.get('extract')?.record?.shards.length ?? 0
  if (planned === 0) return undefined
  let sum: Usage | undefined
  for (let round = 0; round <= (task.round ?? 0); round++) {
    const used = await shardUsage(ports, { ...task, round })
    if (used === undefined) continue
    sum = addUsage(sum, { ...used, child_transitions: used.child_transitions + shardMapTransitions })
  }
  return sum
}

/** A handler that was killed, or that failed before it could record, entered its state all the same. */
function unrecorded({ failure, log }: EndedAttempt): number {
  if (failure === undefined) return 0
  return log.get(failure.gate as GateName)?.error?.name === failure.error ? 0 : 1
}
