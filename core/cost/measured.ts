import measuredJson from './measured.json' with { type: 'json' }
import { type CounterName, counterNames, noUsage, type Usage } from './usage.ts'

/** What dataflows of one size used, embedded and one at a time: the mean of them. */
export interface MeasuredUsage {
  readonly rows: number
  /** Of one dataflow's input, CSV. */
  readonly input_bytes: number
  readonly dataflows: number
  readonly usage: Usage
}

/** `bench/measure-handlers.ts` makes it; its times are those of the machine that it names, not Lambda's. */
export interface Measured {
  readonly measured_at: string
  readonly machine: string
  readonly small: MeasuredUsage
  readonly large: MeasuredUsage
  /** Of a run of so many dataflows, without them: its plan and its seal. */
  readonly own: { readonly dataflows: number; readonly usage: Usage }
}

export const measured: Measured = measuredJson

/**
 * What a dataflow with so much CSV to load would use: on the line through the two sizes that were measured. What a
 * small input takes is the least.
 */
export function typicalUsage(inputBytes: number, { small, large }: Measured = measured): Usage {
  const share = Math.max(0, (inputBytes - small.input_bytes) / (large.input_bytes - small.input_bytes))
  const between = (a: number, b: number) => Math.max(a, a + (b - a) * share)
  const counters = Object.fromEntries(
    counterNames.map((name) => [name, Math.round(between(small.usage[name], large.usage[name]))]),
  ) as Record<CounterName, number>
  const handlers = Object.entries(small.usage.handlers).map(([handler, little]) => {
    const much = large.usage.handlers[handler] ?? little
    return [
      handler,
      {
        invocations: little.invocations,
        milliseconds: Math.ceil(between(little.milliseconds, much.milliseconds)),
        gb_seconds: between(little.gb_seconds, much.gb_seconds),
      },
    ] as const
  })
  return { ...noUsage, ...counters, handlers: Object.fromEntries(handlers) }
}
