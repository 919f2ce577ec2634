import type { ReadPorts } from '../core/ports.ts'
import { readGateEntry } from '../core/runs/gate-log.ts'
import { type GateName, gateNames } from '../core/runs/gates.ts'
import type { FlowItem, RowCounts } from '../core/runs/items.ts'

/** Where an attempt is among its gates, as far as their records tell. */
export interface GatePosition {
  readonly attempt: number
  /** The gate that it is in; `settle` behind the last one. */
  readonly gate: GateName | 'settle'
  readonly round: number
  /** As soon as gate 3 has judged them. */
  readonly rows?: RowCounts
}

/** From where the workflow goes on, in another round, when another writer has moved the table. */
const backTo: Readonly<Record<string, GateName>> = {
  CommitConflictError: 'stage',
  SchemaMovedError: 'lineage',
}

/**
 * Goes on from what was known of an attempt; of another attempt it begins anew. A gate that was passed is not asked
 * for again, so that an attempt at rest costs one read of an item that is not there.
 */
export async function findPosition(
  stores: Pick<ReadPorts, 'state' | 'evidence'>,
  runId: string,
  flow: Pick<FlowItem, 'dataflow' | 'attempt'>,
  known: GatePosition | undefined,
): Promise<GatePosition> {
  const { dataflow, attempt } = flow
  let position: GatePosition = known?.attempt === attempt ? known : { attempt, gate: gateNames[0], round: 0 }
  while (position.gate !== 'settle') {
    const { gate, round } = position
    const entry = await readGateEntry(stores, runId, dataflow, attempt, gate)
    if (entry === undefined || entry.round < round) break
    if (entry.outcome === 'stopped') {
      const back = backTo[entry.error?.name ?? '']
      if (back === undefined) break
      position = { ...position, gate: back, round: round + 1 }
      continue
    }
    const record = entry.record
    const rows =
      record !== undefined && 'rows' in record && typeof record.rows === 'object' ? record.rows : undefined
    const next = gateNames[gateNames.indexOf(gate) + 1] ?? 'settle'
    position = { ...position, gate: next, ...(rows === undefined ? {} : { rows }) }
  }
  return position
}
