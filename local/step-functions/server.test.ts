import { setTimeout } from 'node:timers/promises'
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  ListExecutionsCommand,
  paginateGetExecutionHistory,
  paginateListExecutions,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { distributed, machine, memoryObjects } from '../asl/test-kit.ts'
import { type InvokeFunction, lambdaTasks } from './lambda-tasks.ts'
import { type StepFunctionsServer, startStepFunctions } from './server.ts'
import type { StateMachineRecord } from './state-machines.ts'

const scope = 'arn:aws:states:eu-west-1:123456789012'
const machineArn = `${scope}:stateMachine:Orders`
const functionArn = 'arn:aws:lambda:eu-west-1:123456789012:function:work:3'
const call = { Type: 'Task', Resource: functionArn, End: true }

let server: StepFunctionsServer
let client: SFNClient
let invoke: InvokeFunction
let machines: Record<string, StateMachineRecord>
let objects: ReturnType<typeof memoryObjects>

beforeEach(async () => {
  machines = {}
  objects = memoryObjects({})
  invoke = async (_arn, payload) => ({ payload })
  server = await startStepFunctions({
    findStateMachine: async (arn) => machines[arn],
    tasks: lambdaTasks((...request) => invoke(...request)),
    objects,
  })
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  client = new SFNClient({ endpoint: server.url, region: 'eu-west-1', credentials, maxAttempts: 1 })
})

afterEach(async () => {
  client.destroy()
  await server.stop()
})

function deploy(definition: object, type: StateMachineRecord['type'] = 'STANDARD'): void {
  const roleArn = 'arn:aws:iam::123456789012:role/run'
  const creationDate = new Date('2026-01-01T00:00:00Z')
  machines[machineArn] = { definition: JSON.stringify(definition), roleArn, type, creationDate }
}

async function start(request: { name?: string; input?: string } = {}): Promise<string> {
  const started = await client.send(new StartExecutionCommand({ stateMachineArn: machineArn, ...request }))
  return started.executionArn as string
}

async function ended(executionArn: string) {
  for (;;) {
    const found = await client.send(new DescribeExecutionCommand({ executionArn }))
    if (found.status !== 'RUNNING') return found
    await setTimeout(5)
  }
}

async function run(definition: object, request: { name?: string; input?: string } = {}) {
  deploy(definition)
  return await ended(await start(request))
}

async function history(executionArn: string, more = {}): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = []
  const pages = paginateGetExecutionHistory({ client }, { executionArn, ...more })
  for await (const page of pages) events.push(...(page.events ?? []))
  return events
}

/** A task that waits until it is told to stop. */
function endless(): { readonly stopped: Promise<void> } {
  const stopped = Promise.withResolvers<void>()
  invoke = (_arn, _payload, signal) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        stopped.resolve()
        reject(signal.reason)
      })
    })
  return { stopped: stopped.promise }
}

describe('an execution, through the stock client', () => {
  it('calls the function that the task names and ends with what it returned', async () => {
    const calls: unknown[] = []
    invoke = async (arn, payload) => {
      calls.push([arn, JSON.parse(payload)])
      return { payload: '{"total":3}' }
    }
    const context = '{% $states.context.Execution.Id & " " & $states.context.StateMachine.Id %}'
    const before = Date.now()
    const found = await run(
      machine({ Work: { ...call, Output: { total: '{% $states.result.total %}', context } } }),
      {
        name: 'run-1',
        input: '{"n": 1}',
      },
    )
    const executionArn = `${scope}:execution:Orders:run-1`
    expect(calls).toEqual([[functionArn, { n: 1 }]])
    expect(found).toMatchObject({
      executionArn,
      stateMachineArn: machineArn,
      name: 'run-1',
      status: 'SUCCEEDED',
      input: '{"n": 1}',
      output: JSON.stringify({ total: 3, context: `${executionArn} ${machineArn}` }),
    })
    expect(found.startDate?.getTime()).toBeGreaterThanOrEqual(before)
    expect(found.stopDate?.getTime()).toBeGreaterThanOrEqual(found.startDate?.getTime() ?? 0)
  })

  it('has the history of an execution whose task is a function', async () => {
    const { executionArn } = await run(machine({ Work: { ...call, Assign: { n: 1 } } }), { input: '{"n":1}' })
    const events = await history(executionArn as string)
    expect(events.map(({ id, type, previousEventId }) => [id, type, previousEventId])).toEqual([
      [1, 'ExecutionStarted', 0],
      [2, 'TaskStateEntered', 1],
      [3, 'LambdaFunctionScheduled', 2],
      [4, 'LambdaFunctionStarted', 3],
      [5, 'LambdaFunctionSucceeded', 4],
      [6, 'TaskStateExited', 5],
      [7, 'ExecutionSucceeded', 6],
    ])
    expect(events[0]?.executionStartedEventDetails).toMatchObject({
      input: '{"n":1}',
      roleArn: expect.any(String),
    })
    expect(events[2]?.lambdaFunctionScheduledEventDetails).toMatchObject({
      resource: functionArn,
      input: '{"n":1}',
    })
    expect(events[5]?.stateExitedEventDetails).toMatchObject({ name: 'Work', assignedVariables: { n: '1' } })
    expect(events[6]?.executionSucceededEventDetails?.output).toBe('{"n":1}')
    const bare = await history(executionArn as string, { includeExecutionData: false })
    expect(JSON.stringify(bare)).not.toContain('"input":')
    expect(JSON.stringify(bare)).not.toContain('"output":')
  })

  it('runs a distributed map over the objects that it was given', async () => {
    objects.files['lake/items.jsonl'] = '{"n":1}\n{"n":2}\n'
    const reader = {
      Resource: 'arn:aws:states:::s3:getObject',
      ReaderConfig: { InputType: 'JSONL' },
      Arguments: { Bucket: 'lake', Key: 'items.jsonl' },
    }
    const processor = distributed({ Each: { ...call, Arguments: '{% $states.input.n %}' } })
    const found = await run(
      machine({ All: { Type: 'Map', ItemReader: reader, ItemProcessor: processor, End: true } }),
    )
    expect(found).toMatchObject({ status: 'SUCCEEDED', output: '[1,2]' })
    const types = (await history(found.executionArn as string)).map(({ type }) => type)
    expect(types).toContain('MapRunSucceeded')
    expect(types).not.toContain('LambdaFunctionScheduled')
  })

  it('runs the definition that is deployed when it starts', async () => {
    expect(await run(machine({ A: { Type: 'Pass', Output: 1, End: true } }))).toMatchObject({ output: '1' })
    expect(await run(machine({ A: { Type: 'Pass', Output: 2, End: true } }))).toMatchObject({ output: '2' })
    const found = await client.send(new DescribeStateMachineCommand({ stateMachineArn: machineArn }))
    expect(found).toMatchObject({ name: 'Orders', status: 'ACTIVE', type: 'STANDARD' })
    expect(found.definition).toContain('"Output":2')
    expect(found.creationDate).toEqual(new Date('2026-01-01T00:00:00Z'))
  })
})

describe('a task that fails', () => {
  const caught = machine({
    Work: {
      ...call,
      Retry: [{ ErrorEquals: ['RetryableError'], IntervalSeconds: 1, MaxAttempts: 1 }],
      Catch: [{ ErrorEquals: ['States.ALL'], Output: '{% $states.errorOutput %}', Next: 'Caught' }],
    },
    Caught: { Type: 'Succeed' },
  })
  const errorOutput = async (answer: InvokeFunction) => {
    invoke = answer
    return JSON.parse((await run(caught)).output ?? 'null')
  }
  const failing = (payload: unknown) =>
    errorOutput(async () => ({ functionError: 'Unhandled', payload: JSON.stringify(payload) }))

  it("bears the function's error type, with its payload as the cause", async () => {
    const payload = {
      errorType: 'ContractError',
      errorMessage: 'two rows',
      trace: ['ContractError: two rows', '  at x'],
    }
    expect(await failing(payload)).toEqual({ Error: 'ContractError', Cause: JSON.stringify(payload) })
  })

  it('is tried again by the name of its error', async () => {
    let calls = 0
    invoke = async () => {
      calls += 1
      const payload = JSON.stringify({ errorType: 'RetryableError', errorMessage: 'busy', trace: [] })
      return calls === 1 ? { functionError: 'Unhandled', payload } : { payload: '"done"' }
    }
    expect(await run(caught)).toMatchObject({ output: '"done"' })
    expect(calls).toBe(2)
  })

  it.each([
    ['a function that died', { errorMessage: 'RequestId: 1 Process exited' }, 'Lambda.Unknown'],
    ['a function out of time', { errorType: 'Sandbox.Timedout', errorMessage: 'x' }, 'Sandbox.Timedout'],
  ])('%s is %s', async (_what, payload, name) => {
    expect(await failing(payload)).toMatchObject({ Error: name })
  })

  it.each([
    [429, 'TooManyRequestsException', 'Lambda.TooManyRequestsException'],
    [503, 'ServiceException', 'Lambda.ServiceException'],
    [500, 'ECONNFOO', 'Lambda.ServiceException'],
    [404, 'ResourceNotFoundException', 'Lambda.ResourceNotFoundException'],
    [undefined, 'TimeoutError', 'Lambda.SdkClientException'],
  ])('status %s of %s is %s', async (httpStatusCode, name, expected) => {
    const error = Object.assign(new Error('no'), { name, $metadata: { httpStatusCode } })
    expect(await errorOutput(() => Promise.reject(error))).toMatchObject({ Error: expected })
  })

  it('ends an execution that does not catch it, with its name and cause', async () => {
    invoke = async () => ({
      functionError: 'Unhandled',
      payload: '{"errorType":"E","errorMessage":"m","trace":[]}',
    })
    const found = await run(machine({ Work: call }))
    expect(found).toMatchObject({ status: 'FAILED', error: 'E' })
    expect(found.output).toBeUndefined()
    expect(JSON.parse(found.cause ?? '')).toEqual({ errorType: 'E', errorMessage: 'm', trace: [''] })
    const last = (await history(found.executionArn as string, { reverseOrder: true }))[0]
    expect(last).toMatchObject({ type: 'ExecutionFailed', executionFailedEventDetails: { error: 'E' } })
  })
})

describe('the same name', () => {
  it('is the same execution while it runs with the same input, and another one never', async () => {
    endless()
    deploy(machine({ Work: call }))
    const executionArn = await start({ name: 'one', input: '{}' })
    expect(await start({ name: 'one', input: '{}' })).toBe(executionArn)
    const exists = { name: 'ExecutionAlreadyExists' }
    await expect(start({ name: 'one', input: '{"n":1}' })).rejects.toMatchObject(exists)
    await client.send(new StopExecutionCommand({ executionArn }))
    await expect(start({ name: 'one', input: '{}' })).rejects.toMatchObject(exists)
    const listed = await client.send(new ListExecutionsCommand({ stateMachineArn: machineArn }))
    expect(listed.executions).toHaveLength(1)
  })
})

describe('stopping', () => {
  it('tells the running task and keeps the reason', async () => {
    const { stopped } = endless()
    deploy(machine({ Work: call }))
    const executionArn = await start()
    const { stopDate } = await client.send(
      new StopExecutionCommand({ executionArn, error: 'Operator', cause: 'wrong file' }),
    )
    await stopped
    const found = await ended(executionArn)
    expect(found).toMatchObject({ status: 'ABORTED', error: 'Operator', cause: 'wrong file', stopDate })
    expect((await history(executionArn)).at(-1)).toMatchObject({
      type: 'ExecutionAborted',
      executionAbortedEventDetails: { error: 'Operator', cause: 'wrong file' },
    })
    expect(await client.send(new StopExecutionCommand({ executionArn }))).toMatchObject({ stopDate })
  })
})

describe('listings', () => {
  it('show every execution once, the newest first, page by page', async () => {
    deploy(machine({ A: { Type: 'Pass', End: true } }))
    for (const name of ['a', 'b', 'c', 'd', 'e']) await ended(await start({ name }))
    const names: unknown[] = []
    const pages = paginateListExecutions({ client }, { stateMachineArn: machineArn, maxResults: 2 })
    for await (const { executions = [] } of pages) {
      names.push(executions.map(({ name }) => name))
      if (names.length === 1) await ended(await start({ name: 'f' }))
    }
    expect(names).toEqual([['e', 'd'], ['c', 'b'], ['a']])
    const failed = await client.send(
      new ListExecutionsCommand({ stateMachineArn: machineArn, statusFilter: 'FAILED' }),
    )
    expect(failed.executions).toEqual([])
    expect(failed.nextToken).toBeUndefined()
  })

  it('show every event once, in either direction', async () => {
    const { executionArn } = await run(machine({ Work: call }))
    const forwards = await history(executionArn as string)
    expect(await history(executionArn as string, { maxResults: 3 })).toEqual(forwards)
    const backwards = await history(executionArn as string, { maxResults: 2, reverseOrder: true })
    expect(backwards).toEqual(forwards.toReversed())
  })

  it('take no token of another listing', async () => {
    const { executionArn } = await run(machine({ Work: call }))
    const first = await client.send(
      new GetExecutionHistoryCommand({ executionArn: executionArn as string, maxResults: 1 }),
    )
    for (const nextToken of [first.nextToken, 'nonsense']) {
      await expect(
        client.send(new ListExecutionsCommand({ stateMachineArn: machineArn, nextToken })),
      ).rejects.toMatchObject({ name: 'InvalidToken' })
    }
  })
})

describe('what is refused', () => {
  const execution = (name: string) => `${scope}:execution:Orders:${name}`
  it.each([
    ['InvalidArn', new StartExecutionCommand({ stateMachineArn: 'orders' })],
    ['InvalidArn', new StartExecutionCommand({ stateMachineArn: `${machineArn}:3` })],
    ['StateMachineDoesNotExist', new StartExecutionCommand({ stateMachineArn: `${machineArn}2` })],
    ['InvalidName', new StartExecutionCommand({ stateMachineArn: machineArn, name: 'a b' })],
    ['InvalidName', new StartExecutionCommand({ stateMachineArn: machineArn, name: 'a'.repeat(81) })],
    ['InvalidExecutionInput', new StartExecutionCommand({ stateMachineArn: machineArn, input: '{' })],
    [
      'InvalidExecutionInput',
      new StartExecutionCommand({ stateMachineArn: machineArn, input: `"${'x'.repeat(262_143)}"` }),
    ],
    ['ValidationException', new StartExecutionCommand({ stateMachineArn: undefined })],
    [
      'ValidationException',
      new StartExecutionCommand({ stateMachineArn: machineArn, traceHeader: 'Root=1' }),
    ],
    ['ExecutionDoesNotExist', new DescribeExecutionCommand({ executionArn: execution('none') })],
    ['ExecutionDoesNotExist', new StopExecutionCommand({ executionArn: execution('none') })],
    ['ExecutionDoesNotExist', new GetExecutionHistoryCommand({ executionArn: execution('none') })],
    ['InvalidArn', new DescribeExecutionCommand({ executionArn: machineArn })],
    ['ValidationException', new ListExecutionsCommand({ mapRunArn: `${scope}:mapRun:Orders/All:1` })],
    ['ValidationException', new ListExecutionsCommand({ stateMachineArn: machineArn, maxResults: 1001 })],
    ['StateMachineDoesNotExist', new ListExecutionsCommand({ stateMachineArn: `${machineArn}2` })],
    ['StateMachineDoesNotExist', new DescribeStateMachineCommand({ stateMachineArn: `${machineArn}2` })],
    [
      'UnknownOperationException',
      new CreateStateMachineCommand({ name: 'x', definition: '{}', roleArn: 'r' }),
    ],
  ])('%s', async (name, command) => {
    deploy(machine({ A: { Type: 'Pass', End: true } }))
    await expect(client.send(command as StartExecutionCommand)).rejects.toMatchObject({ name })
    const { executions } = await client.send(new ListExecutionsCommand({ stateMachineArn: machineArn }))
    expect(executions).toEqual([])
  })

  it('a definition that the interpreter does not know, and tasks that are no functions, with every finding', async () => {
    deploy(machine({ A: { Type: 'Pass', Result: 1, End: true } }))
    await expect(start()).rejects.toMatchObject({ name: 'InvalidDefinition', message: /States\/A\/Result/ })
    deploy(machine({ A: { Type: 'Task', Resource: 'arn:aws:states:::sqs:sendMessage', End: true } }))
    await expect(start()).rejects.toMatchObject({ name: 'InvalidDefinition', message: /sqs/ })
    deploy(machine({ A: { Type: 'Pass', End: true } }), 'EXPRESS')
    await expect(start()).rejects.toMatchObject({ name: 'StateMachineTypeNotSupported' })
  })

  it('a request that is no JSON object, or none of AWS', async () => {
    const post = async (body: string, headers: Record<string, string>) =>
      await fetch(server.url, { method: 'POST', body, headers })
    const list = { 'X-Amz-Target': 'AWSStepFunctions.ListExecutions' }
    expect(await (await post('[]', list)).json()).toMatchObject({ __type: /#SerializationException$/ })
    expect(await (await post('{}', {})).json()).toMatchObject({ __type: /#UnknownOperationException$/ })
    expect((await post(`"${'x'.repeat(1_000_001)}"`, list)).status).toBe(413)
  })
})

it('ends its executions when it is stopped, and waits for their tasks', async () => {
  const { stopped } = endless()
  deploy(machine({ Work: call }))
  await start()
  await server.stop()
  await stopped
  await expect(fetch(server.url)).rejects.toThrow()
})
