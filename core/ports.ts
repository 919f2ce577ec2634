import type { EnginePool } from './engine/engine.ts'
import type { AttemptMemory } from './runs/attempt-memory.ts'
import type { ObjectStore } from './stores/object-store.ts'
import type { Catalog, StateStore } from './stores/state-store.ts'

/**
 * Everything outside the process that a handler may touch. Built once per process: on AWS from the
 * environment, embedded by `local/`, in tests by hand.
 */
export interface Ports {
  /** Table data and metadata: `<namespace>/<table>/{data,metadata}/…`. */
  readonly lake: ObjectStore
  /** `evidence/…`, `quarantine/…`, `plans/…`, `manifests/…`, `state/…`. */
  readonly evidence: ObjectStore
  readonly state: StateStore
  readonly catalog: Catalog
  readonly engines: EnginePool
  /** The store of a `files` connection; relative paths are refused where there is no project directory. */
  openSource(path: string): ObjectStore
  /**
   * Bytes of plain text that one call of gate 3 has the disk for; sources beyond it are read in shards. Absent: the
   * disk is not the limit. `source.max_shard_bytes` goes before it.
   */
  readonly shardBytes?: number
  readonly clock: () => Date
  readonly worker: Worker
  /** Where one process runs attempts from beginning to end; else absent. */
  readonly attempts?: AttemptMemory
}

/** Who holds a lease, and whether a holder is known to be dead (which only a machine that hosts it can say). */
export interface Worker {
  /** Identifies this process among all that may share the state store. */
  readonly id: string
  isGone(id: string): boolean
}
