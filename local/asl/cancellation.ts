import { CANCELLED } from './errors.ts'

/** A tree of "stop now": an execution over its branches, iterations and children over their tasks and waits. */
export interface Cancellation {
  /** Why it was cancelled; undefined while it is live. */
  reason(): unknown
  /** Calls back once when cancelled. Returns the function that takes the subscription back. */
  onCancel(callback: () => void): () => void
  /** Idempotent; the first reason stays. */
  cancel(reason: unknown): void
  /** Leaves the parent's list, when the work is over. */
  release(): void
}

interface Entry {
  callback: (() => void) | undefined
  previous: Entry | undefined
  next: Entry | undefined
}

const nothing = (): void => {}

/**
 * The callbacks are a linked list, not a Set: a Set that is filled and emptied all the time leaves a chain of dead
 * tables, each pointing to the next, and what they hold is promoted to the old generation (measured: twice the heap).
 */
export function createCancellation(parent?: Cancellation): Cancellation {
  let reason: unknown
  let first: Entry | undefined
  let last: Entry | undefined
  const remove = (entry: Entry): void => {
    if (entry.callback === undefined) return
    entry.callback = undefined
    if (entry.previous === undefined) first = entry.next
    else entry.previous.next = entry.next
    if (entry.next === undefined) last = entry.previous
    else entry.next.previous = entry.previous
    entry.previous = undefined
    entry.next = undefined
  }
  const cancel = (why: unknown): void => {
    if (reason !== undefined) return
    reason = why
    while (first !== undefined) {
      const { callback } = first
      remove(first)
      callback?.()
    }
  }
  const release = parent?.onCancel(() => cancel(parent.reason())) ?? nothing
  return {
    reason: () => reason,
    cancel,
    release,
    onCancel(callback) {
      if (reason !== undefined) {
        callback()
        return nothing
      }
      const entry: Entry = { callback, previous: last, next: undefined }
      if (last === undefined) first = entry
      else last.next = entry
      last = entry
      return () => remove(entry)
    },
  }
}

/** The promise's own end, or {@link CANCELLED} as soon as the cancellation comes first. */
export function unlessCancelled<T>(cancellation: Cancellation, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const off = cancellation.onCancel(() => reject(CANCELLED))
    work.then(
      (value) => {
        off()
        resolve(value)
      },
      (error: unknown) => {
        off()
        reject(error)
      },
    )
  })
}
