import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeValue, encodeValue, type IcebergValue, lowerBound, upperBound } from './single-value.ts'
import type { PrimitiveType } from './types.ts'

const hex = (type: PrimitiveType, value: IcebergValue) =>
  Buffer.from(encodeValue(type, value)).toString('hex')
const decimal: PrimitiveType = { kind: 'decimal', precision: 38, scale: 2 }
const string: PrimitiveType = { kind: 'string' }
const binary: PrimitiveType = { kind: 'binary' }

describe('single values', () => {
  test.each([
    [{ kind: 'boolean' }, true, '01'],
    [{ kind: 'int' }, -2, 'feffffff'],
    [{ kind: 'date' }, 1, '01000000'],
    [{ kind: 'long' }, 2n ** 62n, '0000000000000040'],
    [{ kind: 'timestamp' }, -1n, 'ffffffffffffffff'],
    [{ kind: 'float' }, 1.5, '0000c03f'],
    [{ kind: 'double' }, -0, '0000000000000080'],
    [decimal, 0n, '00'],
    [decimal, -1n, 'ff'],
    [decimal, 127n, '7f'],
    [decimal, 128n, '0080'],
    [decimal, -128n, '80'],
    [decimal, -129n, 'ff7f'],
    [decimal, 10n ** 38n - 1n, '4b3b4ca85a86c47a098a223fffffffff'],
    [{ kind: 'uuid' }, 'f79c3e09-677c-4bbd-a479-3f349cb785e7', 'f79c3e09677c4bbda4793f349cb785e7'],
    [string, 'é', 'c3a9'],
  ] as [PrimitiveType, IcebergValue, string][])('%j %s is %s', (type, value, expected) => {
    expect(hex(type, value)).toBe(expected)
    expect(decodeValue(type, Buffer.from(expected, 'hex'))).toEqual(value)
  })

  test('decimals take the fewest bytes and come back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 38n), max: 10n ** 38n }), (unscaled) => {
        const bytes = encodeValue(decimal, unscaled)
        expect(decodeValue(decimal, bytes)).toBe(unscaled)
        if (bytes.byteLength > 1)
          expect(BigInt.asIntN((bytes.byteLength - 1) * 8, unscaled)).not.toBe(unscaled)
      }),
    )
  })

  test('bounds from before a widening are read as what they were', () => {
    expect(decodeValue({ kind: 'long' }, encodeValue({ kind: 'int' }, -5))).toBe(-5n)
    expect(decodeValue({ kind: 'double' }, encodeValue({ kind: 'float' }, 0.5))).toBe(0.5)
    expect(decodeValue(decimal, encodeValue({ kind: 'decimal', precision: 4, scale: 2 }, -125n))).toBe(-125n)
  })

  test('a bound of the wrong length is refused', () => {
    for (const kind of ['boolean', 'int', 'long', 'double', 'date', 'uuid', 'timestamp'] as const) {
      expect(() => decodeValue({ kind }, new Uint8Array(3))).toThrowError(
        expect.objectContaining({ code: 'TABLE_BOUND_INVALID' }),
      )
    }
  })
})

describe('truncated bounds', () => {
  test('sixteen code points, the last one raised in the upper bound', () => {
    expect(lowerBound(string, 'abcdefghijklmnopqrst')).toBe('abcdefghijklmnop')
    expect(upperBound(string, 'abcdefghijklmnopqrst')).toBe('abcdefghijklmnoq')
    expect(upperBound(string, 'abcdefghijklmnop')).toBe('abcdefghijklmnop')
    expect(upperBound(string, '😀'.repeat(16))).toBe('😀'.repeat(16))
    expect(upperBound(string, `${'😀'.repeat(16)}a`)).toBe(`${'😀'.repeat(15)}😁`)
  })

  test('what cannot be raised is raised further left, or has no bound', () => {
    const top = '\u{10ffff}'
    expect(upperBound(string, `a${top.repeat(16)}`)).toBe('b')
    expect(upperBound(string, top.repeat(17))).toBeUndefined()
    expect(upperBound(string, `${'a'.repeat(15)}\ud7ffx`)).toBe(`${'a'.repeat(15)}\ue000`)
    expect(upperBound(binary, Buffer.alloc(17, 0xff))).toBeUndefined()
    expect(upperBound(binary, Buffer.from([1, ...Buffer.alloc(16, 0xff)]))).toEqual(Uint8Array.of(2))
  })

  test('enclose every string, in the order of UTF-8 bytes', () => {
    const alphabet = fc.constantFrom(
      'a',
      'b',
      'é',
      '\ud7ff',
      '\ue000',
      '\uffff',
      '😀',
      '\u{10ffff}',
      '\u0000',
    )
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 20 }), (points) => {
        const text = points.join('')
        const bytes = Buffer.from(text)
        const upper = upperBound(string, text)
        expect(Buffer.compare(encodeValue(string, lowerBound(string, text)), bytes)).toBeLessThanOrEqual(0)
        if (upper !== undefined)
          expect(Buffer.compare(encodeValue(string, upper), bytes)).toBeGreaterThanOrEqual(0)
        else expect(points.slice(0, 16).every((point) => point === '\u{10ffff}')).toBe(true)
      }),
    )
  })
})
