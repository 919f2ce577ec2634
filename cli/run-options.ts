/** The options of `plan` and `run`, as commander names them. */
export interface SelectionOptions {
  readonly stage?: readonly string[]
  readonly dataflow?: readonly string[]
  readonly tag?: readonly string[]
  readonly maxWorkers?: number
  readonly stopOnError?: boolean
  readonly retryCount?: number
  readonly retryDelaySeconds?: number
  readonly dryRun?: boolean
}

/** The same in the words of the workflow's input, without what was not given; `parseRunOptions` judges it. */
export function runOptionsOf(options: SelectionOptions): Record<string, unknown> {
  const given = {
    stage: options.stage,
    dataflows: options.dataflow,
    tags: options.tag,
    max_workers: options.maxWorkers,
    stop_on_error: options.stopOnError,
    retry_count: options.retryCount,
    retry_delay_seconds: options.retryDelaySeconds,
    dry_run: options.dryRun,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
