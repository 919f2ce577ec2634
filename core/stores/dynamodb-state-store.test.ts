import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { UnknownOutcomeError } from '../errors.ts'
import { openDynamoStore } from './dynamodb-state-store.ts'
import {
  type ScriptedAnswer,
  type ScriptedServer,
  type SeenRequest,
  startScriptedServer,
} from './scripted-server.suite.ts'
import type { Item, Write } from './state-store.ts'

const maxAttempts = 3
const put: Write = { kind: 'put', item: { pk: 'a', sk: '1' }, expect: 'absent' }
const done: ScriptedAnswer = { status: 200, body: '{}' }
const failure = (name: string, status = 400, more: object = {}): ScriptedAnswer => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.0' },
  body: JSON.stringify({
    __type: `com.amazonaws.dynamodb.v20120810#${name}`,
    message: 'said DynamoDB',
    ...more,
  }),
})
const cancelled = (...codes: string[]) =>
  failure('TransactionCanceledException', 400, { CancellationReasons: codes.map((Code) => ({ Code })) })

let server: ScriptedServer
let answer: (request: SeenRequest, count: number) => ScriptedAnswer
beforeEach(async () => {
  // No waiting between tries.
  vi.spyOn(Math, 'random').mockReturnValue(0)
  server = await startScriptedServer((request, count) => answer(request, count))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await server.stop()
})

function open() {
  const client = new DynamoDBClient({
    region: 'us-east-1',
    endpoint: server.url,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts,
  })
  return openDynamoStore({ stateTable: 's', catalogTable: 'c', client })
}

const token = ({ body }: SeenRequest) =>
  (JSON.parse(body) as { ClientRequestToken: string }).ClientRequestToken
const transact = async (...writes: Write[]) => await open().state.transact(writes)

describe('a transaction that meets another one', () => {
  it('is sent anew, with a new token each time', async () => {
    answer = (_, count) => (count < 4 ? cancelled('TransactionConflict', 'None') : done)
    await transact(put, { ...put, item: { pk: 'a', sk: '2' } })
    expect(new Set(server.requests.map(token)).size).toBe(4)
  })

  it('is given up after ten times', async () => {
    answer = () => cancelled('TransactionConflict')
    await expect(transact(put)).rejects.toMatchObject({ name: 'RetryableError', code: 'STATE_STORE_BUSY' })
    expect(server.requests).toHaveLength(10)
  })

  it('does not tell of a failed condition while an earlier write may fail too', async () => {
    answer = (_, count) =>
      count === 1
        ? cancelled('TransactionConflict', 'ConditionalCheckFailed')
        : cancelled('ConditionalCheckFailed', 'ConditionalCheckFailed')
    const writes: Write[] = [put, { kind: 'check', pk: 'b', sk: '1', expect: {} }]
    await expect(transact(...writes)).rejects.toMatchObject({ name: 'ConditionFailedError', index: 0 })
    answer = () => cancelled('TransactionConflict', 'ConditionalCheckFailed')
    await expect(transact(...writes)).rejects.toMatchObject({ name: 'ConditionFailedError', index: 1 })
  })

  it('is not tried again where DynamoDB says that it is wrong', async () => {
    answer = () => cancelled('None', 'ValidationError')
    await expect(transact(put, { ...put, item: { pk: 'b', sk: '1' } })).rejects.toMatchObject({
      name: 'TerminalError',
      code: 'STATE_STORE_FAILED',
      details: { index: 1 },
    })
    expect(server.requests).toHaveLength(1)
  })
})

describe('the outcome of a transaction', () => {
  const unknown = { name: 'UnknownOutcomeError', code: 'STATE_WRITE_UNKNOWN' }
  const busy = { name: 'RetryableError', code: 'STATE_STORE_BUSY' }

  it.each<[string, ScriptedAnswer[]]>([
    ['every connection broke', ['reset', 'reset', 'reset']],
    [
      'the service was broken',
      [
        failure('InternalServerError', 500),
        failure('InternalServerError', 500),
        failure('ServiceUnavailable', 503),
      ],
    ],
    [
      'the first answer was lost and the other tries were throttled',
      ['reset', failure('ThrottlingException'), failure('ThrottlingException')],
    ],
    [
      'the first answer was lost and then the role lost its right',
      ['reset', failure('AccessDeniedException')],
    ],
    ['it is still under way', Array.from({ length: 3 }, () => failure('TransactionInProgressException'))],
  ])('is unknown when %s', async (_, answers) => {
    answer = (_, count) => answers[count - 1]!
    const error = await transact(put).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(UnknownOutcomeError)
    expect(error).toMatchObject(unknown)
    expect(server.requests).toHaveLength(answers.length)
    expect(new Set(server.requests.map(token)).size).toBe(1)
  })

  it('is nothing when every try was throttled', async () => {
    answer = () => failure('ProvisionedThroughputExceededException')
    await expect(transact(put)).rejects.toMatchObject(busy)
    expect(server.requests).toHaveLength(maxAttempts)
  })

  it('is nothing when no request reached the service', async () => {
    const { state } = open()
    await server.stop()
    await expect(state.transact([put])).rejects.toMatchObject(busy)
    await expect(state.get('a', '1')).rejects.toMatchObject(busy)
  })

  it('is known from a later try when the first answer was lost', async () => {
    answer = (_, count) => (count === 1 ? 'reset' : done)
    await transact(put)
    answer = (_, count) => (count === 3 ? 'reset' : cancelled('ConditionalCheckFailed'))
    await expect(transact(put)).rejects.toMatchObject({ name: 'ConditionFailedError', index: 0 })
    expect(server.requests).toHaveLength(4)
  })

  it('is nothing when the role may not write', async () => {
    answer = () => failure('AccessDeniedException')
    await expect(transact(put)).rejects.toMatchObject({
      name: 'TerminalError',
      code: 'STATE_STORE_DENIED',
      message: expect.stringContaining('dynamodb:ConditionCheckItem'),
    })
  })
})

describe('a read', () => {
  it('names the action that is missing', async () => {
    answer = () => failure('AccessDeniedException')
    const { state, catalog } = open()
    const denied = (action: string) => ({
      code: 'STATE_STORE_DENIED',
      message: expect.stringContaining(action),
    })
    await expect(state.get('a', 'b')).rejects.toMatchObject(denied('dynamodb:GetItem'))
    await expect(state.query('a')[Symbol.asyncIterator]().next()).rejects.toMatchObject(
      denied('dynamodb:Query'),
    )
    await expect(state.listRuns(1)).rejects.toMatchObject(denied('dynamodb:Query'))
    await expect(catalog.load({ namespace: 'a', name: 'b' })).rejects.toMatchObject(
      denied('dynamodb:GetItem'),
    )
    await expect(catalog.list()).rejects.toMatchObject(denied('dynamodb:Scan'))
    await expect(catalog.list('a')).rejects.toMatchObject(denied('dynamodb:Query'))
  })

  it('is consistent, and goes on where a page ends, also an empty one', async () => {
    const item = (sk: string) => ({ pk: { S: 'a' }, sk: { S: sk } })
    const pages = [
      { Items: [item('1')], LastEvaluatedKey: item('1') },
      { Items: [], LastEvaluatedKey: item('2') },
      { Items: [item('3')] },
    ]
    answer = (_, count) => ({ status: 200, body: JSON.stringify(pages[count - 1]) })
    const items: Item[] = []
    for await (const each of open().state.query('a')) items.push(each)
    expect(items.map((each) => each.sk)).toEqual(['1', '3'])
    const sent = server.requests.map(({ body }) => JSON.parse(body) as Record<string, unknown>)
    expect(sent.map((body) => body.ConsistentRead)).toEqual([true, true, true])
    expect(sent.map((body) => body.ExclusiveStartKey)).toEqual([undefined, item('1'), item('2')])
  })

  it('of runs asks again for what a batch left out, and passes over those that are gone', async () => {
    const key = (i: number) => ({ pk: { S: `RUN#${i}` }, sk: { S: 'META' } })
    const run = (i: number) => ({ ...key(i), started_at: { S: `2026-0${i}` } })
    const answers = [
      { Items: [key(3), key(2), key(1)] },
      { Responses: { s: [run(1)] }, UnprocessedKeys: { s: { Keys: [key(3), key(2)] } } },
      { Responses: { s: [run(3)] } },
    ]
    answer = (_, count) => ({ status: 200, body: JSON.stringify(answers[count - 1]) })
    expect((await open().state.listRuns(10)).map((item) => item.pk)).toEqual(['RUN#3', 'RUN#1'])
    expect(server.requests).toHaveLength(3)
  })
})
