import type { Clock } from './clock.ts'
import type { HistoryEvent } from './events.ts'
import { type ExecutionOptions, startExecution } from './execution.ts'
import { loadStateMachine } from './load.ts'
import type { ObjectService } from './objects.ts'
import type { ExecutionOutcome, TaskContext } from './runtime.ts'

/** Event-loop turns without a new timer before time jumps to the next one. */
const IDLE_TURNS = 6

export interface TestClock extends Clock {
  /** Delays asked for, in milliseconds, in order. */
  readonly delays: number[]
}

/** Time that stands still while anything runs, and jumps to the next timer when nothing does. */
export function testClock(random: () => number = () => 0.5): TestClock {
  let now = Date.parse('2026-01-01T00:00:00Z')
  let idle = 0
  let pumping = false
  let sequence = 0
  const timers = new Map<number, { readonly due: number; readonly callback: () => void }>()
  const delays: number[] = []
  const pump = (): void => {
    idle += 1
    if (timers.size === 0) {
      pumping = false
      return
    }
    if (idle >= IDLE_TURNS) {
      idle = 0
      const [id, timer] = [...timers].sort(([a, x], [b, y]) => x.due - y.due || a - b)[0] as never as [
        number,
        { due: number; callback: () => void },
      ]
      timers.delete(id)
      now = Math.max(now, timer.due)
      timer.callback()
    }
    setImmediate(pump)
  }
  return {
    delays,
    now: () => now,
    random,
    after(ms, callback) {
      sequence += 1
      const id = sequence
      idle = 0
      delays.push(ms)
      timers.set(id, { due: now + ms, callback })
      if (!pumping) {
        pumping = true
        setImmediate(pump)
      }
      return () => {
        idle = 0
        timers.delete(id)
      }
    },
  }
}

export type Handler = (input: never, context: TaskContext) => unknown

export interface Played {
  readonly outcome: ExecutionOutcome
  readonly events: readonly HistoryEvent[]
  /** Event types of the root execution, in order. */
  readonly types: readonly string[]
  readonly clock: TestClock
}

/** Loads and runs a definition to its end, on a test clock. */
export async function play(
  definition: unknown,
  options: {
    readonly input?: unknown
    readonly handlers?: Readonly<Record<string, Handler>>
    readonly objects?: ObjectService
    readonly clock?: TestClock
    readonly more?: Partial<ExecutionOptions>
  } = {},
): Promise<Played> {
  const events: HistoryEvent[] = []
  const clock = options.clock ?? testClock()
  const execution = startExecution(loadStateMachine(definition, { name: 'Machine' }), {
    input: 'input' in options ? options.input : {},
    name: 'run-1',
    tasks: (resource) => {
      const handler = options.handlers?.[resource]
      return handler && (async (input, context) => handler(input as never, context))
    },
    ...(options.objects === undefined ? {} : { objects: options.objects }),
    onEvent: (event) => events.push(event),
    clock,
    ...options.more,
  })
  const outcome = await execution.result
  const types = events.filter((e) => e.executionId === execution.id).map((e) => e.type)
  return { outcome, events, types, clock }
}

/** A machine of the given states; the first one is where it starts. */
export function machine(
  states: Record<string, unknown>,
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  return { QueryLanguage: 'JSONata', StartAt: Object.keys(states)[0], States: states, ...more }
}

/** A flow as a branch or an item processor. */
export function flow(
  states: Record<string, unknown>,
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  return { ...more, StartAt: Object.keys(states)[0], States: states }
}

export function inline(states: Record<string, unknown>): Record<string, unknown> {
  return flow(states, { ProcessorConfig: { Mode: 'INLINE' } })
}

export function distributed(states: Record<string, unknown>, type = 'STANDARD'): Record<string, unknown> {
  return flow(states, { ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: type } })
}

/** An error whose name is what Retry and Catch match. */
export function named(name: string, message = 'no'): Error {
  return Object.assign(new Error(message), { name })
}

/** Objects in memory. */
export function memoryObjects(files: Record<string, string | Uint8Array>): ObjectService & {
  readonly files: Record<string, string | Uint8Array>
} {
  return {
    files,
    async getObject(bucket, key) {
      const body = files[`${bucket}/${key}`]
      if (body === undefined) throw new Error(`there is no object ${bucket}/${key}`)
      return body
    },
    async putObject(bucket, key, body) {
      files[`${bucket}/${key}`] = body
    },
    async listObjects(bucket, prefix) {
      return Object.entries(files)
        .filter(([path]) => path.startsWith(`${bucket}/${prefix}`))
        .map(([path, body]) => ({ key: path.slice(bucket.length + 1), size: body.length, etag: 'e' }))
    },
  }
}
