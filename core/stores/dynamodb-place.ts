import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { readFault } from './dynamodb-faults.ts'

/** Where pointers are. */
export interface CatalogPlace {
  readonly client: DynamoDBClient
  readonly catalogTable: string
}

/** Where a store's items and pointers are, for the parts that it is made of. */
export interface DynamoPlace extends CatalogPlace {
  readonly stateTable: string
}

/** Runs a read of a table, with its errors in our words. */
export async function reading<T>(table: string, action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw readFault(error, table, action)
  }
}
