/**
 * Runs `work` on all items, at most `limit` at a time, and returns the results in the order of the items. The
 * first failure aborts the others, and is thrown when none is at work any more.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = []
  const stop = new AbortController()
  const failures: unknown[] = []
  const queue = items.entries()
  const worker = async () => {
    for (const [index, item] of queue) {
      if (stop.signal.aborted) return
      try {
        results[index] = await work(item, stop.signal)
      } catch (error) {
        failures.push(error)
        stop.abort()
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
  if (failures.length > 0) throw failures[0]
  return results
}
