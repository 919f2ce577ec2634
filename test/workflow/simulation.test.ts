import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { playHistory } from '../../bench/simulate/history.ts'
import { type Scenario, simulate } from '../../bench/simulate/model.ts'
import { places, simulation, tokenBucket } from '../../bench/simulate/queues.ts'
import { type Limits, published } from '../../bench/simulate/quotas.ts'
import { scenarioOf } from '../../bench/simulate/scenario.ts'
import { measured } from '../../core/cost/measured.ts'
import { priceOf } from '../../core/cost/price-of.ts'
import { usEast1 } from '../../core/cost/prices.ts'
import { runTransitions } from '../../core/cost/transitions.ts'
import { lambdaTotals, multiplyUsage, noUsage } from '../../core/cost/usage.ts'

const endless = Object.fromEntries(Object.keys(published).map((name) => [name, 1e12])) as Limits
const noRequests = { dynamodb_read_units: 0, dynamodb_write_units: 0, s3_puts: 0, s3_gets: 0, s3_lists: 0 }

/** Children of one handler that takes `milliseconds`, with nothing to limit them but what is named. */
function scenario(
  more: Omit<Partial<Scenario>, 'limits'> & { limits?: Partial<Limits> },
  milliseconds = 1000,
): Scenario {
  return {
    waves: [100],
    child_type: 'STANDARD',
    max_workers: 1e9,
    steps: [{ handler: 'extract', transitions: 1, milliseconds }],
    requests: noRequests,
    own: noUsage,
    added_ms: 0,
    cold_start_ms: 0,
    ...more,
    limits: { ...endless, ...more.limits },
  }
}

describe('queues', () => {
  it('a bucket grants its capacity at once and the rest at its rate', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 200 }),
        (capacity, rate, n) => {
          const bucket = tokenBucket(capacity, rate)
          const granted = Array.from({ length: n }, () => bucket.take(0))
          for (const [i, at] of granted.entries())
            expect(at).toBeCloseTo(Math.max(0, i + 1 - capacity) / rate, 9)
        },
      ),
    )
  })

  it('a bucket fills up to its capacity and no further', () => {
    const bucket = tokenBucket(2, 10)
    expect([bucket.take(0, 2), bucket.take(100, 2), bucket.take(100)]).toEqual([0, 100, 100.1])
  })

  it('things happen in the order of their times, equal ones as they were asked for', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 60 }), (times) => {
        const sim = simulation()
        const seen: [number, number][] = []
        for (const [i, time] of times.entries()) sim.at(time, () => seen.push([sim.now, i]))
        sim.run()
        expect(seen).toEqual(
          times.map((time, i) => [time, i] as [number, number]).sort((a, b) => a[0] - b[0] || a[1] - b[1]),
        )
      }),
    )
  })

  it('places are given to whoever waits longest', () => {
    const one = places(1)
    const seen: string[] = []
    for (const name of ['a', 'b', 'c']) one.enter(() => seen.push(name))
    one.leave()
    one.leave()
    expect({ seen, waited: one.waited, most: one.most }).toEqual({
      seen: ['a', 'b', 'c'],
      waited: 2,
      most: 1,
    })
  })
})

describe('closed forms', () => {
  it('dispatch: the last of n begins after (n - 1) / rate', () => {
    const { makespan } = simulate(scenario({ limits: { dispatch_standard: 100 } }))
    expect(makespan).toBeCloseTo(99 / 100 + 1, 6)
  })

  it('n jobs of d seconds on c places, all there at once, take ceil(n / c) * d', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 50 }), (n, c) => {
        expect(simulate(scenario({ waves: [n], max_workers: c })).makespan).toBeCloseTo(Math.ceil(n / c), 3)
        const byLambda = simulate(scenario({ waves: [n], limits: { lambda_concurrency: c } }))
        expect(byLambda.makespan).toBeCloseTo(Math.ceil(n / c), 3)
        expect(byLambda.throttled).toBe(Math.max(0, n - c))
      }),
    )
  })

  it('M/D/c that is not full: nobody waits, so a job ends its service time after it begins', () => {
    const outcome = simulate(scenario({ max_workers: 100, limits: { dispatch_standard: 50 } }, 390))
    expect(outcome.slowest_child).toBeCloseTo(0.39, 9)
    expect(outcome.most_children).toBe(20)
  })

  it('transitions: no sooner than what is over the bucket can be refilled; EXPRESS has none', () => {
    const limits = { transition_bucket: 10, transition_refill: 5 }
    expect(simulate(scenario({ limits }, 1)).makespan).toBeCloseTo((100 - 10) / 5, 1)
    expect(simulate(scenario({ child_type: 'EXPRESS', limits }, 1)).makespan).toBeLessThan(0.01)
  })

  it('instances: a function grows at its scaling rate, and warm ones are taken again', () => {
    const limits = { lambda_scaling_bucket: 10, lambda_scaling_refill: 1 }
    const outcome = simulate(scenario({ waves: [12], limits }, 10_000))
    expect(outcome.makespan).toBeCloseTo(2 + 10, 3)
    expect(outcome.instances).toBe(12)
    const one = simulate(scenario({ max_workers: 1, cold_start_ms: 500 }))
    expect(one).toMatchObject({ instances: 1 })
    expect(one.makespan).toBeCloseTo(100.5, 3)
  })

  it('waves follow each other', () => {
    expect(simulate(scenario({ waves: [10, 10, 10] })).makespan).toBeCloseTo(3, 3)
  })
})

describe('what the simulation counts', () => {
  it.each(['STANDARD', 'EXPRESS'] as const)(
    'costs what the usage of its dataflows costs, %s',
    (child_type) => {
      const n = 500
      const options = { dataflows: n, waves: 1, child_type, max_workers: 1000, added_ms: 0, cold_start_ms: 0 }
      const { usage } = simulate(scenarioOf(measured, options))
      const each = measured.small.usage
      const whole = Object.values(each.handlers).reduce(
        (sum, { milliseconds }) => sum + Math.ceil(milliseconds),
        0,
      )
      expect(lambdaTotals(usage)).toMatchObject({
        invocations: n * 13 + 2,
        milliseconds: n * whole + lambdaTotals(measured.own.usage).milliseconds,
      })
      const { handlers: _h, child_milliseconds: _c, ...expected } = multiplyUsage(each, n)
      const own = measured.own.usage
      for (const [name, value] of Object.entries(expected)) {
        const counted = usage[name as keyof typeof expected]
        expect(counted, name).toBeCloseTo(value + own[name as keyof typeof expected], 6)
      }
      const billing = { child_type, architecture: 'arm64' } as const
      const { usd, usd_by_service } = priceOf(usage, usEast1, billing)
      const { step_functions, lambda, dynamodb, s3 } = usd_by_service
      expect(usd).toBeCloseTo(step_functions + lambda + dynamodb + s3, 12)
      const { prices } = usEast1
      expect(dynamodb).toBeCloseTo(
        usage.dynamodb_write_units * prices.dynamodb_write_unit.usd +
          usage.dynamodb_read_units * prices.dynamodb_read_unit.usd,
        12,
      )
    },
  )

  it('has the transitions that the interpreter has', async () => {
    const options = {
      dataflows: 30,
      waves: 3,
      child_type: 'STANDARD',
      max_workers: 10,
      added_ms: 0,
      cold_start_ms: 0,
    } as const
    const played = scenarioOf(measured, options)
    const { usage } = simulate(played)
    const history = await playHistory(played.waves, 2)
    expect(history).toMatchObject({ status: 'SUCCEEDED', children: 30 })
    expect(usage.child_transitions).toBe(history.child_transitions)
    expect(usage.transitions).toBe(history.parent_transitions)
    expect(history.parent_transitions).toBe(runTransitions(3))
  })
})
