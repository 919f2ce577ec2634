import { ArnFormat, Stack } from 'aws-cdk-lib'
import { Effect, ManagedPolicy, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import type { IBucket } from 'aws-cdk-lib/aws-s3'
import type { Construct } from 'constructs'
import { acknowledgeWildcards } from './acknowledge.ts'

export interface LakeReaderProps {
  readonly lake: IBucket
  readonly databasePrefix: string
  readonly encryptionKey?: IKey
}

/** What a query of Athena reads of the catalog. */
export const glueReads: readonly string[] = [
  'glue:BatchGetPartition',
  'glue:GetDatabase',
  'glue:GetDatabases',
  'glue:GetPartition',
  'glue:GetPartitions',
  'glue:GetTable',
  'glue:GetTableVersion',
  'glue:GetTableVersions',
  'glue:GetTables',
]

/** By which an entry could be made to show something that the table is not. */
export const glueWrites: readonly string[] = [
  'glue:BatchCreatePartition',
  'glue:BatchDeletePartition',
  'glue:BatchDeleteTable',
  'glue:BatchDeleteTableVersion',
  'glue:BatchUpdatePartition',
  'glue:CreatePartition',
  'glue:CreateTable',
  'glue:DeleteDatabase',
  'glue:DeletePartition',
  'glue:DeleteTable',
  'glue:DeleteTableVersion',
  'glue:UpdateDatabase',
  'glue:UpdatePartition',
  'glue:UpdateTable',
]

/**
 * For people and their tools: reads the lake through Athena, and refuses every change of it whatever else they
 * may do. Attached to nobody. A workgroup and a bucket for results are theirs to choose.
 */
export function lakeReader(scope: Construct, id: string, props: LakeReaderProps): ManagedPolicy {
  const { lake, databasePrefix, encryptionKey } = props
  const { catalog, databases, tables } = glueArns(scope, databasePrefix)
  const objects = lake.arnForObjects('*')
  const allow = (actions: readonly string[], resources: string[]) =>
    new PolicyStatement({ actions: [...actions], resources })
  const deny = (actions: readonly string[], resources: string[]) =>
    new PolicyStatement({ effect: Effect.DENY, actions: [...actions], resources })
  const reads = [
    allow(glueReads, [catalog, databases, tables]),
    allow(['s3:GetBucketLocation', 's3:ListBucket'], [lake.bucketArn]),
    allow(['s3:GetObject'], [objects]),
    ...(encryptionKey === undefined ? [] : [allow(['kms:Decrypt'], [encryptionKey.keyArn])]),
  ]
  const refusals = [
    deny(glueWrites, [databases, tables]),
    deny(['s3:DeleteObject', 's3:DeleteObjectVersion', 's3:PutObject'], [objects]),
  ]
  const policy = new ManagedPolicy(scope, id, {
    description: 'Reads the tables of a Sluice lake through Athena, and refuses to change them',
    statements: [...reads, ...refusals],
  })
  acknowledgeWildcards(policy, reads, 'Tables get their names in manifests, after the deployment.')
  return policy
}

/** The catalog, its databases with the prefix, and their tables. A request for a table needs all three. */
export function glueArns(scope: Construct, databasePrefix: string) {
  const arn = (resource: string, resourceName?: string) =>
    Stack.of(scope).formatArn({
      service: 'glue',
      resource,
      ...(resourceName === undefined
        ? { arnFormat: ArnFormat.NO_RESOURCE_NAME }
        : { arnFormat: ArnFormat.SLASH_RESOURCE_NAME, resourceName }),
    })
  return {
    catalog: arn('catalog'),
    databases: arn('database', `${databasePrefix}*`),
    tables: arn('table', `${databasePrefix}*/*`),
    everyDatabase: arn('database', '*'),
  }
}
