import type { HandlerName } from './handlers.ts'

/** What a statement is about. `source`: the buckets that the stack was told dataflows may read from. */
export type Target = 'lake' | 'evidence' | 'source' | 'state' | 'catalog'

export interface Grant {
  readonly on: Target
  readonly actions: readonly string[]
  /** Of objects: patterns of their keys. Without it the bucket itself, or the table, is meant. */
  readonly keys?: readonly string[]
}

/**
 * Without `s3:ListBucket` S3 answers 403 instead of 404 for a key that is not there, and "absent" could not be
 * told from "forbidden".
 */
const list = (on: Target): Grant => ({ on, actions: ['s3:ListBucket'] })
const read = (on: Target, ...keys: string[]): Grant => ({ on, actions: ['s3:GetObject'], keys })
/** Includes reading: a write whose answer was lost is looked for. */
const write = (on: Target, ...keys: string[]): Grant => ({
  on,
  actions: ['s3:GetObject', 's3:PutObject'],
  keys,
})
/** Large files go up in parts, and what a failed upload has left is thrown away at once. */
const upload = (on: Target, ...keys: string[]): Grant => ({
  on,
  actions: ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload'],
  keys,
})

const data = '*/data/*'
const metadata = '*/metadata/*'

/** Reads are strongly consistent; `transact` puts items and checks others. Nothing may delete an item. */
const state = (...actions: string[]): Grant => ({
  on: 'state',
  actions: actions.map((action) => `dynamodb:${action}`),
})
const pointer: Grant = { on: 'catalog', actions: ['dynamodb:GetItem'] }

/** What `gateHandler` does around every gate: the manifest, the head, the log of the attempt, the gate's record. */
const gate: readonly Grant[] = [
  list('evidence'),
  read('evidence', 'manifests/*'),
  write('evidence', 'plans/*'),
  state('GetItem', 'Query', 'PutItem', 'ConditionCheckItem'),
]

/**
 * What each function may do besides writing its own log and traces. `cdk/` makes the roles from this table
 * and from nothing else; a test compares the synthesized policies with it.
 *
 * Two lines of it are promises: only `Settle` deletes, and only in the lake; only `AuditCommit` writes to
 * the catalog.
 */
export const permissions: Readonly<Record<HandlerName, readonly Grant[]>> = {
  Plan: [
    list('evidence'),
    read('evidence', 'manifests/*'),
    write('evidence', 'plans/*'),
    state('GetItem', 'Query', 'PutItem', 'ConditionCheckItem'),
  ],
  Admit: [
    list('evidence'),
    read('evidence', 'manifests/*'),
    write('evidence', 'evidence/*'),
    state('GetItem', 'PutItem', 'ConditionCheckItem'),
  ],
  Extract: [
    ...gate,
    read('evidence', 'state/*', 'quarantine/*'),
    list('source'),
    // A path without a wildcard is pinned by HeadObject, which asks for the right to read.
    read('source', '*'),
    list('lake'),
    read('lake', metadata),
    pointer,
  ],
  Lineage: [
    ...gate,
    // Rows that are replayed lie there.
    read('evidence', 'quarantine/*'),
    list('source'),
    read('source', '*'),
    list('lake'),
    read('lake', metadata, data),
    pointer,
  ],
  ContractShard: [
    ...gate,
    upload('evidence', 'quarantine/*'),
    list('source'),
    read('source', '*'),
    upload('lake', data),
  ],
  Contract: [
    ...gate,
    upload('evidence', 'quarantine/*'),
    list('source'),
    read('source', '*'),
    list('lake'),
    read('lake', metadata),
    upload('lake', data),
  ],
  Evolution: gate,
  Compatibility: gate,
  PhysicalDdl: gate,
  Stage: [...gate, list('lake'), read('lake', metadata, data), pointer],
  Finalize: [...gate, list('lake'), write('lake', metadata)],
  Evidence: [...gate, write('evidence', 'evidence/*')],
  AuditCommit: [
    ...gate,
    write('evidence', 'state/*'),
    { on: 'catalog', actions: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'] },
  ],
  SourceState: gate,
  Settle: [
    list('evidence'),
    read('evidence', 'manifests/*', 'plans/*'),
    // Of shards that came to no verdict it writes the index.
    write('evidence', 'evidence/*', 'quarantine/*'),
    list('lake'),
    { on: 'lake', actions: ['s3:DeleteObject'], keys: [data, metadata] },
    state('GetItem', 'Query', 'PutItem', 'ConditionCheckItem'),
  ],
  Seal: [
    list('evidence'),
    read('evidence', 'plans/*'),
    write('evidence', 'evidence/*'),
    state('GetItem', 'Query', 'PutItem'),
  ],
}

export interface MirrorGrant extends Omit<Grant, 'on'> {
  /**
   * `stream`: of the catalog table. `glue`: the catalog, the databases with the mirror's prefix, and their tables.
   * `glueNames`: the catalog and every database.
   */
  readonly on: 'lake' | 'catalog' | 'stream' | 'streams' | 'glue' | 'glueNames' | 'deadLetters'
}

/**
 * What the mirror may do besides writing its own log and traces; it reads pointers and metadata, never data, and
 * writes to Glue only.
 */
export const mirrorPermissions: readonly MirrorGrant[] = [
  { on: 'lake', actions: ['s3:ListBucket'] },
  { on: 'lake', actions: ['s3:GetObject'], keys: [metadata] },
  { on: 'catalog', actions: ['dynamodb:GetItem', 'dynamodb:Scan'] },
  {
    on: 'stream',
    actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
  },
  { on: 'streams', actions: ['dynamodb:ListStreams'] },
  {
    on: 'glue',
    actions: [
      'glue:CreateDatabase',
      'glue:CreateTable',
      'glue:DeleteTable',
      'glue:GetTable',
      'glue:GetTables',
      'glue:UpdateTable',
    ],
  },
  // Finds the databases that the mirror has made; Glue lists all or none.
  { on: 'glueNames', actions: ['glue:GetDatabases'] },
  { on: 'deadLetters', actions: ['sqs:SendMessage'] },
]

/** Of a principal that reads and writes data under a key of the customer's: S3 and DynamoDB ask for these. */
export const keyActions: readonly string[] = [
  'kms:Decrypt',
  'kms:DescribeKey',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
]

/** Grants with the same target and keys become one statement. */
export function mergeGrants(grants: readonly Grant[]): Grant[] {
  const merged = new Map<string, Grant>()
  for (const grant of grants) {
    const id = `${grant.on} ${grant.actions.join()} ${grant.keys === undefined}`
    const known = merged.get(id)
    const keys = [...new Set([...(known?.keys ?? []), ...(grant.keys ?? [])])]
    merged.set(id, grant.keys === undefined ? grant : { ...grant, keys })
  }
  return [...merged.values()]
}
