/** Time and chance, so that a test of a Wait, a Retry or a timeout takes no real time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls `callback` once after `ms`, unless the returned function was called before. */
  after(ms: number, callback: () => void): () => void
  /** In [0, 1). Used for jitter and for `$random()`. */
  random(): number
}

/** Longest delay of a Node timer; a longer one fires at once. */
const MAX_TIMER_MS = 2_147_483_647

/** The machine's own clock. Its timers keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  after(ms, callback) {
    let timer: NodeJS.Timeout
    const arm = (left: number): void => {
      timer = setTimeout(
        () => {
          if (left > MAX_TIMER_MS) arm(left - MAX_TIMER_MS)
          else callback()
        },
        Math.min(left, MAX_TIMER_MS),
      )
    }
    arm(ms)
    return () => clearTimeout(timer)
  },
}
