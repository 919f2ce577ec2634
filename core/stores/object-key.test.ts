import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareCodePoints } from './code-point-order.ts'
import { invalidKeys, invalidPrefixes } from './object-key.suite.ts'
import { isReservedName, validateKey, validatePrefix } from './object-key.ts'

describe('validateKey', () => {
  it.each(invalidKeys)('refuses %j (%s)', (key) => {
    expect(() => validateKey(key)).toThrow(expect.objectContaining({ code: 'OBJECT_KEY_INVALID' }))
  })

  it.each([
    'a',
    'a/b.c',
    '..a',
    'a..',
    '...',
    'a/.tmp',
    '.tmpx',
    ' ',
    'é',
    '😀/x',
    'k'.repeat(255),
    `${'k/'.repeat(449)}zz`,
  ])('returns %j as it is', (key) => {
    expect(validateKey(key)).toBe(key)
  })

  it('refuses what is no string at all', () => {
    expect(() => validateKey(undefined as unknown as string)).toThrow(/is not a string/)
  })
})

describe('validatePrefix', () => {
  it.each(invalidPrefixes)('refuses %j (%s)', (prefix) => {
    expect(() => validatePrefix(prefix)).toThrow(expect.objectContaining({ code: 'OBJECT_KEY_INVALID' }))
  })

  it('takes every beginning of every valid key', () => {
    const segment = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.nat(), (segments, cut) => {
        const key = segments.join('/').normalize('NFC')
        try {
          validateKey(key)
        } catch {
          return
        }
        const characters = [...key]
        const prefix = characters.slice(0, cut % (characters.length + 1)).join('')
        expect(validatePrefix(prefix)).toBe(prefix)
      }),
    )
  })
})

it('reserves .tmp in any case', () => {
  expect(['.tmp', '.TMP', '.Tmp', 'tmp', '.tmp2'].map(isReservedName)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ])
})

it('compareCodePoints orders as the UTF-8 bytes do', () => {
  const text = fc.string({ unit: 'binary', maxLength: 6 })
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(compareCodePoints(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }),
    {
      examples: [
        ['😀', 'Ａ'],
        ['\ud7ff', '\ue000'],
        ['a', 'a/'],
        ['', ''],
      ],
    },
  )
})
