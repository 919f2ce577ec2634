import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { IcebergValue } from './single-value.ts'
import { parseStatsText } from './stats-text.ts'
import type { PrimitiveType } from './types.ts'

const decimal = (precision: number, scale: number): PrimitiveType => ({ kind: 'decimal', precision, scale })

describe('the engine’s text', () => {
  test.each([
    [{ kind: 'boolean' }, '1', true],
    [{ kind: 'int' }, '-2147483648', -2147483648],
    [{ kind: 'long' }, '9223372036854775807', 2n ** 63n - 1n],
    [{ kind: 'double' }, '1e-07', 1e-7],
    [{ kind: 'double' }, '1.7976931348623157e+308', Number.MAX_VALUE],
    [{ kind: 'double' }, '-inf', Number.NEGATIVE_INFINITY],
    [decimal(4, 2), '-1.25', -125n],
    [decimal(2, 2), '-.05', -5n],
    [decimal(5, 0), '0', 0n],
    [decimal(38, 10), '0.7500000000', 7500000000n],
    [{ kind: 'date' }, '1970-01-01', 0],
    [{ kind: 'date' }, '1969-12-31', -1],
    [{ kind: 'date' }, '12345-01-01', Date.UTC(12345, 0, 1) / 86_400_000],
    [{ kind: 'date' }, '0001-01-01 (BC)', -719528],
    [{ kind: 'date' }, 'infinity', undefined],
    [{ kind: 'time' }, '24:00:00', 86_400_000_000n],
    [{ kind: 'time' }, '00:00:00.1', 100_000n],
    [{ kind: 'timestamp' }, '1969-12-31 23:59:59.999999', -1n],
    [{ kind: 'timestamp' }, '-infinity', undefined],
    [{ kind: 'timestamp' }, '0028-08-11 (BC) 08:00:00', -63_000_000_000_000_000n],
    [{ kind: 'timestamptz' }, '0028-08-11 (BC) 08:00:00+00', -63_000_000_000_000_000n],
    [{ kind: 'timestamptz' }, '2024-01-05 10:00:00+05:30', 1_704_429_000_000_000n],
    [{ kind: 'string' }, '', ''],
    [{ kind: 'binary' }, 'FF00', Buffer.from([255, 0])],
  ] as [PrimitiveType, string, IcebergValue | undefined][])('%j %j', (type, text, value) => {
    expect(parseStatsText(type, text)).toEqual(value)
  })

  test.each([
    [{ kind: 'boolean' }, 'yes'],
    [{ kind: 'int' }, '2147483648'],
    [{ kind: 'int' }, '1.0'],
    [{ kind: 'long' }, '9223372036854775808'],
    [{ kind: 'double' }, 'nan'],
    [decimal(4, 2), '1.2'],
    [decimal(4, 2), '123.45'],
    [decimal(4, 2), '-'],
    [{ kind: 'date' }, '2024-1-5'],
    [{ kind: 'date' }, '2024-01-05 garbage'],
    [{ kind: 'timestamp' }, '2024-01-05'],
    [{ kind: 'timestamp' }, '2024-01-05 00:00:00+00'],
    [{ kind: 'timestamptz' }, '2024-01-05 00:00:00'],
    [{ kind: 'uuid' }, 'F79C3E09-677C-4BBD-A479-3F349CB785E7'],
    [{ kind: 'binary' }, 'abc'],
  ] as [PrimitiveType, string][])('%j %j is refused, not guessed', (type, text) => {
    expect(() => parseStatsText(type, text)).toThrowError(
      expect.objectContaining({ code: 'FILE_STATS_UNREADABLE' }),
    )
  })

  test('dates agree with JavaScript’s calendar', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (date) => {
          const iso = date.toISOString()
          expect(parseStatsText({ kind: 'date' }, iso.slice(0, 10))).toBe(
            Math.floor(date.getTime() / 86_400_000),
          )
          expect(parseStatsText({ kind: 'timestamp' }, iso.slice(0, 23).replace('T', ' '))).toBe(
            BigInt(date.getTime()) * 1000n,
          )
        },
      ),
    )
  })
})
