/**
 * JSON in which integers beyond 2^53 survive: they become `bigint` and go back as the same digits. Spark's
 * snapshot ids have 63 bits; `JSON.parse` alone would silently name another snapshot.
 *
 * Needs `context.source` and `JSON.rawJSON` (Node 22 and later have both; TypeScript's lib does not know them).
 */
type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown

const parseWithSource = JSON.parse as (text: string, reviver: Reviver) => unknown
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }

/**
 * Whether any run of digits may be beyond 2^53 (9007199254740992). A reviver makes parsing three times slower, and
 * metadata that only we wrote never needs it.
 */
const longNumber = /\d{17}|9\d{15}/

export function parseLossless(text: string): unknown {
  if (!longNumber.test(text)) return JSON.parse(text)
  return parseWithSource(text, (_key, value, { source }) =>
    typeof value === 'number' &&
    !Number.isSafeInteger(value) &&
    source !== undefined &&
    /^-?\d+$/.test(source)
      ? BigInt(source)
      : value,
  )
}

export function printLossless(value: unknown): string {
  return JSON.stringify(value, (_key, v) => (typeof v === 'bigint' ? rawJSON(v.toString()) : v))
}
