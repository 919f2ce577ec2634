/** State input, output, a variable: at most so many bytes of UTF-8 JSON (Step Functions quota, 256 KiB). */
export const MAX_BYTES = 262_144

export type JsonObject = Record<string, unknown>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `__proto__` is a key like any other in JSON; an assignment would set the prototype instead. */
export function put(target: JsonObject, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  } else target[key] = value
}

/** Thrown by {@link plain} for what has no JSON form. */
export class NotJson extends Error {}

/**
 * The value as plain JSON data: fresh arrays (the query engine marks its own with hidden properties),
 * object members that are undefined left out. Throws {@link NotJson} for functions, NaN and the like.
 */
export function plain(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      if (!Number.isFinite(value)) throw new NotJson()
      return value
    case 'object': {
      if (value === null) return null
      if (Array.isArray(value)) return value.map((item) => (item === undefined ? null : plain(item)))
      const prototype = Object.getPrototypeOf(value)
      if (prototype !== null && prototype !== Object.prototype) throw new NotJson()
      // A function of the query language is a plain object with one of these marks.
      const object = value as JsonObject
      if (object._jsonata_lambda === true || object._jsonata_function === true) throw new NotJson()
      const out: JsonObject = {}
      for (const key of Object.keys(object)) {
        const member = object[key]
        if (member !== undefined) put(out, key, plain(member))
      }
      return out
    }
    default:
      throw new NotJson()
  }
}

/** An upper bound of the JSON size in bytes, without making the JSON; stops counting above `limit`. */
function sizeBound(value: unknown, limit: number): number {
  if (typeof value === 'string') return value.length * 6 + 2
  if (typeof value !== 'object' || value === null) return 25
  let size = 2
  if (Array.isArray(value)) {
    for (const item of value) {
      size += sizeBound(item, limit) + 1
      if (size > limit) return size
    }
    return size
  }
  for (const key of Object.keys(value)) {
    size += key.length * 6 + 4 + sizeBound((value as JsonObject)[key], limit)
    if (size > limit) return size
  }
  return size
}

/** Bytes of the JSON in UTF-8. */
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? '')
}

/** True when the JSON of the value is longer than `limit` bytes. Small values are decided without serialising. */
export function exceeds(value: unknown, limit: number = MAX_BYTES): boolean {
  return sizeBound(value, limit) > limit && jsonBytes(value) > limit
}
