import type { Ports } from '../core/ports.ts'
import type { GateLog } from '../core/runs/gate-log.ts'
import { sumReasons } from '../core/runs/reasons.ts'
import { readSetAside } from '../core/runs/shard-log.ts'
import type { ObjectRef } from '../core/stores/object-ref.ts'
import type { TaskRef } from './gate-handler.ts'
import { indexRejected, type Passage } from './index-rejected.ts'

/**
 * The index of what shards have set aside of a load that came to no verdict, because one of them stopped or the run was
 * ended: what the others have judged is evidence all the same. Where gate 3 has summed them up and stopped then, it is
 * the index that it has written. `undefined` where there are no shards, or none has set anything aside. Only call it when
 * no shard can still record anything: after the fence was raised.
 */
export async function indexStopped(
  ports: Pick<Ports, 'state' | 'evidence' | 'clock'>,
  { project, dataflow, head }: Pick<Passage, 'project' | 'dataflow' | 'head'>,
  task: TaskRef,
  log: GateLog,
): Promise<ObjectRef | undefined> {
  const lineage = log.get('lineage')
  const shards = log.get('extract')?.record?.shards.length ?? 0
  if (lineage?.record === undefined || shards === 0 || log.get('contract')?.outcome === 'passed')
    return undefined
  const ref = { run_id: task.run_id, dataflow: task.dataflow, attempt: task.attempt, round: lineage.round }
  const found = await readSetAside(ports, ref)
  const { quarantine } = await indexRejected(
    { ref, project, dataflow, head, ports },
    lineage.record,
    found.map((shard) => shard.quarantine),
    sumReasons(found.flatMap(({ by_reason }) => by_reason)),
  )
  return quarantine
}
