import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { priceOf } from './price-of.ts'
import { usEast1 } from './prices.ts'
import { addUsage, type CounterName, counterNames, multiplyUsage, noUsage, type Usage } from './usage.ts'

const standard = { child_type: 'STANDARD', architecture: 'arm64' } as const
const usage = (counters: Partial<Record<CounterName, number>>): Usage => ({ ...noUsage, ...counters })

const anyUsage: fc.Arbitrary<Usage> = fc
  .record({
    counters: fc.tuple(...counterNames.map(() => fc.nat(100_000))),
    gates: fc.dictionary(
      fc.constantFrom('extract', 'contract', 'settle'),
      fc.record({ invocations: fc.nat(50), milliseconds: fc.nat(900_000), gb_seconds: fc.nat(5_000) }),
    ),
  })
  .map(({ counters, gates }) => ({
    ...(Object.fromEntries(counterNames.map((name, i) => [name, counters[i]])) as Record<
      CounterName,
      number
    >),
    handlers: gates,
  }))

describe('priceOf', () => {
  it('is the published arithmetic, counter by counter', () => {
    const priced = (counters: Partial<Record<CounterName, number>>) =>
      priceOf(usage(counters), usEast1, standard)
    expect(priced({ transitions: 1_000_000 }).usd).toBeCloseTo(25, 9)
    expect(priced({ child_transitions: 1_000_000 }).usd).toBeCloseTo(25, 9)
    expect(priced({ dynamodb_write_units: 1_000_000 }).usd_by_service.dynamodb).toBeCloseTo(0.625, 9)
    expect(priced({ dynamodb_read_units: 1_000_000 }).usd_by_service.dynamodb).toBeCloseTo(0.125, 9)
    expect(priced({ s3_puts: 1000, s3_gets: 1000, s3_lists: 1000 }).usd_by_service.s3).toBeCloseTo(0.0104, 9)
  })

  it('bills Lambda by architecture', () => {
    const one = usage({})
    const used = {
      ...one,
      handlers: { contract: { invocations: 1_000_000, milliseconds: 1, gb_seconds: 1000 } },
    }
    expect(priceOf(used, usEast1, standard).usd).toBeCloseTo(0.2 + 0.0133334, 9)
    expect(priceOf(used, usEast1, { ...standard, architecture: 'x64' }).usd).toBeCloseTo(0.2 + 0.0166667, 9)
  })

  it('under EXPRESS bills executions and their time in steps of 100 ms, and the parent by transition still', () => {
    const used = usage({
      transitions: 8,
      child_transitions: 18,
      child_executions: 1,
      child_milliseconds: 101,
    })
    const { billed, usd } = priceOf(used, usEast1, { ...standard, child_type: 'EXPRESS' })
    expect(billed).toEqual({ transitions: 8, express_requests: 1, express_gb_seconds: 0.2 * (64 / 1024) })
    expect(usd).toBeCloseTo(8 * 25e-6 + 1e-6 + 0.0125 * 0.00001667, 12)
    expect(priceOf(used, usEast1, standard).billed).toEqual({
      transitions: 26,
      express_requests: 0,
      express_gb_seconds: 0,
    })
  })

  it('is additive, and never grows by leaving something out', () => {
    fc.assert(
      fc.property(anyUsage, anyUsage, (a, b) => {
        const sum = priceOf(addUsage(a, b), usEast1, standard).usd
        expect(sum).toBeCloseTo(priceOf(a, usEast1, standard).usd + priceOf(b, usEast1, standard).usd, 6)
        expect(sum).toBeGreaterThanOrEqual(priceOf(a, usEast1, standard).usd)
      }),
    )
  })

  it('of n times the same is n times the price', () => {
    fc.assert(
      fc.property(anyUsage, fc.integer({ min: 1, max: 20 }), (one, n) => {
        expect(multiplyUsage(one, n)).toEqual(addUsage(...Array.from({ length: n }, () => one)))
      }),
    )
  })
})

it('every price says where it comes from, and which ones nobody has looked up', () => {
  for (const price of Object.values(usEast1.prices)) {
    expect(price.usd).toBeGreaterThan(0)
    expect(price.source).toMatch(/^aws\.amazon\.com\//)
    expect(price.as_of).toMatch(/^\d{4}-\d{2}$/)
    expect(price.as_of >= usEast1.as_of).toBe(true)
  }
})
