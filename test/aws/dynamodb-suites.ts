import { randomUUID } from 'node:crypto'
import {
  DeleteTableCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { ConditionFailedError, UnknownOutcomeError } from '../../core/errors.ts'
import { openDynamoStore } from '../../core/stores/dynamodb-state-store.ts'
import { stateStoreSuite } from '../../core/stores/state-store.suite.ts'
import type { Catalog, Item, StateStore, Write } from '../../core/stores/state-store.ts'
import { localDynamo, makeTables, maxAttempts, underWeather, type Weather } from './clients.ts'

/** The contract of the state store, and what only DynamoDB has, against one emulator of it. */
export function dynamoSuites(server: string, url: string): void {
  const plain = localDynamo(url)
  const clients: DynamoDBClient[] = [plain]
  afterAll(() => {
    for (const client of clients) client.destroy()
  })

  const weathered = localDynamo(url)
  clients.push(weathered)
  const weather = underWeather(weathered, 'TransactWriteItemsCommand')
  const reset = async (tables: { stateTable: string; catalogTable: string }) => {
    weather.lostAnswers = 0
    for (const TableName of Object.values(tables)) await plain.send(new DeleteTableCommand({ TableName }))
  }

  stateStoreSuite(`DynamoDB (${server})`, async () => {
    const tables = await makeTables(plain, randomUUID())
    const open = () => openDynamoStore({ ...tables, client: weathered })
    return {
      ...open(),
      reopen: async () => openDynamoStore({ ...tables, client: plain }),
      // All tries of one transaction: a single lost answer is healed by the client's next try.
      dropAnswer: () => {
        weather.lostAnswers = maxAttempts
      },
      cleanup: () => reset(tables),
    }
  })

  describe(`openDynamoStore (${server})`, () => {
    let client: DynamoDBClient
    let sent: Weather
    let tables: { stateTable: string; catalogTable: string }
    let state: StateStore
    let catalog: Catalog
    const table = { namespace: 'bronze', name: 'flights' }
    beforeEach(async () => {
      client = localDynamo(url)
      clients.push(client)
      sent = underWeather(client, 'TransactWriteItemsCommand')
      tables = await makeTables(plain, randomUUID())
      ;({ state, catalog } = openDynamoStore({ ...tables, client }))
      return () => reset(tables)
    })
    const move = async (base: string | undefined, next: string) =>
      await state.transact([{ kind: 'pointer', table, base, next }])
    const scan = async (TableName: string) =>
      (await plain.send(new ScanCommand({ TableName, ConsistentRead: true }))).Items ?? []
    const entryKey = { identifier: { S: 'bronze.flights' }, namespace: { S: 'bronze' } }
    const stored = async () =>
      (await plain.send(new GetItemCommand({ TableName: tables.catalogTable, Key: entryKey }))).Item

    describe('when the answer to a transaction that succeeded is lost', () => {
      const writes: Write[] = [
        { kind: 'put', item: { pk: 'lost', sk: 'COMMIT#1' }, expect: 'absent' },
        { kind: 'pointer', table, base: undefined, next: 's3://b/1.json' },
      ]

      it.each([1, 2])("is told that it succeeded by the client's next try (%i lost)", async (lost) => {
        sent.lostAnswers = lost
        await state.transact(writes)
        expect(sent.sent).toBe(lost + 1)
        expect(await state.get('lost', 'COMMIT#1')).toEqual({ pk: 'lost', sk: 'COMMIT#1' })
        expect(await catalog.load(table)).toBe('s3://b/1.json')
        await expect(state.transact(writes)).rejects.toMatchObject({ index: 0 })
      })

      it('is told that its condition failed, when that was the answer that got lost', async () => {
        await state.transact(writes)
        sent.lostAnswers = 1
        await expect(state.transact(writes)).rejects.toMatchObject({
          name: 'ConditionFailedError',
          code: 'STATE_CONDITION_FAILED',
          index: 0,
        })
        expect(sent.sent).toBe(3)
      })

      it('does not know when all are lost, and reads back what happened', async () => {
        sent.lostAnswers = 99
        const error = await state.transact(writes).catch((caught: unknown) => caught)
        expect(error).toBeInstanceOf(UnknownOutcomeError)
        expect(error).toMatchObject({ code: 'STATE_WRITE_UNKNOWN' })
        expect(await state.get('lost', 'COMMIT#1')).toBeDefined()
        expect(await catalog.load(table)).toBe('s3://b/1.json')
      })
    })

    describe("the catalog's table", () => {
      it("has the items of Iceberg's DynamoDbCatalog, of strings and numbers only", async () => {
        const before = Date.now()
        await move(undefined, 's3://b/1.json')
        const uuid = { S: expect.stringMatching(/^[0-9a-f-]{36}$/) }
        const time = { N: expect.stringMatching(/^\d{13}$/) }
        const base = { namespace: { S: 'bronze' }, v: uuid, created_at: time, updated_at: time }
        const items = (await scan(tables.catalogTable)).sort((a, b) =>
          a.identifier!.S! < b.identifier!.S! ? -1 : 1,
        )
        expect(items).toEqual([
          { ...base, identifier: { S: 'NAMESPACE' } },
          {
            ...base,
            identifier: { S: 'bronze.flights' },
            'p.table_type': { S: 'ICEBERG' },
            'p.metadata_location': { S: 's3://b/1.json' },
          },
        ])
        const created = items[1]!
        expect(Number(created.created_at!.N)).toBeGreaterThanOrEqual(before)
        await move('s3://b/1.json', 's3://b/2.json')
        const moved = await stored()
        expect(moved).toEqual({
          ...created,
          v: uuid,
          updated_at: time,
          'p.metadata_location': { S: 's3://b/2.json' },
          'p.previous_metadata_location': { S: 's3://b/1.json' },
        })
        expect(moved!.v).not.toEqual(created.v)
      })

      it('keeps what another engine wrote to the entry and to the namespace', async () => {
        const namespace = {
          identifier: { S: 'NAMESPACE' },
          namespace: { S: 'bronze' },
          v: { S: 'theirs' },
          'p.owner': { S: 'java' },
        }
        await plain.send(new PutItemCommand({ TableName: tables.catalogTable, Item: namespace }))
        const entry = {
          ...entryKey,
          v: { S: 'theirs' },
          'p.metadata_location': { S: 'm1' },
          'p.comment': { S: 'kept' },
        }
        await plain.send(new PutItemCommand({ TableName: tables.catalogTable, Item: entry }))
        await expect(move(undefined, 'x')).rejects.toMatchObject({ code: 'TABLE_POINTER_MOVED' })
        await move('m1', 'm2')
        expect(await stored()).toMatchObject({
          'p.comment': { S: 'kept' },
          'p.metadata_location': { S: 'm2' },
        })
        await state.transact([
          { kind: 'pointer', table: { ...table, name: 'other' }, base: undefined, next: 'm' },
        ])
        const items = await scan(tables.catalogTable)
        expect(items.find((item) => item.identifier?.S === 'NAMESPACE')).toEqual(namespace)
      })

      it('does not overwrite a commit of another engine, which changes location and version', async () => {
        await move(undefined, 'm1')
        await commitLikeJava('m2')
        await expect(move('m1', 'ours')).rejects.toMatchObject({ code: 'TABLE_POINTER_MOVED', index: 0 })
        expect(await catalog.load(table)).toBe('m2')
        await move('m2', 'm3')
        expect(await catalog.load(table)).toBe('m3')
      })

      it('is not overwritten by a commit of another engine that has read it before ours', async () => {
        await move(undefined, 'm1')
        const seen = (await stored())!.v!
        await move('m1', 'm2')
        await expect(commitLikeJava('theirs', seen.S)).rejects.toMatchObject({
          name: 'ConditionalCheckFailedException',
        })
        expect(await catalog.load(table)).toBe('m2')
      })

      it('moves from its base also when only the version changed in the meantime', async () => {
        await move(undefined, 'm1')
        let isFirst = true
        client.middlewareStack.add(
          (next, context) => async (args) => {
            if (context.commandName === 'TransactWriteItemsCommand' && isFirst) {
              isFirst = false
              await commitLikeJava('m1')
            }
            return await next(args)
          },
          { step: 'initialize', name: 'slipIn' },
        )
        await move('m1', 'm2')
        expect(await catalog.load(table)).toBe('m2')
      })

      it('lists tables without a namespace item and leaves out nested namespaces', async () => {
        await move(undefined, 'm1')
        for (const [identifier, namespace] of [
          ['silver.t', 'silver'],
          ['a.b.t', 'a.b'],
          ['other', 'bronze'],
        ] as const) {
          const Item = { identifier: { S: identifier }, namespace: { S: namespace }, v: { S: '1' } }
          await plain.send(new PutItemCommand({ TableName: tables.catalogTable, Item }))
        }
        expect(await catalog.list()).toEqual([table, { namespace: 'silver', name: 't' }])
        expect(await catalog.list('bronze')).toEqual([table])
        expect(await catalog.list('a.b')).toEqual([])
      })

      async function commitLikeJava(location: string, seen?: string): Promise<void> {
        const version = seen ?? (await stored())!.v!.S!
        await plain.send(
          new UpdateItemCommand({
            TableName: tables.catalogTable,
            Key: entryKey,
            UpdateExpression: 'SET #k0 = :v0, updated_at = :uat, v = :uv',
            ConditionExpression: 'v = :v',
            ExpressionAttributeNames: { '#k0': 'p.metadata_location' },
            ExpressionAttributeValues: {
              ':v0': { S: location },
              ':uat': { N: String(Date.now()) },
              ':uv': { S: randomUUID() },
              ':v': { S: version },
            },
          }),
        )
      }
    })

    it('creates many tables of one new namespace at the same time', async () => {
      const names = Array.from({ length: 12 }, (_, i) => `t${String(i).padStart(2, '0')}`)
      await Promise.all(
        names.map((name) =>
          state.transact([
            { kind: 'pointer', table: { namespace: 'new', name }, base: undefined, next: name },
          ]),
        ),
      )
      expect((await catalog.list('new')).map((of) => of.name)).toEqual(names)
      const namespaces = (await scan(tables.catalogTable)).filter(
        (item) => item.identifier?.S === 'NAMESPACE',
      )
      expect(namespaces).toHaveLength(1)
    })

    it('gives every transaction a token of its own, and keeps it over the tries of one', async () => {
      const tokens: string[] = []
      client.middlewareStack.add(
        (next) => async (args) => {
          const { body } = args.request as { body: Uint8Array }
          const token = /"ClientRequestToken":"([^"]+)"/.exec(new TextDecoder().decode(body))?.[1]
          if (token !== undefined) tokens.push(token)
          return await next(args)
        },
        { step: 'finalizeRequest', priority: 'low', name: 'tokens' },
      )
      sent.lostAnswers = 1
      await state.transact([{ kind: 'put', item: { pk: 'a', sk: '1' } }])
      await state.transact([{ kind: 'put', item: { pk: 'a', sk: '1' } }])
      expect(tokens).toHaveLength(3)
      expect(tokens[1]).toBe(tokens[0])
      expect(tokens[2]).not.toBe(tokens[0])
    })

    it('shows scalars to conditions of others, and keeps every double', async () => {
      const item = { pk: 'n', sk: '1', n: 1.5, tiny: 5e-324, huge: Number.MAX_VALUE, list: [1] }
      await state.transact([{ kind: 'put', item }])
      const [raw] = await scan(tables.stateTable)
      expect(raw).toMatchObject({ n: { N: '1.5' }, list: { M: { json: { S: '[1]' } } } })
      expect(await state.get('n', '1')).toStrictEqual(item)
      const check = async (expect: Record<string, number>) =>
        await state.transact([{ kind: 'check', pk: 'n', sk: '1', expect }])
      await check({ tiny: 5e-324, huge: Number.MAX_VALUE, n: 1.5 })
      await expect(check({ tiny: 1e-323 })).rejects.toBeInstanceOf(ConditionFailedError)
      await expect(check({ huge: 1.7e308 })).rejects.toBeInstanceOf(ConditionFailedError)
    })

    it('refuses an item that something else wrote in types of its own', async () => {
      const Item = { pk: { S: 'f' }, sk: { S: '1' }, tags: { SS: ['a'] } }
      await plain.send(new PutItemCommand({ TableName: tables.stateTable, Item }))
      await expect(state.get('f', '1')).rejects.toMatchObject({
        name: 'IntegrityError',
        code: 'STATE_ITEM_FOREIGN',
      })
    })

    it('refuses an attribute without a name, and those that it keeps for itself', async () => {
      for (const name of ['', '#runs', '#runs_start']) {
        const invalid = { name: 'TerminalError', code: 'STATE_WRITE_INVALID' }
        const put: Write = { kind: 'put', item: { pk: 'a', sk: 'b', [name]: 1 } }
        await expect(state.transact([put])).rejects.toMatchObject(invalid)
        const check: Write = { kind: 'check', pk: 'a', sk: 'b', expect: { [name]: 1 } }
        await expect(state.transact([check])).rejects.toMatchObject(invalid)
      }
    })

    it('lists more runs than one batch holds, ties by run, and none that is gone', async () => {
      const runs: Item[] = Array.from({ length: 130 }, (_, i) => ({
        pk: `RUN#${String(i).padStart(3, '0')}`,
        sk: 'META',
        started_at: `2026-01-01T00:00:${String(Math.floor(i / 10)).padStart(2, '0')}.000Z`,
      }))
      for (let at = 0; at < runs.length; at += 65) {
        await state.transact(runs.slice(at, at + 65).map((item): Write => ({ kind: 'put', item })))
      }
      expect(await state.listRuns(120)).toEqual(runs.toReversed().slice(0, 120))
      expect(await state.listRuns(1000)).toEqual(runs.toReversed())
    })

    it('says that a table is not there', async () => {
      const nowhere = openDynamoStore({ ...tables, stateTable: 'no-such-table', client })
      const missing = { name: 'TerminalError', code: 'STATE_STORE_MISSING' }
      await expect(nowhere.state.get('a', 'b')).rejects.toMatchObject(missing)
      await expect(
        nowhere.state.transact([{ kind: 'put', item: { pk: 'a', sk: 'b' } }]),
      ).rejects.toMatchObject(missing)
    })

    it('is not used after it was closed', async () => {
      state.close()
      const closed = { name: 'TerminalError', code: 'STATE_STORE_CLOSED' }
      await expect(state.get('a', 'b')).rejects.toMatchObject(closed)
      await expect(state.transact([])).rejects.toMatchObject(closed)
      await expect(catalog.load(table)).rejects.toMatchObject(closed)
      await expect(state.query('a')[Symbol.asyncIterator]().next()).rejects.toMatchObject(closed)
    })

    it('is refused by the emulator as it is by AWS when a token is used for something else', async () => {
      const send = async (pk: string) =>
        await plain.send(
          new TransactWriteItemsCommand({
            ClientRequestToken: 'one-token',
            TransactItems: [
              { Put: { TableName: tables.stateTable, Item: { pk: { S: pk }, sk: { S: 'x' } } } },
            ],
          }),
        )
      await send('a')
      await send('a')
      await expect(send('b')).rejects.toMatchObject({ name: 'IdempotentParameterMismatchException' })
    })
  })
}
