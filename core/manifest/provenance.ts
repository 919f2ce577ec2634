import type { Located, LocatedMap } from './located.ts'

/** Where the values of a loaded manifest came from. */
export interface Provenance {
  /** The main file, then the included ones. */
  readonly files: readonly string[]
  /** The main file as it was written. */
  readonly root: LocatedMap
  readonly connections: ReadonlyMap<string, Located>
  /** Every dataflow as it was written, with `defaults` merged under it. */
  readonly dataflows: ReadonlyMap<string, LocatedMap>
}
