import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attributeOf, attributesOf, itemOf } from './dynamodb-values.ts'
import type { Item } from './state-store.ts'

const names = fc.string().filter((name) => name !== '' && !name.startsWith('#') && name !== '__proto__')

describe('the attributes of an item', () => {
  it('come back as JSON would bring them back', () => {
    const value = fc.oneof(fc.jsonValue(), fc.double({ noNaN: true, noDefaultInfinity: true }))
    const item = fc
      .dictionary(names, value, { noNullPrototype: true })
      .map((rest): Item => ({ ...rest, pk: 'p', sk: 's' }))
    fc.assert(
      fc.property(item, (item) => {
        expect(itemOf(attributesOf(item, 0))).toStrictEqual(JSON.parse(JSON.stringify(item)))
      }),
    )
  })

  it('are of the types that a condition compares where they are scalars', () => {
    expect(attributeOf('')).toEqual({ S: '' })
    expect(attributeOf(0)).toEqual({ N: '0' })
    expect(attributeOf(-0)).toEqual({ N: '0' })
    expect(attributeOf(false)).toEqual({ BOOL: false })
    expect(attributeOf(null)).toEqual({ NULL: true })
    expect(attributeOf([])).toEqual({ M: { json: { S: '[]' } } })
  })

  it('are numbers only where DynamoDB holds the number exactly', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const { N, M } = attributeOf(value)
        if (N === undefined) {
          expect(JSON.parse(M!.json!.S!)).toBe(value)
          return
        }
        expect(Number(N)).toBe(value === 0 ? 0 : value)
        const [digits, exponent] = N.replace('-', '').split('e')
        expect(digits!.replace('.', '').length).toBeLessThanOrEqual(38)
        expect(Math.abs(Number(exponent ?? 0))).toBeLessThanOrEqual(125)
      }),
      { examples: [[5e-324], [Number.MAX_VALUE], [1e125], [-1e-125], [1e126], [1e-126]] },
    )
  })

  it('never take more bytes than the JSON that was checked, and a little for each name', () => {
    fc.assert(
      fc.property(fc.dictionary(names, fc.jsonValue(), { noNullPrototype: true }), (rest) => {
        const item: Item = { ...rest, pk: 'p', sk: 's' }
        const sizes = Object.entries(attributesOf(item, 0)).map(
          ([name, { S, N, M }]) => Buffer.byteLength(`${name}${S ?? N ?? M?.json?.S ?? ' '}`) + 10,
        )
        const bytes = sizes.reduce((sum, size) => sum + size, 0)
        const members = Object.keys(item).length
        expect(bytes).toBeLessThanOrEqual(Buffer.byteLength(JSON.stringify(item)) + 10 * members)
      }),
    )
  })

  it('put a run that has started into the index, and nothing else', () => {
    const indexed = (item: Item) => '#runs' in attributesOf(item, 0)
    const run = { pk: 'RUN#1', sk: 'META', started_at: '2026-01-01T00:00:00.000Z' }
    expect(attributesOf(run, 0)).toMatchObject({
      '#runs': { S: 'RUNS' },
      '#runs_start': { S: '2026-01-01T00:00:00.000Z RUN#1' },
    })
    expect(itemOf(attributesOf(run, 0))).toEqual(run)
    expect(indexed({ ...run, started_at: null })).toBe(false)
    expect(indexed({ pk: 'RUN#1', sk: 'META' })).toBe(false)
    expect(indexed({ ...run, sk: 'FLOW#x' })).toBe(false)
    expect(indexed({ ...run, pk: 'RUN' })).toBe(false)
  })

  it('give the index a key that it can hold, whatever the start', () => {
    for (const started_at of ['😀'.repeat(1000), `x${'é'.repeat(1000)}`]) {
      const start = attributesOf({ pk: 'RUN#1', sk: 'META', started_at }, 0)['#runs_start']!.S!
      expect(Buffer.byteLength(start)).toBeLessThanOrEqual(1024)
      expect(started_at.startsWith(start)).toBe(true)
    }
  })
})
