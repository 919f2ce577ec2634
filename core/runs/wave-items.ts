import { sha256 } from '../json.ts'
import type { Plan } from '../planning/types.ts'
import type { ObjectRef } from '../stores/object-ref.ts'

/** One line of a wave's item file, over which the workflow maps. */
export interface WaveItem {
  readonly dataflow: string
  /** Dataflows of this run without whose success this one is skipped. */
  readonly upstream: readonly string[]
}

export function itemsPrefix(runId: string): string {
  return `plans/${runId}/wave-`
}

/** The text of a wave's item file. It follows from the plan, so that the plan's digest is its digest, too. */
export function waveItems(wave: Plan['waves'][number]): string {
  const lines = wave.dataflows.map((dataflow) =>
    JSON.stringify({ dataflow: dataflow.name, upstream: dataflow.upstreams } satisfies WaveItem),
  )
  return `${lines.join('\n')}\n`
}

export function waveItemsKey(runId: string, wave: Plan['waves'][number]): string {
  return `${itemsPrefix(runId)}${wave.index}.jsonl`
}

/** What must lie there. */
export function waveItemsRef(runId: string, wave: Plan['waves'][number]): ObjectRef {
  const body = Buffer.from(waveItems(wave), 'utf8')
  return { key: waveItemsKey(runId, wave), size: body.byteLength, sha256: sha256(body) }
}
