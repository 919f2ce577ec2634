import { RemovalPolicy } from 'aws-cdk-lib'
import {
  type Attribute,
  AttributeType,
  Billing,
  ProjectionType,
  StreamViewType,
  TableEncryptionV2,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb'
import { Construct } from 'constructs'
import {
  catalogTableDefinition,
  stateTableDefinition,
  type TableDefinition,
} from '../core/stores/dynamodb-tables.ts'
import type { SluiceStackProps } from './props.ts'

export type StateTablesProps = Pick<SluiceStackProps, 'encryptionKey' | 'glueMirror' | 'removalPolicy'>

/**
 * The state of runs and dataflows, and Iceberg's catalog. On demand, so that rest costs nothing; restorable to
 * any second of the last 35 days; protected from deletion. Time to live is off for good: a table format lost
 * data by letting the rows of its commits expire (delta-io/delta#1410).
 */
export class StateTables extends Construct {
  readonly state: TableV2
  readonly catalog: TableV2

  constructor(scope: Construct, id: string, props: StateTablesProps) {
    super(scope, id)
    this.state = this.table('State', stateTableDefinition, props)
    // What the mirror needs to know of a change is whose it is; what it is now, the mirror reads itself.
    const stream = props.glueMirror === undefined ? undefined : StreamViewType.KEYS_ONLY
    this.catalog = this.table('Catalog', catalogTableDefinition, props, stream)
  }

  private table(
    id: string,
    definition: TableDefinition,
    props: StateTablesProps,
    stream?: StreamViewType,
  ): TableV2 {
    const { encryptionKey, removalPolicy = RemovalPolicy.RETAIN } = props
    return new TableV2(this, id, {
      ...keysOf(definition.KeySchema),
      globalSecondaryIndexes: definition.GlobalSecondaryIndexes.map((index) => ({
        indexName: index.IndexName,
        ...keysOf(index.KeySchema),
        projectionType: ProjectionType[index.Projection.ProjectionType],
      })),
      billing: Billing.onDemand(),
      ...(stream === undefined ? {} : { dynamoStream: stream }),
      encryption:
        encryptionKey === undefined
          ? TableEncryptionV2.dynamoOwnedKey()
          : TableEncryptionV2.customerManagedKey(encryptionKey),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: removalPolicy !== RemovalPolicy.DESTROY,
      removalPolicy,
    })
  }
}

/** All keys are strings. */
function keysOf(schema: TableDefinition['KeySchema']): { partitionKey: Attribute; sortKey: Attribute } {
  const key = (type: 'HASH' | 'RANGE'): Attribute => {
    const element = schema.find(({ KeyType }) => KeyType === type)
    if (element === undefined) throw new Error(`A table or index is defined without a ${type} key.`)
    return { name: element.AttributeName, type: AttributeType.STRING }
  }
  return { partitionKey: key('HASH'), sortKey: key('RANGE') }
}
