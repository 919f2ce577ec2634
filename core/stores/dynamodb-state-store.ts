import { DynamoDBClient, GetItemCommand, paginateQuery } from '@aws-sdk/client-dynamodb'
import { TerminalError } from '../errors.ts'
import { openDynamoCatalog } from './dynamodb-catalog.ts'
import { type DynamoPlace, reading } from './dynamodb-place.ts'
import { listRuns } from './dynamodb-runs.ts'
import { transactWrites } from './dynamodb-transact.ts'
import { itemOf } from './dynamodb-values.ts'
import type { Catalog, Item, StateStore } from './state-store.ts'
import { prepareWrites, validateStateKey } from './state-writes.ts'

export interface DynamoStoreOptions {
  readonly stateTable: string
  readonly catalogTable: string
  /** Default: {@link newDynamoClient}. One that is given stays open when the store is closed. */
  readonly client?: DynamoDBClient
}

/**
 * State and catalog in two DynamoDB tables (`dynamodb-tables.ts`), in one account and region, so that one
 * transaction spans both. The catalog's table is that of Iceberg's `DynamoDbCatalog`: Java and PyIceberg read
 * it, and may write to it beside us.
 *
 * - **Transactions** carry a token that each repetition by the client repeats, so that a lost answer does not
 *   apply them twice. Those that meet others on the same items are sent anew, up to about 6 s.
 * - **Unknown outcome**: when an answer of any of the requests got lost and none came in the end.
 * - **Reads** are strongly consistent, but for which runs `listRuns` and which tables `list(namespace)` show:
 *   indexes follow their table by a moment.
 *
 * Throws `TerminalError` `STATE_STORE_DENIED`, `STATE_STORE_MISSING`, `STATE_STORE_FAILED`,
 * `STATE_STORE_CLOSED`, `RetryableError` `STATE_STORE_BUSY`, and `IntegrityError` `STATE_ITEM_FOREIGN`.
 */
export function openDynamoStore(options: DynamoStoreOptions): { state: StateStore; catalog: Catalog } {
  const { stateTable, catalogTable } = options
  const client = options.client ?? newDynamoClient()
  const place: DynamoPlace = { client, stateTable, catalogTable }
  let isOpen = true
  const ensureOpen = () => {
    if (!isOpen) throw closed(stateTable)
  }
  const catalog = openDynamoCatalog(place)
  const state: StateStore = {
    get: async (pk, sk) => {
      ensureOpen()
      validateStateKey(pk, 'pk')
      validateStateKey(sk, 'sk')
      return await getItem(place, pk, sk)
    },
    query: async function* (pk, skPrefix = '') {
      ensureOpen()
      yield* queryItems(place, pk, skPrefix)
    },
    transact: async (writes) => {
      ensureOpen()
      prepareWrites(writes)
      if (writes.length > 0) await transactWrites(place, writes)
    },
    listRuns: async (limit) => {
      ensureOpen()
      if (Number.isSafeInteger(limit) && limit > 0) return await listRuns(place, limit)
      throw new TerminalError({
        code: 'STATE_LIMIT_INVALID',
        fact: `${limit} is not a number of runs to list`,
        next: 'Give a whole number from 1',
      })
    },
    close: () => {
      if (isOpen && options.client === undefined) client.destroy()
      isOpen = false
    },
  }
  return {
    state,
    catalog: {
      load: async (table) => {
        ensureOpen()
        return await catalog.load(table)
      },
      list: async (namespace) => {
        ensureOpen()
        return await catalog.list(namespace)
      },
    },
  }
}

/**
 * A client for these stores, with region, credentials and endpoint from the environment (`AWS_REGION`,
 * `AWS_ENDPOINT_URL_DYNAMODB`, …): five tries, each with an end.
 */
export function newDynamoClient(): DynamoDBClient {
  return new DynamoDBClient({
    maxAttempts: 5,
    requestHandler: {
      connectionTimeout: 3_000,
      requestTimeout: 10_000,
      throwOnRequestTimeout: true,
      httpsAgent: { maxSockets: 64 },
    },
  })
}

async function getItem(place: DynamoPlace, pk: string, sk: string): Promise<Item | undefined> {
  const { Item } = await reading(place.stateTable, 'dynamodb:GetItem', () =>
    place.client.send(
      new GetItemCommand({
        TableName: place.stateTable,
        Key: { pk: { S: pk }, sk: { S: sk } },
        ConsistentRead: true,
      }),
    ),
  )
  return Item && itemOf(Item)
}

/** A page is up to 1 MB. DynamoDB sorts by UTF-8 bytes, which is code-point order. */
async function* queryItems(place: DynamoPlace, pk: string, skPrefix: string): AsyncGenerator<Item> {
  validateStateKey(pk, 'pk')
  if (skPrefix !== '') validateStateKey(skPrefix, 'sk')
  const pages = paginateQuery(
    { client: place.client },
    {
      TableName: place.stateTable,
      ConsistentRead: true,
      KeyConditionExpression: skPrefix === '' ? 'pk = :pk' : 'pk = :pk AND begins_with(sk, :prefix)',
      ExpressionAttributeValues: { ':pk': { S: pk }, ...(skPrefix !== '' && { ':prefix': { S: skPrefix } }) },
    },
  )
  for (;;) {
    const page = await reading(place.stateTable, 'dynamodb:Query', () => pages.next())
    if (page.done) return
    for (const attributes of page.value.Items ?? []) yield itemOf(attributes)
  }
}

function closed(table: string): TerminalError {
  return new TerminalError({
    code: 'STATE_STORE_CLOSED',
    fact: `The state table ${table} was used after it was closed`,
    consequence: 'Nothing was read or written',
  })
}
