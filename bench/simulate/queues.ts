/** All times are seconds of the simulated clock. */

/** A bucket of tokens that refills steadily. Who asks first is served first, and knows at once when. */
export interface TokenBucket {
  /** The earliest time at which `count` tokens are there for a call at `now`; calls come in the order of time. */
  take(now: number, count?: number): number
}

export function tokenBucket(capacity: number, perSecond: number): TokenBucket {
  let tokens = capacity
  let at = 0
  return {
    take(now, count = 1) {
      tokens = Math.min(capacity, tokens + (now - at) * perSecond)
      at = now
      tokens -= count
      return tokens >= 0 ? now : now - tokens / perSecond
    },
  }
}

/** Places of which each is held by one at a time; who waits longest gets the next one. */
export interface Places {
  /** Calls `begin` at once, or when a place is free. */
  enter(begin: () => void): void
  leave(): void
  readonly waited: number
  readonly most: number
}

export function places(count: number): Places {
  const waiting: (() => void)[] = []
  let head = 0
  let held = 0
  let waited = 0
  let most = 0
  return {
    enter(begin) {
      if (held === count) {
        waited += 1
        waiting.push(begin)
        return
      }
      held += 1
      most = Math.max(most, held)
      begin()
    },
    leave() {
      const next = waiting[head]
      if (next === undefined) {
        held -= 1
        return
      }
      waiting[head] = undefined as never
      head += 1
      next()
    },
    get waited() {
      return waited
    },
    get most() {
      return most
    },
  }
}

/** A clock that jumps from one event to the next; equal times in the order in which they were asked for. */
export interface Simulation {
  readonly now: number
  at(time: number, work: () => void): void
  /** Until nothing is left to happen; returns the time of the last event. */
  run(): number
}

interface Planned {
  readonly time: number
  readonly order: number
  readonly work: () => void
}

export function simulation(): Simulation {
  const heap: Planned[] = []
  let now = 0
  let order = 0
  const isBefore = (a: Planned, b: Planned) => a.time < b.time || (a.time === b.time && a.order < b.order)
  const swap = (i: number, j: number) => {
    const kept = heap[i] as Planned
    heap[i] = heap[j] as Planned
    heap[j] = kept
  }
  const push = (planned: Planned) => {
    let i = heap.push(planned) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(heap[i] as Planned, heap[parent] as Planned)) return
      swap(i, parent)
      i = parent
    }
  }
  const pop = (): Planned | undefined => {
    const first = heap[0]
    const last = heap.pop()
    if (heap.length === 0 || last === undefined) return first
    heap[0] = last
    for (let i = 0; ; ) {
      let least = i
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && isBefore(heap[child] as Planned, heap[least] as Planned)) least = child
      }
      if (least === i) return first
      swap(i, least)
      i = least
    }
  }
  return {
    get now() {
      return now
    },
    at(time, work) {
      order += 1
      push({ time: Math.max(time, now), order, work })
    },
    run() {
      for (let next = pop(); next !== undefined; next = pop()) {
        now = next.time
        next.work()
      }
      return now
    },
  }
}
