import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ColumnType } from '../../contract/column-types.ts'
import { acceptsText } from '../../contract/grammar.ts'
import { compareValues } from '../../contract/rule-values.ts'
import { type BoundKey, boundKeys, inclusiveBound } from './bounds.ts'

/** Whether the standard lets `value` pass. */
function passes(type: ColumnType, key: BoundKey, bound: string, value: string): boolean {
  const wide: ColumnType = type.type === 'decimal' ? { type: 'decimal', precision: 38, scale: 20 } : type
  const difference = compareValues(wide, value, bound)
  if (key === 'minimum') return difference >= 0
  if (key === 'exclusiveMinimum') return difference > 0
  return key === 'maximum' ? difference <= 0 : difference < 0
}

function passesContract(type: ColumnType, key: BoundKey, value: string, bound: string): boolean {
  const difference = compareValues(type, value, bound)
  return key.endsWith('inimum') ? difference >= 0 : difference <= 0
}

const decimal: ColumnType = { type: 'decimal', precision: 18, scale: 3 }
const fraction = fc
  .tuple(fc.integer({ min: -3000, max: 3000 }), fc.integer({ min: 0, max: 5 }))
  .map(([units, digits]) => units / 10 ** digits)
const near = fc.integer({ min: -4_000_000, max: 4_000_000 }).map((units) => (units / 1000).toFixed(3))
const day = fc.integer({ min: -40, max: 40 }).map((days) => new Date(days * 864e5).toISOString().slice(0, 10))
const instant = fc
  .tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 0, max: 999 }))
  .map(
    ([millis, micros]) => `${new Date(millis).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}`,
  )

describe('the inclusive bound lets the same values pass as the standard’s', () => {
  test.each(boundKeys)('%s of decimals and integers', (key) => {
    fc.assert(
      fc.property(fraction, near, (bound, value) => {
        const found = String(inclusiveBound(decimal, key, bound))
        expect(passesContract(decimal, key, value, found)).toBe(passes(decimal, key, bound.toFixed(5), value))
        const whole = value.slice(0, -4)
        const least = String(inclusiveBound({ type: 'integer' }, key, bound))
        expect(passesContract({ type: 'integer' }, key, whole, least)).toBe(
          passes(decimal, key, bound.toFixed(5), whole),
        )
      }),
      { numRuns: 300 },
    )
  })

  test.each(boundKeys)('%s of dates and timestamps', (key) => {
    fc.assert(
      fc.property(day, day, instant, instant, (dateBound, date, instantBound, moment) => {
        for (const [type, bound, value] of [
          [{ type: 'date' }, dateBound, date],
          [{ type: 'timestamp' }, instantBound, moment],
          [{ type: 'timestamp_tz' }, `${instantBound}+05:30`, `${moment}+05:30`],
        ] as const) {
          const found = inclusiveBound(type, key, bound) as string
          expect(acceptsText(type, found)).toBe(true)
          expect(passesContract(type, key, value, found)).toBe(passes(type, key, bound, value))
        }
      }),
      { numRuns: 200 },
    )
  })

  test.each([
    [{ type: 'time' }, 'exclusiveMinimum', '10:00', '10:00:00.000001'],
    [{ type: 'time' }, 'exclusiveMaximum', '00:00', undefined],
    [{ type: 'date' }, 'exclusiveMaximum', '0001-01-01', undefined],
    [{ type: 'date' }, 'maximum', '2024-1-1', undefined],
    [{ type: 'double' }, 'minimum', 0.1, 0.1],
    [{ type: 'float' }, 'exclusiveMinimum', 0, 'inexact'],
    [{ type: 'bigint' }, 'minimum', 1e-7, 1],
    [{ type: 'decimal', precision: 38, scale: 20 }, 'exclusiveMinimum', 1, '1.00000000000000000001'],
    [{ type: 'integer' }, 'minimum', '1', undefined],
  ] as const)('%j %s %s is %s', (type, key, bound, expected) => {
    expect(inclusiveBound(type, key, bound)).toBe(expected)
  })
})
