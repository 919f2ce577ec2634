import { setImmediate as tick } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { systemClock } from './clock.ts'
import { StateMachineError } from './errors.ts'
import { startExecution } from './execution.ts'
import { loadStateMachine } from './load.ts'
import type { TaskContext } from './runtime.ts'
import { distributed, flow, inline, machine, named, play, testClock } from './test-kit.ts'

const END = { End: true }
const TASK = { Type: 'Task', Resource: 'work', ...END }
const big = (bytes: number) => 'x'.repeat(bytes)
const items = (count: number) => Array.from({ length: count }, (_, i) => i)
const fanOut = (processor: object, more: object = {}) =>
  machine({ M: { Type: 'Map', ItemProcessor: processor, ...END, ...more } })

/** A handler whose calls the test ends one by one. */
function heldHandler() {
  const open: { input: unknown; context: TaskContext; resolve: (value: unknown) => void }[] = []
  let peak = 0
  let started = 0
  const handler = (input: unknown, context: TaskContext): Promise<unknown> => {
    started += 1
    return new Promise((resolve) => {
      const call = {
        input,
        context,
        resolve: (value: unknown) => {
          open.splice(open.indexOf(call), 1)
          resolve(value)
        },
      }
      open.push(call)
      peak = Math.max(peak, open.length)
    })
  }
  return { open, handler, peak: () => peak, started: () => started }
}

async function turns(count = 8): Promise<void> {
  for (let i = 0; i < count; i += 1) await tick()
}

describe('odd inputs', () => {
  const values = [0, false, '', null, [], {}, [null], -0, 1e308, '\u0000"\\\ud800', { __proto__: 1, '': 0 }]
  it.each(values.map((v) => [JSON.stringify(v), v]))(
    '%s passes every kind of state',
    async (_name, value) => {
      const copy = JSON.parse(JSON.stringify(value)) as unknown
      const states = {
        P: { Type: 'Pass', Output: '{% $states.input %}', Assign: { v: '{% $states.input %}' }, Next: 'T' },
        T: { Type: 'Task', Resource: 'work', Next: 'C' },
        C: { Type: 'Choice', Choices: [{ Condition: '{% false %}', Next: 'W' }], Default: 'W' },
        W: { Type: 'Wait', Seconds: 1, Next: 'L' },
        L: { Type: 'Parallel', Branches: [flow({ B: { Type: 'Pass', ...END } })], Next: 'M' },
        M: { Type: 'Map', ItemProcessor: inline({ I: { Type: 'Pass', ...END } }), Next: 'D' },
        D: { Type: 'Map', ItemProcessor: distributed({ J: { Type: 'Pass', ...END } }), Next: 'S' },
        S: { Type: 'Succeed', Output: '{% {"in": $states.input, "v": $v} %}' },
      }
      const { outcome } = await play(machine(states), { input: value, handlers: { work: (input) => input } })
      expect(outcome).toEqual({ status: 'SUCCEEDED', output: { in: [copy], v: copy } })
    },
  )

  it('a handler that returns nothing gives null', async () => {
    const { outcome } = await play(machine({ A: TASK }), { handlers: { work: () => undefined } })
    expect(outcome.output).toBeNull()
  })

  it.each([[undefined], [() => 1], [1n], [big(262_145)]])(
    'an input that is not JSON, or too long, is refused',
    (input) => {
      const start = () =>
        startExecution(loadStateMachine(machine({ A: { Type: 'Succeed' } })), {
          input,
          tasks: () => undefined,
        })
      expect(start).toThrow(StateMachineError)
    },
  )
})

describe('what passes between handlers', () => {
  it('is a copy, in and out', async () => {
    const kept: { list: number[] }[] = []
    const work = (input: { list: number[] }) => {
      input.list.push(99)
      const result = { list: [1] }
      kept.push(result)
      return result
    }
    const states = {
      A: { Type: 'Task', Resource: 'work', Assign: { seen: '{% $states.input %}' }, Next: 'B' },
      B: { Type: 'Task', Resource: 'work', Output: '{% [$states.input, $seen] %}', ...END },
    }
    const input = { list: [0] }
    const execution = play(machine(states), { input, handlers: { work } })
    input.list.push(7)
    const { outcome } = await execution
    expect(outcome.output).toEqual([{ list: [1] }, { list: [0] }])
    expect(kept[0]).toEqual({ list: [1] })
  })

  it('is JSON: dates become text, undefined members vanish, NaN becomes null', async () => {
    const work = () => ({ at: new Date(0), gone: undefined, nan: Number.NaN, map: new Map([[1, 2]]) })
    const { outcome } = await play(machine({ A: TASK }), { handlers: { work } })
    expect(outcome.output).toEqual({ at: '1970-01-01T00:00:00.000Z', nan: null, map: {} })
  })

  it('fails with Runtime.MarshalError when it has no JSON form', async () => {
    const { outcome } = await play(machine({ A: TASK }), { handlers: { work: () => ({ n: 1n }) } })
    expect(outcome.error).toBe('Runtime.MarshalError')
  })

  it('describes what was thrown as AWS Lambda does', async () => {
    const error = await play(machine({ A: TASK }), {
      handlers: { work: () => Promise.reject(named('Gone', 'bye')) },
    })
    const cause = JSON.parse(error.outcome.cause ?? '')
    expect([error.outcome.error, cause.errorType, cause.errorMessage]).toEqual(['Gone', 'Gone', 'bye'])
    expect(cause.trace.length).toBeGreaterThan(1)
    const text = await play(machine({ A: TASK }), { handlers: { work: () => Promise.reject('just text') } })
    expect(text.outcome.cause).toBe('{"errorType":"string","errorMessage":"just text","trace":[]}')
  })

  it('keeps the Cause within 32,768 characters and valid JSON', async () => {
    const work = () => Promise.reject(named('Long', big(100_000)))
    const { outcome } = await play(machine({ A: TASK }), { handlers: { work } })
    expect(outcome.cause?.length).toBeLessThanOrEqual(32_768)
    expect(JSON.parse(outcome.cause ?? '').errorType).toBe('Long')
  })
})

describe('256 KiB', () => {
  const caught = (errors: string[]) =>
    machine({
      A: { ...TASK, Catch: [{ ErrorEquals: errors, Next: 'B' }] },
      B: { Type: 'Succeed', Output: 'caught' },
    })
  const handlers = { work: () => big(262_143) }

  it('exactly 262,144 bytes pass, one more does not', async () => {
    const fits = await play(machine({ A: TASK }), { handlers: { work: () => big(262_142) } })
    expect(fits.outcome.status).toBe('SUCCEEDED')
    const over = await play(machine({ A: TASK }), { handlers })
    expect(over.outcome.error).toBe('States.DataLimitExceeded')
    expect(over.types).toContain('TaskFailed')
  })

  it('counts bytes of UTF-8, not characters', async () => {
    const over = await play(machine({ A: TASK }), { handlers: { work: () => 'é'.repeat(131_072) } })
    expect(over.outcome.error).toBe('States.DataLimitExceeded')
  })

  it('a result that is too long is caught by its name and not by the wildcards', async () => {
    expect((await play(caught(['States.DataLimitExceeded']), { handlers })).outcome.output).toBe('caught')
    expect((await play(caught(['States.ALL']), { handlers })).outcome.error).toBe('States.DataLimitExceeded')
    expect((await play(caught(['States.TaskFailed']), { handlers })).outcome.error).toBe(
      'States.DataLimitExceeded',
    )
  })

  it('an Output that is too long ends the execution past any Catch', async () => {
    const states = {
      A: {
        ...TASK,
        Output: '{% $states.result & $states.result %}',
        Catch: [{ ErrorEquals: ['States.DataLimitExceeded'], Next: 'B' }],
      },
      B: { Type: 'Succeed' },
    }
    const { outcome } = await play(machine(states), { handlers: { work: () => big(140_000) } })
    expect(outcome).toEqual({
      status: 'FAILED',
      error: 'States.DataLimitExceeded',
      cause:
        "The state/task 'A' returned a result with a size exceeding the maximum number of bytes service limit.",
    })
  })

  it('holds for Arguments, variables and the results of Map and Parallel', async () => {
    const grow = '{% $pad("", 140000, "x") & $pad("", 140000, "x") %}'
    const part = '{% $pad("", 140000, "x") %}'
    const machines = [
      machine({ A: { ...TASK, Arguments: { a: grow } } }),
      machine({ A: { Type: 'Pass', Assign: { v: grow }, ...END } }),
      machine({
        P: {
          Type: 'Parallel',
          Branches: ['A', 'B'].map((n) => flow({ [n]: { Type: 'Pass', Output: part, ...END } })),
          ...END,
        },
      }),
      machine({
        M: {
          Type: 'Map',
          Items: [1, 2],
          ItemProcessor: inline({ A: { Type: 'Pass', Output: part, ...END } }),
          ...END,
        },
      }),
    ]
    for (const definition of machines) {
      const { outcome } = await play(definition, { handlers: { work: () => 1 } })
      expect(outcome.error).toBe('States.DataLimitExceeded')
    }
  })
})

describe('concurrency', () => {
  it.each([
    ['a number', 3, 3],
    ['an expression', '{% $count($states.input) - 6 %}', 4],
    ['0: 40 at a time', 0, 10],
  ])('MaxConcurrency from %s bounds an INLINE map', async (_title, limit, expected) => {
    const work = heldHandler()
    const played = play(fanOut(inline({ I: TASK }), { MaxConcurrency: limit }), {
      input: items(10),
      handlers: { work: work.handler },
    })
    for (let i = 0; i < 60; i += 1) {
      await tick()
      work.open[0]?.resolve(i)
    }
    expect((await played).outcome.status).toBe('SUCCEEDED')
    expect(work.peak()).toBe(expected)
  })

  it('bounds a DISTRIBUTED map; an INLINE one never runs more than 40', async () => {
    for (const [processor, limit, expected] of [
      [distributed({ I: TASK }), 7, 7],
      [inline({ I: TASK }), 90, 40],
    ] as const) {
      const work = heldHandler()
      const played = play(fanOut(processor, { MaxConcurrency: limit }), {
        input: items(100),
        handlers: { work: work.handler },
      })
      for (let i = 0; i < 400; i += 1) {
        await tick()
        work.open[0]?.resolve(1)
      }
      expect((await played).outcome.status).toBe('SUCCEEDED')
      expect(work.peak()).toBe(expected)
    }
  })

  it('results keep the order of the items, whichever ends first', async () => {
    const clock = testClock()
    const work = (n: number) => new Promise((resolve) => clock.after((10 - n) * 100, () => resolve(n)))
    for (const processor of [inline({ I: TASK }), distributed({ I: TASK })]) {
      const { outcome } = await play(fanOut(processor), { input: items(10), handlers: { work }, clock })
      expect(outcome.output).toEqual(items(10))
    }
  })
})

describe('abort', () => {
  const start = (definition: unknown, work: ReturnType<typeof heldHandler>, more: object = {}) => {
    const types: string[] = []
    const execution = startExecution(loadStateMachine(definition), {
      input: items(50),
      tasks: () => async (input, context) => work.handler(input, context),
      onEvent: (event) => types.push(event.type),
      ...more,
    })
    return { execution, types }
  }

  it.each([
    ['INLINE', inline({ I: TASK })],
    ['DISTRIBUTED', distributed({ I: TASK })],
  ])('starts no further task of a %s map and signals the running ones', async (_mode, processor) => {
    const work = heldHandler()
    const { execution, types } = start(fanOut(processor, { MaxConcurrency: 5 }), work)
    await turns()
    work.open[0]?.resolve(1)
    await turns()
    const running = [...work.open]
    execution.abort({ cause: 'enough' })
    expect(running.every((call) => call.context.signal.aborted)).toBe(true)
    expect(await execution.result).toEqual({ status: 'ABORTED', cause: 'enough' })
    for (const call of running) call.resolve(1)
    await turns()
    expect(work.started()).toBe(6)
    expect(types.at(-1)).toBe('ExecutionAborted')
    expect(types.filter((t) => t === 'TaskStateAborted')).toHaveLength(5)
  })

  it('by a signal, also one that is already aborted', async () => {
    const work = heldHandler()
    const controller = new AbortController()
    const { execution } = start(machine({ A: TASK }), work, { signal: controller.signal })
    await turns()
    controller.abort(new Error('by hand'))
    expect(await execution.result).toEqual({ status: 'ABORTED', cause: 'by hand' })
    const late = start(machine({ A: TASK }), work, { signal: controller.signal })
    expect((await late.execution.result).status).toBe('ABORTED')
    expect(work.started()).toBe(1)
    expect(late.types).toEqual(['ExecutionStarted', 'ExecutionAborted'])
  })

  it('ends waits and the pause before a retry at once', async () => {
    const work = { ...heldHandler(), handler: () => Promise.reject(named('E')) }
    for (const state of [
      { Type: 'Wait', Seconds: 9999, ...END },
      { ...TASK, Retry: [{ ErrorEquals: ['E'], IntervalSeconds: 9999 }] },
    ]) {
      const { execution } = start(machine({ A: state }), work as never)
      await turns()
      execution.abort()
      expect(await execution.result).toEqual({ status: 'ABORTED' })
    }
  })

  it('from the observer, in the middle of an event, starts nothing', async () => {
    const work = heldHandler()
    const execution = startExecution(loadStateMachine(machine({ A: TASK })), {
      input: {},
      tasks: () => work.handler,
      onEvent: (event) => event.type === 'TaskStarted' && execution.abort(),
    })
    expect((await execution.result).status).toBe('ABORTED')
    expect(work.started()).toBe(0)
  })

  it('stops a machine that never waits for anything', async () => {
    const states = {
      A: { Type: 'Choice', Choices: [{ Condition: '{% false %}', Next: 'Z' }], Default: 'B' },
      B: { Type: 'Pass', Next: 'A' },
      Z: { Type: 'Succeed' },
    }
    const { execution } = start(machine(states), heldHandler())
    setTimeout(() => execution.abort(), 20)
    expect((await execution.result).status).toBe('ABORTED')
  })

  it('settled waits for the handlers that did not listen', async () => {
    const work = heldHandler()
    const { execution } = start(machine({ A: TASK }), work)
    await turns()
    execution.abort()
    await execution.result
    let settled = false
    execution.settled.then(() => {
      settled = true
    })
    await turns()
    expect(settled).toBe(false)
    work.open[0]?.resolve(1)
    await execution.settled
  })

  it('a failed execution starts no further task either', async () => {
    let started = 0
    const work = (n: number) => {
      started += 1
      if (n === 7) throw named('Boom')
      return tick(undefined).then(() => n)
    }
    const steps = inline({ I: { Type: 'Task', Resource: 'work', Next: 'J' }, J: TASK })
    const { outcome } = await play(fanOut(steps, { MaxConcurrency: 5 }), {
      input: items(50),
      handlers: { work },
    })
    expect(outcome.error).toBe('Boom')
    const atEnd = started
    await turns()
    expect(started).toBe(atEnd)
    expect(started).toBeLessThan(25)
  })
})

describe('timeouts', () => {
  it('of the execution: TIMED_OUT, whatever is caught', async () => {
    const signals: AbortSignal[] = []
    const work = (_: unknown, context: TaskContext) => {
      signals.push(context.signal)
      return new Promise(() => {})
    }
    const states = {
      A: { ...TASK, Catch: [{ ErrorEquals: ['States.ALL'], Next: 'B' }] },
      B: { Type: 'Succeed' },
    }
    const { outcome, types } = await play(machine(states, { TimeoutSeconds: 30 }), { handlers: { work } })
    expect(outcome).toEqual({ status: 'TIMED_OUT', error: 'States.Timeout' })
    expect(types.slice(-2)).toEqual(['TaskStateAborted', 'ExecutionTimedOut'])
    expect(signals[0]?.aborted).toBe(true)
  })

  it('of a task: the handler is told how long it has, and is signalled', async () => {
    let seen: TaskContext | undefined
    const work = (_: unknown, context: TaskContext) => {
      seen = context
      return new Promise(() => {})
    }
    await play(machine({ A: { ...TASK, TimeoutSeconds: 9 } }), { handlers: { work } })
    expect(seen?.timeoutMs).toBe(9000)
    expect(seen?.signal.aborted).toBe(true)
    expect(seen).toMatchObject({ stateName: 'A', resource: 'work', executionName: 'run-1', retryCount: 0 })
  })

  it('heartbeats keep a task alive, and the last one counts', async () => {
    const clock = testClock()
    const started = clock.now()
    const work = (_: unknown, context: TaskContext) =>
      new Promise(() => {
        for (const at of [3000, 6000, 9000]) clock.after(at, context.heartbeat)
      })
    const { outcome } = await play(machine({ A: { ...TASK, HeartbeatSeconds: 4 } }), {
      handlers: { work },
      clock,
    })
    expect(outcome.error).toBe('States.Timeout')
    expect(clock.now() - started).toBe(13_000)
  })

  it('a late answer changes nothing', async () => {
    const clock = testClock()
    const work = () => new Promise((resolve) => clock.after(20_000, () => resolve('late')))
    const states = {
      A: { ...TASK, TimeoutSeconds: 5, Catch: [{ ErrorEquals: ['States.ALL'], Next: 'B' }] },
      B: { Type: 'Wait', Seconds: 60, Output: '{% $states.input.Error %}', ...END },
    }
    const { outcome } = await play(machine(states), { handlers: { work }, clock })
    expect(outcome.output).toBe('States.Timeout')
  })

  it('the real clock waits, and can wait for longer than a timer can', async () => {
    const started = performance.now()
    const execution = startExecution(
      loadStateMachine(machine({ A: { Type: 'Wait', Seconds: '{% 0 + 1 %}', ...END } })),
      {
        input: {},
        tasks: () => undefined,
      },
    )
    expect((await execution.result).status).toBe('SUCCEEDED')
    expect(performance.now() - started).toBeGreaterThan(990)
    let fired = false
    const stop = systemClock.after(2 ** 40, () => {
      fired = true
    })
    await turns()
    stop()
    expect(fired).toBe(false)
  })
})

describe('the observer', () => {
  it('that throws or rejects disturbs nothing', async () => {
    for (const onEvent of [
      () => {
        throw new Error('no')
      },
      () => Promise.reject(new Error('no')) as never,
    ]) {
      const { outcome } = await play(fanOut(distributed({ I: TASK })), {
        input: [1, 2],
        handlers: { work: (n) => n },
        more: { onEvent },
      })
      expect(outcome).toEqual({ status: 'SUCCEEDED', output: [1, 2] })
    }
  })

  it('gets ids from 1, in order, and the event that led to each', async () => {
    const branches = ['A', 'B'].map((n) =>
      flow({ [`${n}1`]: { Type: 'Pass', Next: `${n}2` }, [`${n}2`]: { Type: 'Pass', ...END } }),
    )
    const { events } = await play(machine({ P: { Type: 'Parallel', Branches: branches, ...END } }))
    expect(events.map((e) => e.id)).toEqual(events.map((_, i) => i + 1))
    const of = (name: string, type: string) => events.find((e) => e.stateName === name && e.type === type)
    const started = events.find((e) => e.type === 'ParallelStateStarted')
    for (const n of ['A', 'B']) {
      expect(of(`${n}1`, 'PassStateEntered')?.previousEventId).toBe(started?.id)
      expect(of(`${n}1`, 'PassStateExited')?.previousEventId).toBe(of(`${n}1`, 'PassStateEntered')?.id)
      expect(of(`${n}2`, 'PassStateEntered')?.previousEventId).toBe(of(`${n}1`, 'PassStateExited')?.id)
    }
  })

  it('is not needed', async () => {
    const execution = startExecution(loadStateMachine(machine({ A: TASK })), {
      input: 5,
      tasks: () => async (n) => n,
    })
    expect(await execution.result).toEqual({ status: 'SUCCEEDED', output: 5 })
  })
})

describe('starting', () => {
  it('refuses a machine whose tasks have no handler, naming each', () => {
    const definition = fanOut(inline({ I: TASK }))
    const start = () => startExecution(loadStateMachine(definition), { input: [], tasks: () => undefined })
    expect(start).toThrow('/States/M/ItemProcessor/States/I/Resource: there is no handler for "work"')
  })
})
