import type { LoadType, SourceFormat } from '../manifest/types.ts'

/** What a run is asked to do: `sluice run`'s options and StartExecution's input. Made by `parseRunOptions`. */
export interface RunOptions extends Selection {
  /** Dataflows at work at the same time, in the whole run. */
  readonly max_workers: number
  /** After a failure no further dataflow is admitted; those at work finish. */
  readonly stop_on_error: boolean
  /** Attempts after the first one. */
  readonly retry_count: number
  /** Seconds before the first retry; it doubles with each retry, up to 60. */
  readonly retry_delay_seconds: number
  /** Plan only: nothing is read from a source and nothing is written. */
  readonly dry_run: boolean
}

/**
 * Which dataflows. An absent selector selects every active dataflow; present ones must all hold, and within
 * one selector any value may match. Never empty: an empty selector is an error, not "everything".
 */
export interface Selection {
  readonly stage?: readonly string[]
  readonly dataflows?: readonly string[]
  readonly tags?: readonly string[]
}

/** What a run will do. A pure function of the manifest and the run options: no clock, no random, no paths. */
export interface Plan {
  readonly project: string
  readonly manifest_sha256: string
  /** One after the other; the dataflows of one wave are independent of each other. */
  readonly waves: readonly Wave[]
  /** Every dataflow of the manifest that is in no wave, by name. */
  readonly excluded: readonly { readonly name: string; readonly reason: string }[]
  /** Digest of all the rest of the plan. */
  readonly plan_sha256: string
}

export interface Wave {
  /** From 0. */
  readonly index: number
  /** In code-point order of their names. */
  readonly dataflows: readonly PlannedDataflow[]
}

export interface PlannedDataflow {
  readonly name: string
  readonly stage: string | null
  /** Why it runs, and why not before this wave. */
  readonly reason: string
  /** Dataflows of this plan, by name, without whose success this one is skipped. All in earlier waves. */
  readonly upstreams: readonly string[]
  readonly reads: readonly PlannedRead[]
  readonly writes: { readonly table: string; readonly load_type: LoadType }
}

export type PlannedRead =
  | {
      readonly kind: 'files'
      readonly connection: string
      readonly path: string
      readonly format: SourceFormat
    }
  /**
   * Read by the transform, or looked into by a check. `written_by`: dataflows of this plan that write the table before. Where there is none, the table is read
   * `as_is`, from earlier runs, for the reason given.
   */
  | {
      readonly kind: 'table'
      readonly table: string
      readonly written_by: readonly string[]
      readonly as_is: string | null
    }
