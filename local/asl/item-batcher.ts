import { dataLimit } from './errors.ts'
import { jsonBytes, MAX_BYTES } from './json.ts'

export interface Batch {
  readonly input: unknown
  /** How many items it holds: a failed batch fails them all. */
  readonly items: number
}

/**
 * Groups items, in order, into inputs `{BatchInput?, Items}` of at most `maxItems` items and `maxBytes` bytes of
 * JSON. Throws `States.DataLimitExceeded` when one item alone is too large.
 */
export function batchItems(
  items: readonly unknown[],
  limits: { readonly maxItems: number | undefined; readonly maxBytes: number | undefined },
  batchInput: unknown,
  stateName: string,
): Batch[] {
  const wrap = (list: readonly unknown[]): unknown =>
    batchInput === undefined ? { Items: list } : { BatchInput: batchInput, Items: list }
  const mostItems = limits.maxItems ?? Number.POSITIVE_INFINITY
  const mostBytes = limits.maxBytes ?? MAX_BYTES
  const empty = jsonBytes(wrap([]))
  const batches: Batch[] = []
  let open: unknown[] = []
  let bytes = empty
  const close = (): void => {
    if (open.length > 0) batches.push({ input: wrap(open), items: open.length })
    open = []
    bytes = empty
  }
  for (const item of items) {
    const size = jsonBytes(item)
    if (empty + size > mostBytes) throw dataLimit(stateName, false)
    // The comma before the item counts from the second one on.
    if (open.length >= mostItems || bytes + size + (open.length > 0 ? 1 : 0) > mostBytes) close()
    bytes += size + (open.length > 0 ? 1 : 0)
    open.push(item)
  }
  close()
  return batches
}
