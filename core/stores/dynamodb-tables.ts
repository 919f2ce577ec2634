/**
 * The tables of the state store and the catalog as plain data, in the words of DynamoDB's `CreateTable`: the CDK
 * app and the tests make them from here, so that they are the same. Both are billed by request; the state
 * table has no TTL attribute: an expired commit record would let a slow writer commit twice.
 */
export interface TableDefinition {
  readonly KeySchema: readonly KeyElement[]
  /** The key attributes of the table and of its indexes. */
  readonly AttributeDefinitions: readonly { readonly AttributeName: string; readonly AttributeType: 'S' }[]
  readonly GlobalSecondaryIndexes: readonly IndexDefinition[]
  readonly BillingMode: 'PAY_PER_REQUEST'
}

export interface IndexDefinition {
  readonly IndexName: string
  readonly KeySchema: readonly KeyElement[]
  readonly Projection: { readonly ProjectionType: 'KEYS_ONLY' }
}

interface KeyElement {
  readonly AttributeName: string
  readonly KeyType: 'HASH' | 'RANGE'
}

/** Runs by start time. Only the `META` items of runs carry its attributes, so only they are in it. */
export const runsIndex = {
  name: 'runs-by-start',
  partition: '#runs',
  /** The only value of `partition`. */
  partitionValue: 'RUNS',
  sort: '#runs_start',
} as const

/** Attributes of this adapter's own, which no item of a caller may have. */
export const reservedAttributes: readonly string[] = [runsIndex.partition, runsIndex.sort]

export const stateTableDefinition: TableDefinition = {
  KeySchema: keys('pk', 'sk'),
  AttributeDefinitions: strings('pk', 'sk', runsIndex.partition, runsIndex.sort),
  GlobalSecondaryIndexes: [
    {
      IndexName: runsIndex.name,
      KeySchema: keys(runsIndex.partition, runsIndex.sort),
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ],
  BillingMode: 'PAY_PER_REQUEST',
}

export const namespaceIndex = 'namespace-identifier'

/** As Iceberg's `DynamoDbCatalog` creates it, so that Java and PyIceberg find their table. */
export const catalogTableDefinition: TableDefinition = {
  KeySchema: keys('identifier', 'namespace'),
  AttributeDefinitions: strings('identifier', 'namespace'),
  GlobalSecondaryIndexes: [
    {
      IndexName: namespaceIndex,
      KeySchema: keys('namespace', 'identifier'),
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ],
  BillingMode: 'PAY_PER_REQUEST',
}

function keys(partition: string, sort: string): readonly KeyElement[] {
  return [
    { AttributeName: partition, KeyType: 'HASH' },
    { AttributeName: sort, KeyType: 'RANGE' },
  ]
}

function strings(...names: string[]): TableDefinition['AttributeDefinitions'] {
  return names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' }))
}
