import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DynamoDBClient, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { DeleteTableCommand, GetTableCommand, GlueClient, UpdateTableCommand } from '@aws-sdk/client-glue'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { below, flights, memoryLake, now } from '../../core/mirror/mirror.suite.ts'
import { type MirrorPorts, mirrorTable } from '../../core/mirror/mirror-table.ts'
import { reconcile } from '../../core/mirror/reconcile.ts'
import { openDirectoryStore } from '../../core/stores/directory-object-store.ts'
import { openDynamoStore } from '../../core/stores/dynamodb-state-store.ts'
import { openGlueMirror } from '../../core/stores/glue-mirror-catalog.ts'
import type { TableIdentifier } from '../../core/stores/state-store.ts'
import { mirror } from '../../lambdas/mirror.ts'
import { localDynamo, makeTables, maxAttempts } from './clients.ts'

const endpoint = inject('ministack')
if (endpoint === undefined || 'skipped' in endpoint) {
  const why = endpoint?.skipped ?? 'runs under npm run test:aws only'
  it.skip(`Glue on MiniStack: ${why}`, () => undefined)
} else {
  glueSuite(endpoint.url)
}

/** The mirror between a catalog in DynamoDB, as Iceberg's own engines write it too, and Glue's API. */
function glueSuite(url: string): void {
  describe('the mirror on MiniStack', () => {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
    const glue = new GlueClient({ region: 'us-east-1', endpoint: url, credentials, maxAttempts })
    const dynamo = localDynamo(url)
    const directory = mkdtempSync(join(tmpdir(), 'sluice-glue-'))
    const files = memoryLake(below(openDirectoryStore(directory), 'lake'))
    const carriers: TableIdentifier = { namespace: 'bronze', name: 'carriers' }
    let catalogTable = ''
    let ports: MirrorPorts

    beforeAll(async () => {
      const tables = await makeTables(dynamo, 'glue-mirror')
      catalogTable = tables.catalogTable
      const options = { databasePrefix: 'mirror_', owner: catalogTable, client: glue }
      ports = {
        ...files.ports,
        catalog: openDynamoStore({ ...tables, client: dynamo }).catalog,
        mirror: openGlueMirror(options),
        owner: catalogTable,
      }
    })
    afterAll(() => {
      rmSync(directory, { recursive: true, force: true })
      dynamo.destroy()
      glue.destroy()
    })

    /** Moves the pointer as Iceberg's Java catalog does, without our adapter. */
    const commit = async (table: TableIdentifier): Promise<string> => {
      const location = await files.commit(table)
      await setPointer(dynamo, catalogTable, table, location)
      return location
    }
    const tableOf = async ({ name }: TableIdentifier) =>
      (await glue.send(new GetTableCommand({ DatabaseName: 'mirror_bronze', Name: name }))).Table
    const record = ({ namespace, name }: TableIdentifier) => ({
      dynamodb: {
        SequenceNumber: '1',
        Keys: { identifier: { S: `${namespace}.${name}` }, namespace: { S: namespace } },
      },
    })

    it('shows each commit, also those of other engines', async () => {
      const first = await commit(flights)
      expect(await mirror({ Records: [record(flights)] }, ports)).toEqual({ batchItemFailures: [] })
      expect(await tableOf(flights)).toMatchObject({
        TableType: 'EXTERNAL_TABLE',
        Parameters: { table_type: 'ICEBERG', metadata_location: first, 'sluice.mirror': catalogTable },
        StorageDescriptor: { Columns: [{ Name: 'id', Type: 'bigint' }] },
      })
      const second = await commit(flights)
      await mirror({ Records: [record(flights), record(flights)] }, ports)
      expect((await tableOf(flights))?.Parameters).toMatchObject({
        metadata_location: second,
        previous_metadata_location: first,
      })
    })

    it('settles to the newest pointer when many commits are mirrored at once', async () => {
      const calls: Promise<unknown>[] = []
      for (let n = 0; n < 12; n++) {
        await commit(carriers)
        calls.push(mirrorTable(ports, carriers))
      }
      const settled = await Promise.allSettled(calls)
      // Whoever gives up says so, and its record comes again.
      for (const each of settled)
        if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'MIRROR_CONTENDED' })
      await mirrorTable(ports, carriers)
      expect((await tableOf(carriers))?.Parameters?.metadata_location).toBe(files.pointer(carriers))
    })

    it('finds what somebody has altered or deleted in Glue, and repairs it', async () => {
      const table = await tableOf(flights)
      await glue.send(
        new UpdateTableCommand({
          DatabaseName: 'mirror_bronze',
          TableInput: {
            Name: 'flights',
            Parameters: { ...table?.Parameters, metadata_location: 's3://elsewhere/m.json' },
          },
        }),
      )
      await glue.send(new DeleteTableCommand({ DatabaseName: 'mirror_bronze', Name: 'carriers' }))
      expect(await reconcile(ports)).toEqual({
        tables: 2,
        drift: [
          { table: 'bronze.carriers', kind: 'missing' },
          { table: 'bronze.flights', kind: 'altered', pointer: 's3://elsewhere/m.json' },
        ],
        on_the_way: 0,
        failed: [],
      })
      for (const each of [flights, carriers])
        expect((await tableOf(each))?.Parameters?.metadata_location).toBe(files.pointer(each))
      expect(await reconcile(ports)).toMatchObject({ tables: 2, drift: [] })
    })
  })
}

async function setPointer(
  client: DynamoDBClient,
  TableName: string,
  { namespace, name }: TableIdentifier,
  location: string,
): Promise<void> {
  const space = { identifier: { S: 'NAMESPACE' }, namespace: { S: namespace }, v: { S: 'x' } }
  await client.send(new PutItemCommand({ TableName, Item: space }))
  await client.send(
    new UpdateItemCommand({
      TableName,
      Key: { identifier: { S: `${namespace}.${name}` }, namespace: { S: namespace } },
      UpdateExpression: 'SET #location = :location, v = :v',
      ExpressionAttributeNames: { '#location': 'p.metadata_location' },
      ExpressionAttributeValues: { ':location': { S: location }, ':v': { S: `${now}-${location}` } },
    }),
  )
}
