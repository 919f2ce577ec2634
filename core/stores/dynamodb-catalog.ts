import { randomUUID } from 'node:crypto'
import {
  type AttributeValue,
  GetItemCommand,
  paginateQuery,
  paginateScan,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb'
import { compareCodePoints } from './code-point-order.ts'
import { type CatalogPlace, reading } from './dynamodb-place.ts'
import { namespaceIndex } from './dynamodb-tables.ts'
import type { Catalog, TableIdentifier, Write } from './state-store.ts'
import { validateTable } from './state-writes.ts'

/** The partition of the items that name a namespace; all others name a table. */
const namespaceItem = 'NAMESPACE'

type PointerWrite = Extract<Write, { kind: 'pointer' }>

/** A table's entry as it is stored. */
export interface CatalogEntry {
  readonly location: string | undefined
  /** Changes with every write to the entry, by whichever engine. */
  readonly version: string | undefined
}

/**
 * Iceberg's `DynamoDbCatalog` (apache/iceberg, aws module): an item for each namespace and table, of attributes
 * of the types S and N only. Listing one namespace reads the index, which follows the table by a moment.
 */
export function openDynamoCatalog(place: CatalogPlace): Catalog {
  return {
    load: async (table) => {
      validateTable(table)
      return (await readEntry(place, table))?.location
    },
    list: async (namespace) => {
      const keys = namespace === undefined ? scanKeys(place) : namespaceKeys(place, namespace)
      const tables: TableIdentifier[] = []
      for await (const key of keys) {
        const table = tableOf(key)
        if (table !== undefined) tables.push(table)
      }
      return tables.sort(
        (a, b) => compareCodePoints(a.namespace, b.namespace) || compareCodePoints(a.name, b.name),
      )
    },
  }
}

/** Consistent. `undefined` where the table has no entry. */
export async function readEntry(
  place: CatalogPlace,
  table: TableIdentifier,
): Promise<CatalogEntry | undefined> {
  const { Item } = await reading(place.catalogTable, 'dynamodb:GetItem', () =>
    place.client.send(
      new GetItemCommand({ TableName: place.catalogTable, Key: keyOf(table), ConsistentRead: true }),
    ),
  )
  return Item && { location: Item['p.metadata_location']?.S, version: Item.v?.S }
}

/** Whether the namespace has its item. Consistent. */
export async function hasNamespace(place: CatalogPlace, namespace: string): Promise<boolean> {
  const Key = { identifier: { S: namespaceItem }, namespace: { S: namespace } }
  const { Item } = await reading(place.catalogTable, 'dynamodb:GetItem', () =>
    place.client.send(new GetItemCommand({ TableName: place.catalogTable, Key, ConsistentRead: true })),
  )
  return Item?.v !== undefined
}

/**
 * A pointer's compare-and-set. As in Java, `v` is what other engines compare, and what we therefore change; we
 * compare the location too, since it is what our caller knows.
 */
export function pointerAction(
  place: CatalogPlace,
  write: PointerWrite,
  entry: CatalogEntry | undefined,
): TransactWriteItem {
  const { table, base, next } = write
  const now = { N: String(Date.now()) }
  const v = { S: randomUUID() }
  if (base === undefined) {
    const Item: Record<string, AttributeValue> = {
      ...keyOf(table),
      v,
      created_at: now,
      updated_at: now,
      'p.table_type': { S: 'ICEBERG' },
      'p.metadata_location': { S: next },
    }
    const absent = { ConditionExpression: 'attribute_not_exists(v)' }
    return { Put: { TableName: place.catalogTable, Item, ...absent } }
  }
  const isThere = entry?.version !== undefined
  return {
    Update: {
      TableName: place.catalogTable,
      Key: keyOf(table),
      ConditionExpression: isThere ? 'v = :v AND #location = :base' : '#location = :base',
      UpdateExpression:
        'SET #location = :next, #previous = :base, #type = :iceberg, updated_at = :now, v = :new',
      ExpressionAttributeNames: {
        '#location': 'p.metadata_location',
        '#previous': 'p.previous_metadata_location',
        '#type': 'p.table_type',
      },
      ExpressionAttributeValues: {
        ...(isThere && { ':v': { S: entry.version as string } }),
        ':base': { S: base },
        ':next': { S: next },
        ':iceberg': { S: 'ICEBERG' },
        ':now': now,
        ':new': v,
      },
    },
  }
}

/** Creates the namespace's item, or leaves the one that another transaction has just made. */
export function namespaceAction(place: CatalogPlace, namespace: string): TransactWriteItem {
  return {
    Update: {
      TableName: place.catalogTable,
      Key: { identifier: { S: namespaceItem }, namespace: { S: namespace } },
      UpdateExpression:
        'SET v = if_not_exists(v, :v), created_at = if_not_exists(created_at, :now), updated_at = if_not_exists(updated_at, :now)',
      ExpressionAttributeValues: { ':v': { S: randomUUID() }, ':now': { N: String(Date.now()) } },
    },
  }
}

function keyOf({ namespace, name }: TableIdentifier): Record<string, AttributeValue> {
  return { identifier: { S: `${namespace}.${name}` }, namespace: { S: namespace } }
}

/** The table that an item's key names. Other engines' tables in nested namespaces have no name here; they are left to them. */
export function tableOf(
  key: Readonly<Record<string, Pick<AttributeValue, 'S'>>>,
): TableIdentifier | undefined {
  const namespace = key.namespace?.S ?? ''
  const identifier = key.identifier?.S ?? ''
  const name = identifier.slice(namespace.length + 1)
  const isOurs = identifier === `${namespace}.${name}` && !`${namespace}${name}`.includes('.')
  return isOurs && namespace !== '' && name !== '' ? { namespace, name } : undefined
}

/** A consistent scan: also tables whose namespace has no item, as PyIceberg may leave them. */
async function* scanKeys(place: CatalogPlace): AsyncGenerator<Record<string, AttributeValue>> {
  const pages = paginateScan(
    { client: place.client },
    {
      TableName: place.catalogTable,
      ConsistentRead: true,
      ProjectionExpression: '#identifier, #namespace',
      ExpressionAttributeNames: { '#identifier': 'identifier', '#namespace': 'namespace' },
    },
  )
  yield* itemsOf(pages, place.catalogTable, 'dynamodb:Scan')
}

async function* namespaceKeys(
  place: CatalogPlace,
  namespace: string,
): AsyncGenerator<Record<string, AttributeValue>> {
  if (namespace === '') return
  const pages = paginateQuery(
    { client: place.client },
    {
      TableName: place.catalogTable,
      IndexName: namespaceIndex,
      KeyConditionExpression: '#namespace = :namespace',
      ExpressionAttributeNames: { '#namespace': 'namespace' },
      ExpressionAttributeValues: { ':namespace': { S: namespace } },
    },
  )
  yield* itemsOf(pages, place.catalogTable, 'dynamodb:Query')
}

async function* itemsOf(
  pages: AsyncGenerator<{ Items?: Record<string, AttributeValue>[] | undefined }>,
  table: string,
  action: string,
): AsyncGenerator<Record<string, AttributeValue>> {
  for (;;) {
    const page = await reading(table, action, () => pages.next())
    if (page.done) return
    yield* page.value.Items ?? []
  }
}
