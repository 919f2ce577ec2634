import { BatchGetItemCommand, paginateQuery } from '@aws-sdk/client-dynamodb'
import { pauseBefore } from './aws-pause.ts'
import { type DynamoPlace, reading } from './dynamodb-place.ts'
import { runsIndex } from './dynamodb-tables.ts'
import { type Attributes, isStartedRun, itemOf } from './dynamodb-values.ts'
import type { Item } from './state-store.ts'

/** DynamoDB's limit for one batch of reads. */
const batchSize = 100

/**
 * The newest runs. Which runs there are and their order come from the index, which follows the table by less
 * than a second as a rule; the items themselves are read consistently.
 */
export async function listRuns(place: DynamoPlace, limit: number): Promise<readonly Item[]> {
  const { client, stateTable } = place
  const pages = paginateQuery(
    { client, pageSize: Math.min(limit, batchSize) },
    {
      TableName: stateTable,
      IndexName: runsIndex.name,
      KeyConditionExpression: '#runs = :runs',
      ExpressionAttributeNames: { '#runs': runsIndex.partition },
      ExpressionAttributeValues: { ':runs': { S: runsIndex.partitionValue } },
      ScanIndexForward: false,
    },
  )
  const runs: Item[] = []
  while (runs.length < limit) {
    const page = await reading(stateTable, 'dynamodb:Query', () => pages.next())
    if (page.done) break
    const pks = (page.value.Items ?? []).map((key) => key.pk?.S ?? '')
    runs.push(...(await readRuns(place, pks)))
  }
  return runs.slice(0, limit)
}

/** In the order of their keys, without those that are gone. */
async function readRuns(place: DynamoPlace, pks: readonly string[]): Promise<readonly Item[]> {
  const found = new Map<string, Item>()
  let keys: Attributes[] = pks.map((pk) => ({ pk: { S: pk }, sk: { S: 'META' } }))
  for (let tries = 1; keys.length > 0; tries++) {
    const RequestItems = { [place.stateTable]: { Keys: keys.slice(0, batchSize), ConsistentRead: true } }
    const { Responses, UnprocessedKeys } = await reading(place.stateTable, 'dynamodb:BatchGetItem', () =>
      place.client.send(new BatchGetItemCommand({ RequestItems })),
    )
    for (const attributes of Responses?.[place.stateTable] ?? []) {
      const item = itemOf(attributes)
      if (isStartedRun(item)) found.set(item.pk, item)
    }
    const left = UnprocessedKeys?.[place.stateTable]?.Keys ?? []
    keys = [...left, ...keys.slice(batchSize)]
    if (left.length > 0) await pauseBefore(tries)
  }
  return pks.flatMap((pk) => found.get(pk) ?? [])
}
