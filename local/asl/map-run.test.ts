import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { StateMachineError } from './errors.ts'
import { startExecution } from './execution.ts'
import { loadStateMachine } from './load.ts'
import { distributed, machine, memoryObjects, named, play, testClock } from './test-kit.ts'

const END = { End: true }
const PASS = { Type: 'Pass', ...END }
const TASK = { Type: 'Task', Resource: 'work', ...END }
const GET = 'arn:aws:states:::s3:getObject'
const PUT = 'arn:aws:states:::s3:putObject'
const LIST = 'arn:aws:states:::s3:listObjectsV2'

const spread = (more: object, state: object = PASS, type = 'STANDARD') =>
  machine({ M: { Type: 'Map', ItemProcessor: distributed({ I: state }, type), ...END, ...more } })
const reading = (config: object, more: object = {}) =>
  spread({
    ItemReader: {
      Resource: GET,
      Arguments: { Bucket: '{% $states.input.bucket %}', Key: 'k' },
      ReaderConfig: config,
    },
    ...more,
  })
const INPUT = { bucket: 'b' }

/** Fails for the given items. */
const failsFor = (...bad: unknown[]) => ({
  work: (input: unknown) => {
    if (bad.includes(input)) throw named('Boom')
    return input
  },
})

describe('a Map Run', () => {
  it('runs each item as an execution of its own', async () => {
    const state = {
      Type: 'Pass',
      Output: '{% [$states.context.Execution.Input, $states.context.Map.Item.Value ~> $exists()] %}',
      ...END,
    }
    const { outcome, events, types } = await play(spread({}, state), { input: ['a', 'b'] })
    expect(outcome.output).toEqual([
      ['a', false],
      ['b', false],
    ])
    expect(types).toEqual([
      'ExecutionStarted',
      'MapStateEntered',
      'MapStateStarted',
      'MapRunStarted',
      'MapRunSucceeded',
      'MapStateSucceeded',
      'MapStateExited',
      'ExecutionSucceeded',
    ])
    const [root] = events
    const child = events.filter((e) => e.childIndex === 1)
    expect(child.map((e) => e.type)).toEqual([
      'ExecutionStarted',
      'PassStateEntered',
      'PassStateExited',
      'ExecutionSucceeded',
    ])
    expect(child.map((e) => e.id)).toEqual([1, 2, 3, 4])
    expect(child[0]?.parentExecutionId).toBe(root?.executionId)
    expect(child[0]?.mapRunId).toMatch(/^arn:aws:states:local:000000000000:mapRun:Machine\/M:/)
    expect(child[0]?.executionId).toMatch(/^arn:aws:states:local:000000000000:execution:Machine\/M:/)
  })

  it('hands variables over through ItemSelector only', async () => {
    const states = {
      A: { Type: 'Pass', Assign: { v: 7 }, Output: ['x'], Next: 'M' },
      M: {
        Type: 'Map',
        ItemSelector: {
          v: '{% $v %}',
          i: '{% $states.context.Map.Item.Index %}',
          s: '{% $states.context.Map.Item.Source %}',
        },
        ItemProcessor: distributed({ I: PASS }),
        ...END,
      },
    }
    expect((await play(machine(states))).outcome.output).toEqual([{ v: 7, i: 0, s: 'STATE_DATA' }])
  })

  it('a selector that fails fails the map, not the child', async () => {
    const { outcome, types } = await play(
      spread({ ItemSelector: { v: '{% $states.context.Map.Item.Value.x %}' } }),
      { input: [1] },
    )
    expect(outcome.error).toBe('States.QueryEvaluationError')
    expect(types.slice(3)).toEqual([
      'MapRunStarted',
      'MapRunFailed',
      'EvaluationFailed',
      'MapStateFailed',
      'ExecutionFailed',
    ])
  })

  it('a child over 5 minutes: EXPRESS times out, STANDARD does not', async () => {
    const state = { Type: 'Wait', Seconds: 301, ...END }
    const express = await play(spread({ ToleratedFailureCount: 1 }, state, 'EXPRESS'), { input: [1] })
    expect(express.events.map((e) => e.type)).toContain('ExecutionTimedOut')
    expect((express.outcome.output as { Status: string }[])[0]?.Status).toBe('TIMED_OUT')
    expect((await play(spread({}, state), { input: [1] })).outcome.output).toEqual([1])
  })

  it('maps inside maps', async () => {
    const inner = {
      Type: 'Map',
      ItemProcessor: distributed({ J: { Type: 'Pass', Output: '{% $states.input * 2 %}', ...END } }),
      ...END,
    }
    expect((await play(spread({}, inner), { input: [[1, 2], [3]] })).outcome.output).toEqual([[2, 4], [6]])
  })

  it('a child whose input is too long fails alone', async () => {
    const selector = {
      ItemSelector: '{% $states.context.Map.Item.Value = 1 ? $pad("", 270000, "x") : "ok" %}',
    }
    const state = { Type: 'Pass', Output: 'fine', ...END }
    const { outcome } = await play(spread({ ...selector, ToleratedFailureCount: 0 }, state), {
      input: [0, 1],
    })
    expect(outcome.error).toBe('States.ExceedToleratedFailureThreshold')
  })
})

describe('tolerated failures', () => {
  const exceeded = {
    status: 'FAILED',
    error: 'States.ExceedToleratedFailureThreshold',
    cause: 'The specified tolerated failure threshold was exceeded',
  }
  const ten = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]

  it.each([
    ['none is the default', {}, 1, false],
    ['a count that is reached', { ToleratedFailureCount: 2 }, 2, true],
    ['a count that is exceeded', { ToleratedFailureCount: 2 }, 3, false],
    ['a percentage that is reached', { ToleratedFailurePercentage: 30 }, 3, true],
    ['a percentage that is exceeded', { ToleratedFailurePercentage: 29.9 }, 3, false],
    ['a percentage of 100', { ToleratedFailurePercentage: 100 }, 10, true],
    ['both, one exceeded', { ToleratedFailureCount: 5, ToleratedFailurePercentage: 10 }, 2, false],
    ['expressions', { ToleratedFailureCount: '{% $count($states.input) - 8 %}' }, 2, true],
    ['an expression that is exceeded', { ToleratedFailurePercentage: '{% 10 %}' }, 2, false],
  ])('%s', async (_title, more, failures, passes) => {
    const { outcome, types } = await play(spread(more, TASK), {
      input: ten,
      handlers: failsFor(...ten.slice(0, failures)),
    })
    if (passes) expect(outcome.status).toBe('SUCCEEDED')
    else {
      expect(outcome).toEqual(exceeded)
      expect(types.slice(-3)).toEqual(['MapRunFailed', 'MapStateFailed', 'ExecutionFailed'])
    }
  })

  it('a failed child is in the result with its metadata', async () => {
    const { outcome } = await play(spread({ ToleratedFailureCount: 1 }, TASK), {
      input: ['a', 'b'],
      handlers: failsFor('b'),
    })
    const [good, bad] = outcome.output as [string, Record<string, unknown>]
    expect(good).toBe('a')
    expect(bad).toMatchObject({
      Status: 'FAILED',
      Error: 'Boom',
      Input: '"b"',
      RedriveStatus: 'NOT_REDRIVABLE',
    })
  })

  it('past the threshold no child is started and the running ones are aborted', async () => {
    let calls = 0
    const signals: AbortSignal[] = []
    const work = (n: number, context: { signal: AbortSignal }) => {
      calls += 1
      signals.push(context.signal)
      if (n === 2) throw named('Boom')
      return new Promise(() => {})
    }
    const { outcome, events } = await play(spread({ MaxConcurrency: 3 }, TASK), {
      input: ten,
      handlers: { work },
    })
    expect(outcome).toEqual(exceeded)
    expect(calls).toBe(3)
    expect(signals.slice(0, 2).every((s) => s.aborted)).toBe(true)
    expect(events.filter((e) => e.type === 'ExecutionAborted')).toHaveLength(2)
  })

  it('is caught and retried by its name', async () => {
    const retry = { Retry: [{ ErrorEquals: ['States.ExceedToleratedFailureThreshold'], MaxAttempts: 1 }] }
    let calls = 0
    const work = () => {
      calls += 1
      if (calls === 1) throw named('Boom')
      return calls
    }
    const { outcome, types } = await play(spread(retry, TASK), { input: [1], handlers: { work } })
    expect(outcome.output).toEqual([2])
    expect(types.filter((t) => t === 'MapRunStarted')).toHaveLength(2)
  })

  it('a batch that fails counts all its items', async () => {
    const more = { ItemBatcher: { MaxItemsPerBatch: 4 }, ToleratedFailureCount: 4, MaxConcurrency: 1 }
    const handlers = (bad: number) => ({
      work: (batch: { Items: number[] }) => {
        if (batch.Items.includes(bad)) throw named('Boom')
        return batch.Items.length
      },
    })
    expect((await play(spread(more, TASK), { input: ten, handlers: handlers(0) })).outcome.status).toBe(
      'SUCCEEDED',
    )
    const strict = { ...more, ToleratedFailureCount: 3 }
    expect((await play(spread(strict, TASK), { input: ten, handlers: handlers(0) })).outcome).toEqual(
      exceeded,
    )
    expect((await play(spread(strict, TASK), { input: ten, handlers: handlers(9) })).outcome.status).toBe(
      'SUCCEEDED',
    )
  })
})

describe('ItemReader', () => {
  const csv = 'Col1,Col2,Col3\nValue1,"Va""l,ue2",Value3\n\n,,,\r\nshort\nx,y,z,extra'
  const cases: readonly (readonly [string, object, string | Uint8Array, unknown])[] = [
    ['JSON', { InputType: 'JSON' }, '[1,{"a":null}]', [1, { a: null }]],
    ['JSON lines, with an empty one', { InputType: 'JSONL' }, '{"a":1}\n\n"b"\n', [{ a: 1 }, 'b']],
    ['bytes', { InputType: 'JSON' }, Buffer.from('["é"]'), ['é']],
    [
      'CSV with its headers in the first row',
      { InputType: 'CSV', CSVHeaderLocation: 'FIRST_ROW' },
      csv,
      [
        { Col1: 'Value1', Col2: 'Va"l,ue2', Col3: 'Value3' },
        { Col1: '', Col2: '', Col3: '' },
        { Col1: 'short', Col2: '', Col3: '' },
        { Col1: 'x', Col2: 'y', Col3: 'z' },
      ],
    ],
    [
      'CSV with given headers and another delimiter',
      { InputType: 'CSV', CSVHeaderLocation: 'GIVEN', CSVHeaders: ['a', 'b'], CSVDelimiter: 'TAB' },
      '\ufeff1\t"2\n3"\n',
      [{ a: '1', b: '2\n3' }],
    ],
    ['MaxItems', { InputType: 'JSON', MaxItems: 2 }, '[1,2,3]', [1, 2]],
    ['MaxItems by expression', { InputType: 'JSON', MaxItems: '{% 1 + 0 %}' }, '[1,2,3]', [1]],
  ]

  it.each(cases)('reads %s', async (_title, config, body, expected) => {
    const { outcome, types } = await play(reading(config), {
      input: INPUT,
      objects: memoryObjects({ 'b/k': body }),
    })
    expect(outcome).toEqual({ status: 'SUCCEEDED', output: expected })
    expect(types[2]).toBe('MapStateStarted')
  })

  it('reads an S3 Inventory through its manifest', async () => {
    const manifest = {
      fileFormat: 'CSV',
      fileSchema: 'Bucket, Key, Size',
      destinationBucket: 'arn:aws:s3:::inv',
      files: [{ key: 'one.csv.gz' }, { key: 'two.csv' }],
    }
    const objects = memoryObjects({
      'b/k': JSON.stringify(manifest),
      'inv/one.csv.gz': gzipSync('"src","a","1"\n"src","b","2"\n'),
      'inv/two.csv': '"src","c","3"\n',
    })
    const { outcome } = await play(reading({ InputType: 'MANIFEST' }), { input: INPUT, objects })
    expect((outcome.output as { Key: string }[]).map((item) => item.Key)).toEqual(['a', 'b', 'c'])
  })

  it('lists objects', async () => {
    const listing = (config: object = {}) =>
      spread({ ItemReader: { Resource: LIST, Arguments: { Bucket: 'b', Prefix: 'p/' }, ...config } })
    const objects = memoryObjects({ 'b/p/1': 'x', 'b/p/2': 'xy', 'b/q': 'z' })
    expect((await play(listing(), { objects })).outcome.output).toEqual([
      { Etag: 'e', Key: 'p/1', Size: 1, StorageClass: 'STANDARD' },
      { Etag: 'e', Key: 'p/2', Size: 2, StorageClass: 'STANDARD' },
    ])
    const one = await play(listing({ ReaderConfig: { MaxItems: 1 } }), { objects })
    expect(one.outcome.output).toHaveLength(1)
  })

  it.each([
    ['a missing object', { InputType: 'JSON' }, undefined, 'there is no object b/k'],
    ['text that is not JSON', { InputType: 'JSON' }, '{', 'k is not JSON'],
    ['JSON that is not a list', { InputType: 'JSON' }, '{}', 'Attempting to map over non-iterable node.'],
    ['a bad line', { InputType: 'JSONL' }, '1\nx\n', 'line 2 of k is not JSON'],
    [
      'repeated headers',
      { InputType: 'CSV', CSVHeaderLocation: 'FIRST_ROW' },
      'a,a\n1,2',
      'CSV headers cannot contain duplicates.',
    ],
    [
      'an open quote',
      { InputType: 'CSV', CSVHeaderLocation: 'FIRST_ROW' },
      'a\n"1',
      'the quote in row 2 is never closed',
    ],
    [
      'a manifest of another kind',
      { InputType: 'MANIFEST' },
      '{}',
      'the manifest is not that of an S3 Inventory',
    ],
  ])('%s: States.ItemReaderFailed', async (_title, config, body, cause) => {
    const objects = memoryObjects(body === undefined ? {} : { 'b/k': body })
    const { outcome, types } = await play(reading(config), { input: INPUT, objects })
    expect(outcome.error).toBe('States.ItemReaderFailed')
    expect(outcome.cause).toContain(cause)
    expect(types.slice(-3)).toEqual(['MapRunFailed', 'MapStateFailed', 'ExecutionFailed'])
  })

  it('arguments from an expression are checked when they have a value', async () => {
    const { outcome } = await play(reading({ InputType: 'JSON' }), {
      input: { bucket: 1 },
      objects: memoryObjects({}),
    })
    expect(outcome.cause).toBe('the ItemReader\'s argument "Bucket" must be a string')
  })

  it('needs an object service, and says so before anything runs', () => {
    const loaded = loadStateMachine(reading({ InputType: 'JSON' }))
    expect(() => startExecution(loaded, { input: {}, tasks: () => undefined })).toThrow(StateMachineError)
  })
})

describe('ItemBatcher', () => {
  it('groups by count, with BatchInput', async () => {
    const batcher = { MaxItemsPerBatch: '{% 2 %}', BatchInput: { at: '{% $states.context.State.Name %}' } }
    const { outcome } = await play(
      spread({ ItemBatcher: batcher, ItemSelector: { v: '{% $states.context.Map.Item.Value %}' } }),
      { input: [1, 2, 3] },
    )
    expect(outcome.output).toEqual([
      { BatchInput: { at: 'M' }, Items: [{ v: 1 }, { v: 2 }] },
      { BatchInput: { at: 'M' }, Items: [{ v: 3 }] },
    ])
  })

  it('groups by bytes, exactly', async () => {
    const batches = async (bytes: number) => {
      const { outcome } = await play(spread({ ItemBatcher: { MaxInputBytesPerBatch: bytes } }), {
        input: ['aa', 'bb', 'cc'],
      })
      return (outcome.output as { Items: string[] }[]).map((b) => b.Items.length)
    }
    // {"Items":["aa","bb"]} is 21 bytes.
    expect(await batches(21)).toEqual([2, 1])
    expect(await batches(20)).toEqual([1, 1, 1])
    expect(await batches(26)).toEqual([3])
  })

  it('an item that does not fit alone fails the map', async () => {
    const { outcome } = await play(spread({ ItemBatcher: { MaxInputBytesPerBatch: 15 } }), {
      input: ['aaaa'],
    })
    expect(outcome.error).toBe('States.DataLimitExceeded')
  })
})

describe('ResultWriter', () => {
  const writing = (more: object = {}, rest: object = {}) =>
    spread(
      { ResultWriter: { Resource: PUT, Arguments: { Bucket: 'out', Prefix: 'jobs/' }, ...more }, ...rest },
      TASK,
    )

  it('writes results and a manifest, and gives their place', async () => {
    const objects = memoryObjects({})
    const { outcome } = await play(writing({}, { ToleratedFailureCount: 1 }), {
      input: [1, 2],
      handlers: failsFor(2),
      objects,
    })
    const result = outcome.output as {
      MapRunArn: string
      ResultWriterDetails: { Bucket: string; Key: string }
    }
    const { Bucket, Key } = result.ResultWriterDetails
    expect(Key).toMatch(/^jobs\/[0-9a-f-]{36}\/manifest\.json$/)
    expect(result.MapRunArn.endsWith(Key.split('/')[1] as string)).toBe(true)
    const manifest = JSON.parse(String(objects.files[`${Bucket}/${Key}`]))
    expect(manifest).toMatchObject({ DestinationBucket: 'out', MapRunArn: result.MapRunArn })
    const { FAILED, PENDING, SUCCEEDED } = manifest.ResultFiles
    expect([FAILED.length, PENDING.length, SUCCEEDED.length]).toEqual([1, 0, 1])
    const succeeded = String(objects.files[`out/${SUCCEEDED[0].Key}`])
    expect(SUCCEEDED[0].Size).toBe(Buffer.byteLength(succeeded))
    expect(JSON.parse(succeeded)[0]).toMatchObject({ Input: '1', Output: '1', Status: 'SUCCEEDED' })
    expect(JSON.parse(String(objects.files[`out/${FAILED[0].Key}`]))[0]).toMatchObject({
      Input: '2',
      Status: 'FAILED',
      Error: 'Boom',
    })
  })

  it('lifts the 256 KiB limit on the result', async () => {
    const work = () => 'x'.repeat(100_000)
    const input = [1, 2, 3, 4]
    expect((await play(spread({}, TASK), { input, handlers: { work } })).outcome.error).toBe(
      'States.DataLimitExceeded',
    )
    const written = await play(writing(), { input, handlers: { work }, objects: memoryObjects({}) })
    expect(written.outcome.status).toBe('SUCCEEDED')
  })

  it('JSONL and COMPACT', async () => {
    const objects = memoryObjects({})
    await play(writing({ WriterConfig: { OutputType: 'JSONL', Transformation: 'COMPACT' } }), {
      input: [1, 2],
      handlers: failsFor(),
      objects,
    })
    const key = Object.keys(objects.files).find((k) => k.endsWith('SUCCEEDED_0.jsonl'))
    expect(objects.files[key ?? '']).toBe('1\n2\n')
  })

  it('without a place: FLATTEN joins lists in the result', async () => {
    const config = { ResultWriter: { WriterConfig: { Transformation: 'FLATTEN' } } }
    const { outcome } = await play(spread(config), { input: [[1, 2], 3, [[4]]] })
    expect(outcome.output).toEqual([1, 2, 3, [4]])
  })

  it('writes what there is when the threshold is exceeded', async () => {
    const objects = memoryObjects({})
    const { outcome } = await play(writing(), { input: [1], handlers: failsFor(1), objects })
    expect(outcome.error).toBe('States.ExceedToleratedFailureThreshold')
    expect(Object.keys(objects.files).some((k) => k.endsWith('FAILED_0.json'))).toBe(true)
  })

  it('States.ResultWriterFailed when it cannot write', async () => {
    const objects = { ...memoryObjects({}), putObject: () => Promise.reject(new Error('read-only')) }
    const { outcome } = await play(writing(), { input: [1], handlers: failsFor(), objects })
    expect(outcome).toEqual({ status: 'FAILED', error: 'States.ResultWriterFailed', cause: 'read-only' })
  })
})

describe('size', () => {
  it('10,000 children of two states, 50 at a time', async () => {
    const input = Array.from({ length: 10_000 }, (_, i) => i)
    const state = { ...TASK, Arguments: { n: '{% $states.input %}' }, Output: '{% $states.result.n %}' }
    const { outcome } = await play(spread({ MaxConcurrency: 50 }, state, 'EXPRESS'), {
      input,
      handlers: { work: (x) => x },
      clock: { ...testClock(), after: () => () => {} },
    })
    expect(outcome.output).toEqual(input)
  })
})
