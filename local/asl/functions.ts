import { createHash, randomUUID } from 'node:crypto'

/** Longest array of `$range`, as of JSONata's own `..` operator. */
const MAX_RANGE = 10_000_000

const ALGORITHMS: Readonly<Record<string, string>> = {
  MD5: 'md5',
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
}

/** Throws inside an expression; the message becomes part of the Cause. */
function refuse(message: string): never {
  throw Object.assign(new Error(message), { code: 'D3141' })
}

function partition(array: unknown, size: unknown): unknown {
  if (array === undefined) return undefined
  if (!Array.isArray(array)) refuse('$partition takes an array as its first argument')
  if (!Number.isInteger(size) || (size as number) < 1)
    refuse('$partition takes a positive integer as its size')
  const parts: unknown[] = []
  for (let at = 0; at < array.length; at += size as number) parts.push(array.slice(at, at + (size as number)))
  return parts
}

function range(first: unknown, last: unknown, step: unknown): unknown {
  if (first === undefined || last === undefined) return undefined
  const by = step === undefined ? 1 : step
  if (![first, last, by].every((n) => Number.isInteger(n))) refuse('$range takes integers')
  const [from, to, delta] = [first as number, last as number, by as number]
  if (delta === 0) refuse('the step of $range must not be 0')
  const count = Math.floor((to - from) / delta) + 1
  if (count > MAX_RANGE) refuse(`$range would give ${count} numbers, more than ${MAX_RANGE}`)
  return count <= 0 ? [] : Array.from({ length: count }, (_, i) => from + i * delta)
}

function hash(content: unknown, algorithm: unknown): unknown {
  if (content === undefined) return undefined
  const name = ALGORITHMS[String(algorithm)]
  if (name === undefined) refuse(`$hash knows ${Object.keys(ALGORITHMS).join(', ')}`)
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  return createHash(name).update(text).digest('hex')
}

/** The same seed gives the same number (mulberry32). */
function seeded(seed: number): number {
  let t = (seed | 0) + 0x6d2b79f5
  t = Math.imul(t ^ (t >>> 15), t | 1)
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}

function parse(text: unknown): unknown {
  if (text === undefined) return undefined
  if (typeof text !== 'string') refuse('$parse takes a string')
  try {
    return JSON.parse(text)
  } catch (error) {
    return refuse(`$parse: ${(error as Error).message}`)
  }
}

/**
 * What Step Functions adds to JSONata: `$partition $range $hash $random $uuid $parse`
 * (docs "JSONata functions provided by Step Functions").
 */
export function addedFunctions(
  random: () => number,
): Readonly<Record<string, (...args: unknown[]) => unknown>> {
  return {
    partition,
    range,
    hash,
    parse,
    uuid: () => randomUUID(),
    random: (seed) => {
      if (seed === undefined) return random()
      return typeof seed === 'number' ? seeded(seed) : refuse('$random takes a number as its seed')
    },
  }
}
