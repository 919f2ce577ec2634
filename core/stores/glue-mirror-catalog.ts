import {
  CreateDatabaseCommand,
  CreateTableCommand,
  DeleteTableCommand,
  GetTableCommand,
  GlueClient,
  paginateGetDatabases,
  paginateGetTables,
  type Table,
  type TableInput,
  UpdateTableCommand,
} from '@aws-sdk/client-glue'
import { glueFault, isAlreadyThere, isMissing } from './glue-faults.ts'
import {
  type MirrorCatalog,
  type MirrorEntry,
  ownerParameter,
  type StoredMirrorEntry,
} from './mirror-catalog.ts'
import type { TableIdentifier } from './state-store.ts'

export interface GlueMirrorOptions {
  /** What the names of the databases begin with: namespace `bronze` is shown as `<prefix>bronze`. May be empty. */
  readonly databasePrefix: string
  /** Marks the databases that are created here, and tells them from those of others with the same prefix. */
  readonly owner: string
  /** Default: {@link newGlueClient}. */
  readonly client?: GlueClient
}

/**
 * The account's AWS Glue Data Catalog, a database for each namespace and an external table for each table.
 *
 * - **Compare-and-set** by `VersionId` (Glue API, `UpdateTable`), and by Glue's refusal to create what is there.
 * - **No archive** of old versions (`SkipArchive`): a table of many commits would reach Glue's limit of versions.
 * - A request that is repeated because its answer was lost may meet its own work; that looks like another writer,
 *   and the caller, reading again, finds the entry as it wants it.
 */
export function openGlueMirror(options: GlueMirrorOptions): MirrorCatalog {
  const { databasePrefix, owner, client = newGlueClient() } = options
  const databaseOf = (namespace: string) => databasePrefix + namespace
  const calling = async <T>(action: string, target: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw glueFault(error, action, target)
    }
  }
  const put = async (table: TableIdentifier, entry: MirrorEntry): Promise<void> => {
    const DatabaseName = databaseOf(table.namespace)
    await client.send(new CreateTableCommand({ DatabaseName, TableInput: inputOf(table, entry) }))
  }
  const createDatabase = async (namespace: string): Promise<void> => {
    const Name = databaseOf(namespace)
    const DatabaseInput = { Name, Parameters: { [ownerParameter]: owner } }
    try {
      await client.send(new CreateDatabaseCommand({ DatabaseInput }))
    } catch (error) {
      if (!isAlreadyThere(error)) throw glueFault(error, 'glue:CreateDatabase', Name)
    }
  }
  return {
    load: async (table) => {
      const DatabaseName = databaseOf(table.namespace)
      return await calling('glue:GetTable', textOf(table), async () => {
        try {
          const { Table } = await client.send(new GetTableCommand({ DatabaseName, Name: table.name }))
          return Table && entryOf(Table)
        } catch (error) {
          if (isMissing(error)) return undefined
          throw error
        }
      })
    },
    create: async (table, entry) => {
      try {
        await put(table, entry)
      } catch (error) {
        if (!isMissing(error)) throw glueFault(error, 'glue:CreateTable', textOf(table))
        await createDatabase(table.namespace)
        await calling('glue:CreateTable', textOf(table), () => put(table, entry))
      }
    },
    replace: async (table, version, entry) => {
      await calling('glue:UpdateTable', textOf(table), () =>
        client.send(
          new UpdateTableCommand({
            DatabaseName: databaseOf(table.namespace),
            TableInput: inputOf(table, entry),
            VersionId: version,
            SkipArchive: true,
          }),
        ),
      )
    },
    delete: async (table) => {
      const DatabaseName = databaseOf(table.namespace)
      await calling('glue:DeleteTable', textOf(table), async () => {
        try {
          await client.send(new DeleteTableCommand({ DatabaseName, Name: table.name }))
        } catch (error) {
          if (!isMissing(error)) throw error
        }
      })
    },
    namespaces: async () =>
      await calling('glue:GetDatabases', 'the catalog', async () => {
        const found: string[] = []
        for await (const { DatabaseList } of paginateGetDatabases({ client }, {})) {
          for (const { Name = '', Parameters } of DatabaseList ?? []) {
            const isOurs = Name.startsWith(databasePrefix) && Parameters?.[ownerParameter] === owner
            if (isOurs) found.push(Name.slice(databasePrefix.length))
          }
        }
        return found
      }),
    list: async (namespace) =>
      await calling('glue:GetTables', databaseOf(namespace), async () => {
        const found: (StoredMirrorEntry & { name: string })[] = []
        try {
          const request = { DatabaseName: databaseOf(namespace) }
          for await (const { TableList } of paginateGetTables({ client }, request)) {
            for (const table of TableList ?? []) found.push({ name: table.Name ?? '', ...entryOf(table) })
          }
        } catch (error) {
          if (!isMissing(error)) throw error
        }
        return found
      }),
  }
}

/** With region, credentials and endpoint from the environment (`AWS_REGION`, `AWS_ENDPOINT_URL_GLUE`, …). */
export function newGlueClient(): GlueClient {
  return new GlueClient({
    maxAttempts: 5,
    requestHandler: { connectionTimeout: 3_000, requestTimeout: 20_000, throwOnRequestTimeout: true },
  })
}

function entryOf({ VersionId, Parameters }: Table): StoredMirrorEntry {
  return { version: VersionId ?? '', parameters: Parameters ?? {} }
}

function inputOf({ name }: TableIdentifier, entry: MirrorEntry): TableInput {
  const { location, columns, description, parameters } = entry
  return {
    Name: name,
    TableType: 'EXTERNAL_TABLE',
    ...(description === undefined ? {} : { Description: description }),
    Parameters: { ...parameters },
    StorageDescriptor: {
      Location: location,
      Columns: columns.map((column) => ({
        Name: column.name,
        Type: column.type,
        ...(column.comment === undefined ? {} : { Comment: column.comment }),
        Parameters: { ...column.parameters },
      })),
    },
  }
}

function textOf({ namespace, name }: TableIdentifier): string {
  return `${namespace}.${name}`
}
