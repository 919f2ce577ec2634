import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, digestOf } from './json.ts'

describe('canonicalJson', () => {
  it('sorts keys at every depth and nothing else', () => {
    expect(canonicalJson({ b: [{ z: 1, a: null }], a: 'ü"\n' })).toBe(
      '{"a":"ü\\"\\n","b":[{"a":null,"z":1}]}',
    )
  })

  it('leaves undefined members out, as JSON does', () => {
    expect(canonicalJson({ a: undefined, b: [undefined, 1] })).toBe('{"b":[null,1]}')
    expect(canonicalJson(undefined)).toBe('null')
  })

  it('holds what JSON.stringify holds, whatever the order of the keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value)
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
        expect(canonicalJson(reversed(JSON.parse(text)))).toBe(text)
      }),
    )
  })
})

describe('digestOf', () => {
  it('is the SHA-256 of the canonical text', () => {
    expect(digestOf({ b: 1, a: 2 })).toBe(digestOf({ a: 2, b: 1 }))
    expect(digestOf({ a: 2 })).not.toBe(digestOf({ a: 3 }))
  })
})

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).reverse()
  return Object.fromEntries(entries.map(([key, member]) => [key, reversed(member)]))
}
