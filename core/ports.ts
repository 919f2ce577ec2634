import type { Meter } from './cost/meter.ts'
import type { Billing } from './cost/price-of.ts'
import type { EnginePool } from './engine/engine.ts'
import type { AttemptMemory } from './runs/attempt-memory.ts'
import type { Environment } from './runs/environments.ts'
import type { ObjectReader, ObjectStore } from './stores/object-store.ts'
import type { Catalog, StateReader, StateStore } from './stores/state-store.ts'

/**
 * What is only looked at: nothing can be written through these. Commands that look, and gates that ask, take no more
 * than this.
 */
export interface ReadPorts {
  /** Table data and metadata: `<namespace>/<table>/{data,metadata}/…`. */
  readonly lake: ObjectReader
  /** `evidence/…`, `quarantine/…`, `plans/…`, `manifests/…`, `state/…`. */
  readonly evidence: ObjectReader
  readonly state: StateReader
  readonly catalog: Catalog
  readonly engines: EnginePool
  /** The store of a `files` connection; relative paths are refused where there is no project directory. */
  openSource(path: string): ObjectReader
  /**
   * Bytes of plain text that one call of gate 3 has the disk for; sources beyond it are read in shards. Absent: the
   * disk is not the limit. `source.max_shard_bytes` goes before it.
   */
  readonly shardBytes?: number
  readonly clock: () => Date
  /** What may be kept depends on it. Absent: production. */
  readonly environment?: Environment
}

/**
 * Everything outside the process that a handler may touch. Built once per process: on AWS from the
 * environment, embedded by `local/`, in tests by hand.
 */
export interface Ports extends ReadPorts {
  readonly lake: ObjectStore
  readonly evidence: ObjectStore
  readonly state: StateStore
  readonly worker: Worker
  /** Where one process runs attempts from beginning to end; else absent. */
  readonly attempts?: AttemptMemory
  /** Where the process's log is counted: one object per line, as {@link ReportLine} says. Else absent. */
  readonly report?: (line: ReportLine) => void
  /** Of the invocation that these ports were made for; absent where nobody bills it. */
  readonly meter?: Meter
  /** What the functions are, on AWS. Absent in an embedded run, which is priced as a default stack would be. */
  readonly deployment?: Deployment
}

/** A line that filters make metrics of. `event` says what it is about; no row values. */
export interface ReportLine {
  readonly event: string
  readonly [particular: string]: unknown
}
/** A function's configuration, as far as cost depends on it. */
export interface Deployment extends Billing {
  readonly region: string
  /** MiB of the function that asks. */
  readonly memory_mb: number
}

/** Who holds a lease, and whether a holder is known to be dead (which only a machine that hosts it can say). */
export interface Worker {
  /** Identifies this process among all that may share the state store. */
  readonly id: string
  isGone(id: string): boolean
}
