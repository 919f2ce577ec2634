import { GlueClient } from '@aws-sdk/client-glue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openGlueMirror } from './glue-mirror-catalog.ts'
import type { MirrorEntry } from './mirror-catalog.ts'
import { type ScriptedAnswer, type ScriptedServer, startScriptedServer } from './scripted-server.suite.ts'

const table = { namespace: 'bronze', name: 'flights' }
const entry: MirrorEntry = {
  location: 's3://lake/bronze/flights',
  description: 'All of them',
  columns: [
    { name: 'id', type: 'bigint', comment: 'of the flight', parameters: { 'iceberg.field.id': '1' } },
  ],
  parameters: { table_type: 'ICEBERG', metadata_location: 's3://lake/m.json' },
}

interface Call {
  readonly action: string
  readonly body: Readonly<Record<string, unknown>>
}

let server: ScriptedServer
let answer: (call: Call, count: number) => ScriptedAnswer
beforeEach(async () => {
  // No waiting between tries.
  vi.spyOn(Math, 'random').mockReturnValue(0)
  server = await startScriptedServer((request, count) => answer(callOf(request), count))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await server.stop()
})

function callOf(request: { readonly headers: unknown; readonly body: string }): Call {
  const target = (request.headers as Record<string, string>)['x-amz-target'] ?? ''
  return { action: target.replace('AWSGlue.', ''), body: JSON.parse(request.body) }
}

const calls = () => server.requests.map(callOf)
const ok = (body: unknown = {}): ScriptedAnswer => ({ status: 200, body: JSON.stringify(body) })
const fault = (name: string, status = 400): ScriptedAnswer => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.1' },
  body: JSON.stringify({ __type: name, Message: 'said Glue' }),
})

function open(databasePrefix = 'sluice_') {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const client = new GlueClient({ region: 'us-east-1', endpoint: server.url, credentials, maxAttempts: 2 })
  return openGlueMirror({ databasePrefix, owner: 'catalog', client })
}

const input = {
  Name: 'flights',
  TableType: 'EXTERNAL_TABLE',
  Description: 'All of them',
  Parameters: entry.parameters,
  StorageDescriptor: {
    Location: 's3://lake/bronze/flights',
    Columns: [
      { Name: 'id', Type: 'bigint', Comment: 'of the flight', Parameters: { 'iceberg.field.id': '1' } },
    ],
  },
}

describe('an entry', () => {
  it('is read with its version and parameters', async () => {
    answer = () => ok({ Table: { Name: 'flights', VersionId: '4', Parameters: { a: 'b' } } })
    expect(await open().load(table)).toMatchObject({ version: '4', parameters: { a: 'b' } })
    expect(calls()).toEqual([
      { action: 'GetTable', body: { DatabaseName: 'sluice_bronze', Name: 'flights' } },
    ])
  })

  it('is absent where Glue has no such table or database', async () => {
    answer = () => fault('EntityNotFoundException')
    expect(await open().load(table)).toBeUndefined()
    expect(await open().list('bronze')).toEqual([])
    await open().delete(table)
  })

  it('is created as an external table, its database first where that is missing', async () => {
    answer = (_call, count) => (count === 1 ? fault('EntityNotFoundException') : ok())
    await open().create(table, entry)
    expect(calls()).toEqual([
      { action: 'CreateTable', body: { DatabaseName: 'sluice_bronze', TableInput: input } },
      {
        action: 'CreateDatabase',
        body: { DatabaseInput: { Name: 'sluice_bronze', Parameters: { 'sluice.mirror': 'catalog' } } },
      },
      { action: 'CreateTable', body: { DatabaseName: 'sluice_bronze', TableInput: input } },
    ])
  })

  it('is created though somebody else has made the database meanwhile', async () => {
    answer = ({ action }, count) =>
      count === 1
        ? fault('EntityNotFoundException')
        : action === 'CreateDatabase'
          ? fault('AlreadyExistsException')
          : ok()
    await open().create(table, entry)
    expect(calls().map(({ action }) => action)).toEqual(['CreateTable', 'CreateDatabase', 'CreateTable'])
  })

  it('is replaced at one version only, without an archive of the one before', async () => {
    answer = () => ok()
    await open().replace(table, '4', entry)
    expect(calls()).toEqual([
      {
        action: 'UpdateTable',
        body: { DatabaseName: 'sluice_bronze', TableInput: input, VersionId: '4', SkipArchive: true },
      },
    ])
  })

  it('may have a database without a prefix', async () => {
    answer = () => ok()
    await open('').delete(table)
    expect(calls()[0]?.body.DatabaseName).toBe('bronze')
  })
})

describe('a listing', () => {
  it('reads all pages', async () => {
    answer = ({ body }) =>
      body.NextToken === undefined
        ? ok({ TableList: [{ Name: 'a', VersionId: '1' }], NextToken: 'more' })
        : ok({ TableList: [{ Name: 'b', VersionId: '2', Parameters: { c: 'd' } }] })
    expect(await open().list('bronze')).toEqual([
      { name: 'a', version: '1', parameters: {} },
      { name: 'b', version: '2', parameters: { c: 'd' } },
    ])
  })

  it('has the namespaces whose database this mirror made, and no others', async () => {
    const Parameters = { 'sluice.mirror': 'catalog' }
    answer = () =>
      ok({
        DatabaseList: [
          { Name: 'sluice_bronze', Parameters },
          { Name: 'sluice_theirs', Parameters: { 'sluice.mirror': 'another' } },
          { Name: 'sluice_plain' },
          { Name: 'other', Parameters },
        ],
      })
    expect(await open().namespaces()).toEqual(['bronze'])
  })
})

describe('what Glue refuses', () => {
  it.each([
    ['ConcurrentModificationException', 'ConditionFailedError', 'MIRROR_ENTRY_MOVED'],
    ['VersionMismatchException', 'ConditionFailedError', 'MIRROR_ENTRY_MOVED'],
    ['EntityNotFoundException', 'ConditionFailedError', 'MIRROR_ENTRY_MOVED'],
    ['AccessDeniedException', 'TerminalError', 'MIRROR_DENIED'],
    ['ExpiredTokenException', 'TerminalError', 'MIRROR_DENIED'],
    ['InvalidInputException', 'TerminalError', 'MIRROR_REFUSED'],
    ['ResourceNumberLimitExceededException', 'TerminalError', 'MIRROR_REFUSED'],
    ['OperationTimeoutException', 'RetryableError', 'MIRROR_BUSY'],
    ['ThrottlingException', 'RetryableError', 'MIRROR_BUSY'],
  ])('as %s is a %s %s', async (glue, name, code) => {
    answer = () => fault(glue)
    await expect(open().replace(table, '1', entry)).rejects.toMatchObject({ name, code })
  })

  it('as a table that is there already is a condition that failed', async () => {
    answer = () => fault('AlreadyExistsException')
    await expect(open().create(table, entry)).rejects.toMatchObject({ code: 'MIRROR_ENTRY_MOVED' })
  })

  it.each<[string, ScriptedAnswer]>([
    ['a server that fails', fault('InternalServiceException', 500)],
    ['a connection that breaks', 'reset'],
  ])('%s is retryable, after the tries of the client', async (_, given) => {
    answer = () => given
    await expect(open().load(table)).rejects.toMatchObject({ code: 'MIRROR_BUSY' })
    expect(server.requests).toHaveLength(2)
  })
})
