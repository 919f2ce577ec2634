import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Dataflow } from '../manifest/types.ts'
import { maxShards, planShards, type ShardLimit, shardLimit } from './shards.ts'

const flow = (source: object) => ({ name: 'flow', source }) as unknown as Dataflow
const csv = flow({ format: 'csv', compression: 'auto' })
const pinsOf = (sizes: readonly number[]) =>
  sizes.map((size, i) => ({ key: `k${String(i).padStart(5, '0')}`, size, etag: `e${i}` }))
const limited = (target: number, most = target): ShardLimit => ({ target, most, because: 'the test' })

describe('planShards', () => {
  it('holds every pin once, in order, within the limit, and never two neighbours that fit into one', () => {
    const sizes = fc.array(fc.nat(100), { maxLength: 60 })
    fc.assert(
      fc.property(sizes, fc.integer({ min: 100, max: 400 }), (given, target) => {
        const pins = pinsOf(given)
        const shards = planShards(csv, pins, limited(target))
        expect(planShards(csv, pins, limited(target))).toEqual(shards)
        const total = given.reduce((a, b) => a + b, 0)
        expect(shards.length === 0).toBe(total <= target)
        if (shards.length === 0) return
        const positions = shards.flatMap(({ first, count }) =>
          Array.from({ length: count }, (_, i) => first + i),
        )
        expect(positions).toEqual(pins.map((_, i) => i))
        for (const [i, { first, count, bytes }] of shards.entries()) {
          expect(bytes).toBe(given.slice(first, first + count).reduce((a, b) => a + b, 0))
          expect(bytes).toBeLessThanOrEqual(target)
          if (i > 0) expect(bytes + shards[i - 1]!.bytes).toBeGreaterThan(target)
        }
      }),
    )
  })

  it('gives an object between target and most a shard of its own, and refuses a larger one by name', () => {
    expect(planShards(csv, pinsOf([3, 15, 3]), limited(10, 20)).map((shard) => shard.bytes)).toEqual([
      3, 15, 3,
    ])
    expect(() => planShards(csv, pinsOf([3, 21]), limited(10, 20))).toThrow(/k00001.*21 bytes/)
  })

  it('takes no more shards than a map has iterations', () => {
    const sizes = Array.from({ length: maxShards }, () => 6)
    expect(planShards(csv, pinsOf(sizes), limited(10))).toHaveLength(maxShards)
    expect(() => planShards(csv, pinsOf([...sizes, 6]), limited(10))).toThrow(/1001 shards/)
  })
})

describe('shardLimit', () => {
  const pins = [{ key: 'a.csv.gz', size: 1, etag: 'e' }]

  it('takes the manifest at its word, else the environment, weighed by what the disk has to hold', () => {
    const given = flow({ format: 'csv', compression: 'auto', max_shard_bytes: 7 })
    expect(shardLimit(given, pins, { shardBytes: 80 })).toMatchObject({ target: 7, most: 7 })
    expect(shardLimit(csv, pins, { shardBytes: 80 })).toMatchObject({ target: 10, most: 80 })
    expect(shardLimit(csv, [], { shardBytes: 80 })).toMatchObject({ target: 80, most: 80 })
    const parquet = flow({ format: 'parquet', compression: 'auto' })
    expect(shardLimit(parquet, pins, { shardBytes: 80 })).toMatchObject({ target: 50, most: 80 })
  })

  it('is none where nobody says one, and for transforms', () => {
    expect(shardLimit(csv, pins, {})).toBeUndefined()
    expect(shardLimit({ name: 'sql' } as Dataflow, [], { shardBytes: 80 })).toBeUndefined()
  })
})
