import { defaultMemory, type HandlerId } from '../../core/cost/handler-memory.ts'
import { runTransitions, waveRequests } from '../../core/cost/transitions.ts'
import { addUsage, type HandlerUsage, invocationUsage, noUsage, type Usage } from '../../core/cost/usage.ts'
import { places, simulation, tokenBucket } from './queues.ts'
import type { Limits } from './quotas.ts'

export interface Step {
  readonly handler: HandlerId
  /** State transitions from this handler's state to the next one's. */
  readonly transitions: number
  /** Of the handler itself, in a function that is warm. */
  readonly milliseconds: number
}

export interface Scenario {
  /** Dataflows in each wave. */
  readonly waves: readonly number[]
  readonly child_type: 'STANDARD' | 'EXPRESS'
  readonly max_workers: number
  /** What each dataflow goes through. */
  readonly steps: readonly Step[]
  /** Requests of one dataflow; its time and transitions are the simulation's to find. */
  readonly requests: Pick<
    Usage,
    'dynamodb_read_units' | 'dynamodb_write_units' | 's3_puts' | 's3_gets' | 's3_lists'
  >
  /** The run's own plan and seal. */
  readonly own: Usage
  /** Added to each invocation: network, the runtime's own. */
  readonly added_ms: number
  /** Added to, and billed with, the first invocation of each function instance. */
  readonly cold_start_ms: number
  readonly limits: Limits
}

export interface Simulated {
  /** Seconds from the plan's start to the seal's end. */
  readonly makespan: number
  /** Of the slowest dataflow, from its start to its end. */
  readonly slowest_child: number
  readonly most_children: number
  readonly most_invocations: number
  /** Function instances that were started. */
  readonly instances: number
  /** Invocations that Lambda would have refused for a moment, and the workflow would have repeated. */
  readonly throttled: number
  /** Seconds that all transitions together waited for their quota. */
  readonly transition_wait: number
  readonly usage: Usage
}

/**
 * A run under the quotas: waves one after the other; in a wave, children are dispatched at the map's rate into
 * `max_workers` places; each goes through its steps, for which it needs transitions (STANDARD) and a function
 * instance. What is refused waits in line, which is the best that retries can come to. Step Functions' own time
 * between two states, and reading the item file, are not known and count nothing.
 */
export function simulate(scenario: Scenario): Simulated {
  const { child_type, limits, own } = scenario
  const sim = simulation()
  const isStandard = child_type === 'STANDARD'
  const rate = isStandard ? limits.dispatch_standard : limits.dispatch_express
  const transitions = tokenBucket(limits.transition_bucket, limits.transition_refill)
  const mapRuns = tokenBucket(limits.start_map_run, limits.start_map_run)
  const functions = lambda(scenario, sim)
  const children = places(Math.min(scenario.max_workers, limits.children))
  let waited = 0
  let slowest = 0
  let childTransitions = 0
  let childMs = 0

  const pass = (count: number, then: () => void): void => {
    const granted = isStandard ? transitions.take(sim.now, count) : sim.now
    waited += granted - sim.now
    sim.at(granted, then)
  }
  const runChild = (ended: () => void): void => {
    const started = sim.now
    const next = (index: number): void => {
      const step = scenario.steps[index]
      if (step === undefined) {
        slowest = Math.max(slowest, sim.now - started)
        ended()
        return
      }
      childTransitions += step.transitions
      pass(step.transitions, () =>
        functions.invoke(step, (billed) => {
          childMs += billed
          next(index + 1)
        }),
      )
    }
    next(0)
  }
  const runWave = (index: number): void => {
    const count = scenario.waves[index]
    if (count === undefined) return
    // One dispatch at a time, at the map's rate and when there is a place.
    const dispatch = tokenBucket(1, rate)
    let left = count
    let toStart = count
    const start = (): void => {
      if (toStart === 0) return
      toStart -= 1
      sim.at(dispatch.take(sim.now), () =>
        children.enter(() => {
          runChild(() => {
            children.leave()
            left -= 1
            if (left === 0) runWave(index + 1)
          })
          start()
        }),
      )
    }
    sim.at(mapRuns.take(sim.now), start)
  }
  sim.at((own.handlers.plan?.milliseconds ?? 0) / 1000, () => runWave(0))
  const end = sim.run()

  const dataflows = scenario.waves.reduce((sum, count) => sum + count, 0)
  const waves = scenario.waves.length
  const usage = addUsage(own, {
    ...noUsage,
    handlers: functions.usage(),
    // What was measured of the run's own had one wave.
    transitions: runTransitions(waves) - runTransitions(1),
    child_transitions: childTransitions,
    child_executions: dataflows,
    child_milliseconds: childMs,
    dynamodb_read_units: scenario.requests.dynamodb_read_units * dataflows,
    dynamodb_write_units: scenario.requests.dynamodb_write_units * dataflows,
    s3_puts: scenario.requests.s3_puts * dataflows + waveRequests.s3_puts * (waves - 1),
    s3_gets: scenario.requests.s3_gets * dataflows + waveRequests.s3_gets * (waves - 1),
    s3_lists: scenario.requests.s3_lists * dataflows,
  })
  return {
    makespan: end + (own.handlers.seal?.milliseconds ?? 0) / 1000,
    slowest_child: slowest,
    most_children: children.most,
    ...functions.seen(),
    transition_wait: waited,
    usage,
  }
}

/** Functions: one account's concurrency, and for each its instances, idle ones first, new ones at the scaling rate. */
function lambda({ limits, added_ms, cold_start_ms }: Scenario, sim: ReturnType<typeof simulation>) {
  const account = places(limits.lambda_concurrency)
  const idle = new Map<HandlerId, number>()
  const scaling = new Map<HandlerId, ReturnType<typeof tokenBucket>>()
  const used = new Map<HandlerId, { invocations: number; milliseconds: number; gb_seconds: number }>()
  let instances = 0
  let slowedByScaling = 0

  const instanceAt = (handler: HandlerId): { at: number; cold: boolean } => {
    const free = idle.get(handler) ?? 0
    if (free > 0) {
      idle.set(handler, free - 1)
      return { at: sim.now, cold: false }
    }
    const bucket =
      scaling.get(handler) ?? tokenBucket(limits.lambda_scaling_bucket, limits.lambda_scaling_refill)
    scaling.set(handler, bucket)
    instances += 1
    const at = bucket.take(sim.now)
    if (at > sim.now) slowedByScaling += 1
    return { at, cold: true }
  }
  return {
    invoke({ handler, milliseconds }: Step, then: (billed: number) => void): void {
      account.enter(() => {
        const { at, cold } = instanceAt(handler)
        const duration = milliseconds + added_ms + (cold ? cold_start_ms : 0)
        const one = invocationUsage(duration, defaultMemory[handler])
        const sum = used.get(handler) ?? { invocations: 0, milliseconds: 0, gb_seconds: 0 }
        used.set(handler, sum)
        sum.invocations += 1
        sum.milliseconds += one.milliseconds
        sum.gb_seconds += one.gb_seconds
        sim.at(at + duration / 1000, () => {
          idle.set(handler, (idle.get(handler) ?? 0) + 1)
          account.leave()
          then(one.milliseconds)
        })
      })
    },
    usage: (): Record<string, HandlerUsage> => Object.fromEntries(used),
    seen: () => ({ instances, most_invocations: account.most, throttled: account.waited + slowedByScaling }),
  }
}
