import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { openEnginePool } from '../engine/engine.ts'
import { quoteLiteral } from '../engine/sql.ts'
import type { PrimitiveType } from '../tables/types.ts'
import { bucketMacros, hashSql } from './bucket-sql.ts'
import { partitionSql } from './partition-sql.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-partition-'))
const pool = openEnginePool({ directory, size: 1, threads: 1 })
afterAll(async () => {
  await pool.close()
  rmSync(directory, { recursive: true, force: true })
})

async function ask(expression: string): Promise<string | null> {
  return await pool.use(async (engine) => {
    await engine.run(bucketMacros)
    const [row] = await engine.rows<{ v: string | null }>(`SELECT CAST(${expression} AS VARCHAR) AS v`)
    return row?.v ?? null
  })
}

const decimal = { kind: 'decimal', precision: 9, scale: 2 } as const

describe('the hash, by the values that the Iceberg spec publishes (Appendix B)', () => {
  const published: [PrimitiveType, string, number][] = [
    [{ kind: 'int' }, '34::INTEGER', 2017239379],
    [{ kind: 'long' }, '34::BIGINT', 2017239379],
    [decimal, '14.20::DECIMAL(9,2)', -500754589],
    [{ kind: 'date' }, "DATE '2017-11-16'", -653330422],
    [{ kind: 'time' }, "TIME '22:31:08'", -662762989],
    [{ kind: 'timestamp' }, "TIMESTAMP '2017-11-16 22:31:08'", -2047944441],
    [{ kind: 'timestamp' }, "TIMESTAMP '2017-11-16 22:31:08.000001'", -1207196810],
    [{ kind: 'timestamptz' }, "TIMESTAMPTZ '2017-11-16 14:31:08-08'", -2047944441],
    [{ kind: 'timestamptz' }, "TIMESTAMPTZ '2017-11-16 14:31:08.000001-08'", -1207196810],
    [{ kind: 'string' }, "'iceberg'", 1210000089],
    [{ kind: 'uuid' }, "UUID 'f79c3e09-677c-4bbd-a479-3f349cb785e7'", 1488055340],
    [{ kind: 'fixed', length: 4 }, "'\\x00\\x01\\x02\\x03'::BLOB", -188683207],
    [{ kind: 'binary' }, "'\\x00\\x01\\x02\\x03'::BLOB", -188683207],
  ]
  it.each(published)('%j %s', async (type, value, hash) => {
    expect(Number(await ask(hashSql(type, value) as string)) | 0).toBe(hash)
  })
})

/** murmur3_x86_32 of seed 0, byte by byte as Austin Appleby wrote it: nothing is shared with the SQL. */
function murmur3(bytes: Uint8Array): number {
  const rotl = (x: number, r: number) => (x << r) | (x >>> (32 - r))
  const mix = (k: number) => Math.imul(rotl(Math.imul(k, 0xcc9e2d51), 15), 0x1b873593)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const blocks = bytes.length >> 2
  let h = 0
  for (let i = 0; i < blocks; i++)
    h = (Math.imul(rotl(h ^ mix(view.getInt32(4 * i, true)), 13), 5) + 0xe6546b64) | 0
  let k = 0
  for (let i = bytes.length - 1; i >= 4 * blocks; i--) k = (k << 8) | (bytes[i] as number)
  if (bytes.length % 4 > 0) h ^= mix(k)
  h ^= bytes.length
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

function long(value: bigint): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(value)
  return bytes
}

/** As `java.math.BigInteger.toByteArray`. */
function shortest(value: bigint): Uint8Array {
  for (let size = 1; ; size++) {
    if (BigInt.asIntN(8 * size, value) !== value) continue
    return Buffer.from(
      BigInt.asUintN(8 * size, value)
        .toString(16)
        .padStart(2 * size, '0'),
      'hex',
    )
  }
}

describe('the hash of any value is that of its bytes', () => {
  const agrees = async (type: PrimitiveType, cases: readonly (readonly [string, Uint8Array])[]) => {
    const list = `[${cases.map(([sql]) => sql).join(', ')}]`
    const got = await ask(`list_transform(${list}, lambda v: ${hashSql(type, 'v')})`)
    const hashes = JSON.parse(got as string).map((hash: number) => hash | 0)
    expect(hashes).toEqual(cases.map(([, bytes]) => murmur3(bytes)))
  }

  it('integers', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), { minLength: 20 }), async (values) =>
        agrees(
          { kind: 'long' },
          values.map((v) => [`CAST('${v}' AS BIGINT)`, long(v)]),
        ),
      ),
      { numRuns: 5 },
    ))

  it('texts', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { minLength: 20 }),
        async (values) =>
          agrees(
            { kind: 'string' },
            values.map((v) => [quoteLiteral(v), Buffer.from(v, 'utf8')]),
          ),
      ),
      { numRuns: 5 },
    ))

  it('decimals', async () => {
    const edges = Array.from({ length: 15 }, (_, i) => 2n ** BigInt(8 * (i + 1) - 1)).flatMap((x) => [
      x - 1n,
      x,
      -x,
      -x - 1n,
    ])
    const large = 10n ** 38n - 1n
    await agrees(
      { kind: 'decimal', precision: 38, scale: 0 },
      [0n, 1n, -1n, ...edges, large, -large].map((v) => [`CAST('${v}' AS DECIMAL(38,0))`, shortest(v)]),
    )
  })
})

describe('partition values', () => {
  it.each([
    // Spec: "Truncate Transform Details".
    ['truncate[10]', { kind: 'int' }, '1', '0'],
    ['truncate[10]', { kind: 'int' }, '-1', '-10'],
    ['truncate[50]', { kind: 'decimal', precision: 9, scale: 2 }, 'CAST(10.65 AS DECIMAL(9,2))', '1050'],
    ['truncate[50]', { kind: 'decimal', precision: 9, scale: 2 }, 'CAST(-0.01 AS DECIMAL(9,2))', '-50'],
    ['truncate[10]', { kind: 'int' }, '(-2147483648)::INTEGER', '-2147483650'],
    ['truncate[1073741824]', { kind: 'int' }, '2147483647::INTEGER', '1073741824'],
    ['truncate[10]', { kind: 'long' }, '(-9223372036854775807)::BIGINT', '-9223372036854775810'],
    ['truncate[3]', { kind: 'string' }, "'iceberg'", 'ice'],
    ['truncate[2]', { kind: 'string' }, "'😀é€'", '😀é'],
    ['year', { kind: 'date' }, "DATE '1969-12-31'", '-1'],
    ['month', { kind: 'date' }, "DATE '1969-12-31'", '-1'],
    ['month', { kind: 'timestamp' }, "TIMESTAMP '1971-03-01 00:00:00'", '14'],
    ['day', { kind: 'timestamp' }, "TIMESTAMP '1969-12-31 23:59:59.999999'", '-1'],
    ['day', { kind: 'timestamptz' }, "TIMESTAMPTZ '2024-01-01 00:30:00+01'", '19722'],
    ['hour', { kind: 'timestamp' }, "TIMESTAMP '1969-12-31 23:59:59.999999'", '-1'],
    ['hour', { kind: 'timestamptz' }, "TIMESTAMPTZ '1970-01-01 02:00:00+01'", '1'],
    ['identity', { kind: 'date' }, "DATE '1969-12-31'", '-1'],
    ['identity', { kind: 'timestamp' }, "TIMESTAMP '1970-01-01 00:00:00.000001'", '1'],
    ['identity', { kind: 'decimal', precision: 2, scale: 2 }, 'CAST(-0.05 AS DECIMAL(2,2))', '-5'],
    ['bucket[16]', { kind: 'string' }, 'CAST(NULL AS VARCHAR)', null],
    ['bucket[16]', { kind: 'long' }, '34::BIGINT', String(2017239379 % 16)],
    ['void', { kind: 'string' }, "'x'", null],
  ] as const)('%s of %j %s', async (transform, type, value, expected) => {
    expect(await ask(partitionSql(transform, type, value) as string)).toBe(expected)
  })

  it.each([
    ['identity', 'double'],
    ['identity', 'uuid'],
    ['bucket[4]', 'double'],
    ['bucket[4]', 'boolean'],
    ['truncate[4]', 'date'],
    ['truncate[1073741825]', 'int'],
    ['hour', 'date'],
    ['day', 'string'],
    ['zorder', 'int'],
  ] as const)('%s of %s is not written', (transform, kind) => {
    expect(partitionSql(transform, { kind }, 'v')).toBeUndefined()
  })
})
