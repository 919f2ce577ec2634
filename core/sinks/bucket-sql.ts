import type { PrimitiveType } from '../tables/types.ts'

/**
 * Iceberg's bucket hash as SQL (spec: Appendix B, "32-bit Hash Requirements"): murmur3_x86_32 with seed 0. Numbers,
 * dates and times are hashed as 8 bytes, little-endian; decimals as the fewest bytes of their unscaled value,
 * big-endian; text as UTF-8. The engine has no such function; all arithmetic here is in unsigned 64 bits, modulo 2^32.
 */

const two32 = '4294967296::UBIGINT'
const times = (a: string, factor: number) => `((${a}) * ${factor}::UBIGINT % ${two32})`

/** SQL macros; a lease makes them once, and they end with it. Their parameters are used once each where it matters. */
export const bucketMacros = `
  CREATE OR REPLACE TEMP MACRO sluice_rotl15(x) AS (x * 32768::UBIGINT % ${two32} + x // 131072::UBIGINT);
  CREATE OR REPLACE TEMP MACRO sluice_rotl13(x) AS (x * 8192::UBIGINT % ${two32} + x // 524288::UBIGINT);
  CREATE OR REPLACE TEMP MACRO sluice_mix_k(k) AS ${times(`sluice_rotl15(${times('k', 0xcc9e2d51)})`, 0x1b873593)};
  CREATE OR REPLACE TEMP MACRO sluice_mix_h(h, k) AS
    ((sluice_rotl13(xor(h, sluice_mix_k(k))) * 5::UBIGINT + ${0xe6546b64}::UBIGINT) % ${two32});
  CREATE OR REPLACE TEMP MACRO sluice_fold(x, shift) AS xor(x, x // shift);
  CREATE OR REPLACE TEMP MACRO sluice_end(h, size) AS
    sluice_fold(${times(`sluice_fold(${times('sluice_fold(xor(h, size), 65536::UBIGINT)', 0x85ebca6b)}, 8192::UBIGINT)`, 0xc2b2ae35)}, 65536::UBIGINT);
  CREATE OR REPLACE TEMP MACRO sluice_unsigned(v) AS
    CASE WHEN v < 0 THEN (18446744073709551616::HUGEINT + v)::UBIGINT ELSE v::UBIGINT END;
  CREATE OR REPLACE TEMP MACRO sluice_hash_long(v) AS
    sluice_end(sluice_mix_h(sluice_mix_h(0::UBIGINT, sluice_unsigned(v) % ${two32}), sluice_unsigned(v) // ${two32}), 8::UBIGINT);
  CREATE OR REPLACE TEMP MACRO sluice_block(x, i) AS
    ('0x' || x[i*8+7:i*8+8] || x[i*8+5:i*8+6] || x[i*8+3:i*8+4] || x[i*8+1:i*8+2])::UBIGINT;
  CREATE OR REPLACE TEMP MACRO sluice_tail(x, i) AS
    CASE WHEN length(x) > i*8 THEN ('0x0' || x[i*8+5:i*8+6] || x[i*8+3:i*8+4] || x[i*8+1:i*8+2])::UBIGINT ELSE 0::UBIGINT END;
  CREATE OR REPLACE TEMP MACRO sluice_hash_hex(x) AS sluice_end(xor(
      list_reduce(list_transform(range(length(x) // 8), lambda i: sluice_block(x, i)),
        lambda h, k: sluice_mix_h(h, k), 0::UBIGINT),
      sluice_mix_k(sluice_tail(x, length(x) // 8))), (length(x) // 2)::UBIGINT);
  CREATE OR REPLACE TEMP MACRO sluice_bytes(v) AS CASE ${Array.from({ length: 15 }, (_, i) => {
    const limit = 2n ** BigInt(8 * (i + 1) - 1)
    return `WHEN v BETWEEN -${limit}::HUGEINT AND ${limit - 1n}::HUGEINT THEN ${i + 1}`
  }).join(' ')} ELSE 16 END;
  CREATE OR REPLACE TEMP MACRO sluice_hex(v) AS CASE WHEN v < 0
    THEN right(hex(340282366920938463463374607431768211455::UHUGEINT - (-1 - v)::UHUGEINT), 2 * sluice_bytes(v))
    ELSE lpad(hex(v::UHUGEINT), 2 * sluice_bytes(v), '0') END;
`

/** SQL of a decimal's unscaled value: its text without the point, exact at any size. */
export function unscaled(expression: string): string {
  return `CAST(replace(CAST(${expression} AS VARCHAR), '.', '') AS HUGEINT)`
}

/** SQL of `bucket[count]` of a value; NULL of NULL. `undefined` for types that have no hash (spec: "Bucket Transform Details"). */
export function bucketSql(type: PrimitiveType, value: string, count: number): string | undefined {
  const hash = hashSql(type, value)
  // `& Integer.MAX_VALUE` takes the sign off.
  return hash === undefined
    ? undefined
    : `CASE WHEN ${value} IS NOT NULL THEN CAST(${hash} % 2147483648::UBIGINT % ${count} AS INTEGER) END`
}

/** SQL of the hash as an unsigned number. The macros of {@link bucketMacros} must be there. */
export function hashSql(type: PrimitiveType, value: string): string | undefined {
  switch (type.kind) {
    case 'int':
    case 'long':
      return `sluice_hash_long(CAST(${value} AS BIGINT))`
    case 'date':
      return `sluice_hash_long(CAST(${value} - DATE '1970-01-01' AS BIGINT))`
    case 'time':
      return `sluice_hash_long(epoch_us(${value}))`
    case 'timestamp':
    case 'timestamptz':
      return `sluice_hash_long(epoch_us(${value}))`
    case 'decimal':
      return ofBytes(bound(unscaled(value), 'sluice_hex'))
    case 'string':
      return ofBytes(`hex(encode(${value}))`)
    case 'uuid':
      return ofBytes(`replace(CAST(${value} AS VARCHAR), '-', '')`)
    case 'binary':
    case 'fixed':
      return ofBytes(`hex(${value})`)
    default:
      return undefined
  }
}

/** Of bytes as hexadecimal digits. */
function ofBytes(digits: string): string {
  return bound(digits, 'sluice_hash_hex')
}

/**
 * A macro's argument is written out wherever its parameter stands, and these macros use theirs many times, one inside
 * the other: the hash of one decimal took 11 s to plan. A lambda's parameter is computed once.
 */
function bound(expression: string, macro: string): string {
  return `list_transform([${expression}], lambda v: ${macro}(v))[1]`
}
