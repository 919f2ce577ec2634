import { CreateTableCommand, type CreateTableCommandInput, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { S3Client } from '@aws-sdk/client-s3'
import {
  catalogTableDefinition,
  stateTableDefinition,
  type TableDefinition,
} from '../../core/stores/dynamodb-tables.ts'

/** How often each client sends a request that gets no answer. */
export const maxAttempts = 3

const local = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }

export function localS3(endpoint: string): S3Client {
  return new S3Client({ ...local, endpoint, forcePathStyle: true, maxAttempts })
}

export function localDynamo(endpoint: string): DynamoDBClient {
  return new DynamoDBClient({ ...local, endpoint, maxAttempts })
}

/** Makes both tables, as the CDK app does, under names of their own. */
export async function makeTables(client: DynamoDBClient, name: string) {
  const tables = { stateTable: `state-${name}`, catalogTable: `iceberg-${name}` }
  await create(client, tables.stateTable, stateTableDefinition)
  await create(client, tables.catalogTable, catalogTableDefinition)
  return tables
}

async function create(client: DynamoDBClient, TableName: string, definition: TableDefinition) {
  const input = structuredClone(definition) as unknown as CreateTableCommandInput
  await client.send(new CreateTableCommand({ ...input, TableName }))
}

/** What a network does to one kind of command. */
export interface Weather {
  /** How many answers, good or bad, are lost from now on after the service gave them. */
  lostAnswers: number
  /** How many requests were sent. */
  sent: number
}

/**
 * Loses answers below the client's retries: the service has done the work, and the client sees a connection
 * that was reset.
 */
export function underWeather(client: S3Client | DynamoDBClient, command: string): Weather {
  const weather: Weather = { lostAnswers: 0, sent: 0 }
  // The two clients' stacks differ in types that this middleware does not look at.
  const stack = client.middlewareStack as DynamoDBClient['middlewareStack']
  stack.add(
    (next, context) => async (args) => {
      if (context.commandName !== command) return await next(args)
      weather.sent += 1
      const answer = await Promise.allSettled([next(args)])
      if (weather.lostAnswers > 0) {
        weather.lostAnswers -= 1
        throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
      }
      if (answer[0].status === 'rejected') throw answer[0].reason
      return answer[0].value
    },
    { name: `weather${command}`, step: 'deserialize', priority: 'high' },
  )
  return weather
}
