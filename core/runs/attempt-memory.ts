import type { GateLog } from './gate-log.ts'
import type { HeadItem } from './items.ts'

/** What a process knows of an attempt without asking the stores: what it wrote itself, or read before. */
export interface KnownAttempt {
  readonly head: HeadItem
  readonly log: GateLog
}

/**
 * For a process that runs attempts from their first gate to their last, as the embedded engine does. Where every
 * gate is a process of its own there is none, and gates ask the stores.
 *
 * Knowing too little or something old does no harm beyond a failed attempt: every write of a gate carries the
 * fence and the number of writes that it knows of as conditions.
 */
export interface AttemptMemory {
  get(key: string): KnownAttempt | undefined
  set(key: string, known: KnownAttempt): void
  forget(key: string): void
}

export function openAttemptMemory(): AttemptMemory {
  const attempts = new Map<string, KnownAttempt>()
  return {
    get: (key) => attempts.get(key),
    set: (key, known) => void attempts.set(key, known),
    forget: (key) => void attempts.delete(key),
  }
}

/** The fence is part of it, so that an attempt that lost its lease is not remembered as one that holds it. */
export function attemptKey(ref: {
  readonly run_id: string
  readonly dataflow: string
  readonly attempt: number
  readonly fence: number
}): string {
  return `${ref.run_id}/${ref.dataflow}/${ref.attempt}/${ref.fence}`
}
