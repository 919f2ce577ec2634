/** Of one handler's invocations. */
export interface HandlerUsage {
  readonly invocations: number
  /** Billed milliseconds: each invocation's are rounded up. Cold starts are not in it. */
  readonly milliseconds: number
  readonly gb_seconds: number
}

/**
 * What was used, in the units that are billed. Additive: the usage of an attempt is the sum of its handlers', that
 * of a run the sum of its dataflows' and its own.
 */
export interface Usage {
  /** By handler: `extract`, `settle`, … */
  readonly handlers: Readonly<Record<string, HandlerUsage>>
  /** State transitions of the run's own execution, which is STANDARD always. */
  readonly transitions: number
  /** Those of the executions that dataflows get, whether they are billed by it (STANDARD) or not (EXPRESS). */
  readonly child_transitions: number
  /** Executions that dataflows got. */
  readonly child_executions: number
  /** How long those were at work or waiting, without Step Functions' own time between two states. */
  readonly child_milliseconds: number
  /** Request units of 4 KiB. */
  readonly dynamodb_read_units: number
  /** Request units of 1 KiB; a transaction's count twice. */
  readonly dynamodb_write_units: number
  readonly s3_puts: number
  /** HEAD requests are among them. */
  readonly s3_gets: number
  readonly s3_lists: number
}

/** The counters of a {@link Usage}, without those by handler. */
export const counterNames = [
  'transitions',
  'child_transitions',
  'child_executions',
  'child_milliseconds',
  'dynamodb_read_units',
  'dynamodb_write_units',
  's3_puts',
  's3_gets',
  's3_lists',
] as const

export type CounterName = (typeof counterNames)[number]

export const noUsage: Usage = {
  handlers: {},
  transitions: 0,
  child_transitions: 0,
  child_executions: 0,
  child_milliseconds: 0,
  dynamodb_read_units: 0,
  dynamodb_write_units: 0,
  s3_puts: 0,
  s3_gets: 0,
  s3_lists: 0,
}

/** Absent operands count nothing: what was recorded before usage was counted has none. */
export function addUsage(...operands: readonly (Usage | undefined)[]): Usage {
  const parts = operands.filter((part) => part !== undefined)
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only
  const sum: { -readonly [K in CounterName]: number } & { handlers: Record<string, HandlerUsage> } = {
    ...noUsage,
    handlers: {},
  }
  for (const part of parts) {
    for (const name of counterNames) sum[name] += part[name]
    for (const [handler, usage] of Object.entries(part.handlers))
      sum.handlers[handler] = addHandler(sum.handlers[handler], usage)
  }
  return sum
}

/** `count` times the same. */
export function multiplyUsage(usage: Usage, count: number): Usage {
  const counters = Object.fromEntries(counterNames.map((name) => [name, usage[name] * count]))
  const handlers = Object.entries(usage.handlers).map(([handler, one]) => [
    handler,
    {
      invocations: one.invocations * count,
      milliseconds: one.milliseconds * count,
      gb_seconds: exact(one.gb_seconds * count),
    },
  ])
  return { ...(counters as Record<CounterName, number>), handlers: Object.fromEntries(handlers) }
}

/** Lambda's billing: time rounded up to the millisecond, times the memory that was configured. */
export function invocationUsage(milliseconds: number, memoryMb: number): HandlerUsage {
  const billed = Math.max(1, Math.ceil(milliseconds))
  return { invocations: 1, milliseconds: billed, gb_seconds: exact((billed * memoryMb) / 1024 / 1000) }
}

export function lambdaTotals(usage: Usage): HandlerUsage {
  return Object.values(usage.handlers).reduce(addHandler, { invocations: 0, milliseconds: 0, gb_seconds: 0 })
}

function addHandler(a: HandlerUsage | undefined, b: HandlerUsage): HandlerUsage {
  if (a === undefined) return b
  return {
    invocations: a.invocations + b.invocations,
    milliseconds: a.milliseconds + b.milliseconds,
    gb_seconds: exact(a.gb_seconds + b.gb_seconds),
  }
}

/** Nine digits: adding up leaves none of the noise of binary fractions in what people read. */
function exact(value: number): number {
  return Math.round(value * 1e9) / 1e9
}
