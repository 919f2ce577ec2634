import type { Ports } from '../ports.ts'
import type { Write } from '../stores/state-store.ts'
import { countedCatalog, countedObjects, countedReads, countedState, newCounts } from './counted-stores.ts'
import { defaultMemory, type HandlerId } from './handler-memory.ts'
import { transactionUnits } from './request-units.ts'
import { invocationUsage, noUsage, type Usage } from './usage.ts'

/** What one invocation of a handler uses. */
export interface Meter {
  /**
   * The usage up to now, and of the writes that record it, which are still to come. They are counted as they are
   * without it: recording what recording costs has no end.
   */
  reading(writes: readonly Write[], more?: Partial<Usage>): Usage
  /** Read units that this process saved by remembering, and that a function of its own, as on AWS, would take. */
  spared(readUnits: number): void
}

/** The ports of one invocation: the same, but counting. What a handler records of itself it asks of `meter`. */
export function meteredPorts(handler: string, ports: Ports): Ports {
  const counts = newCounts()
  const started = performance.now()
  const memory = ports.deployment?.memory_mb ?? defaultMemory[handler as HandlerId] ?? 512
  return {
    ...ports,
    lake: countedObjects(ports.lake, counts),
    evidence: countedObjects(ports.evidence, counts),
    state: countedState(ports.state, counts),
    catalog: countedCatalog(ports.catalog, counts),
    openSource: (path) => countedReads(ports.openSource(path), counts),
    meter: {
      reading: (writes, more) => {
        const last = transactionUnits(writes)
        const invocation = invocationUsage(performance.now() - started, memory)
        return {
          ...noUsage,
          ...counts,
          dynamodb_read_units: counts.dynamodb_read_units + last.reads,
          dynamodb_write_units: counts.dynamodb_write_units + last.writes,
          ...more,
          handlers: { [handler]: invocation },
          child_milliseconds:
            (more?.child_milliseconds ?? 0) + (inChild(handler) ? invocation.milliseconds : 0),
        }
      },
      spared: (readUnits) => {
        counts.dynamodb_read_units += readUnits
      },
    },
  }
}

/** Whether the handler is called by a dataflow's execution, and not by the run's own. */
function inChild(handler: string): boolean {
  return handler !== 'plan' && handler !== 'seal'
}
