import { CustomResourceProviderBase, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type BucketProps,
  ObjectLockRetention,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'
import type { SluiceStackProps } from './props.ts'

export type LakeBucketsProps = Pick<
  SluiceStackProps,
  'encryptionKey' | 'evidenceObjectLock' | 'otherLakeWriters' | 'quarantineRetentionDays' | 'removalPolicy'
>

/**
 * The lake (`<namespace>/<table>/data|metadata`) and the evidence (`evidence/`, `quarantine/`, `plans/`,
 * `manifests/`, `state/`), apart so that retention and Object Lock can differ, and a third bucket for the
 * record of who accessed them. All versioned, TLS only, without public access.
 */
export class LakeBuckets extends Construct {
  readonly lake: Bucket
  readonly evidence: Bucket
  readonly accessLogs: Bucket
  private readonly otherLakeWriters: boolean | readonly string[]

  constructor(scope: Construct, id: string, props: LakeBucketsProps) {
    super(scope, id)
    const { evidenceObjectLock, quarantineRetentionDays } = props
    checkRetention(props)
    this.accessLogs = new Bucket(this, 'AccessLogs', {
      ...closed(props.removalPolicy),
      encryption: BucketEncryption.S3_MANAGED,
      versioned: true,
      lifecycleRules: [
        unfinishedUploads,
        { id: 'expire', expiration: Duration.days(365), noncurrentVersionExpiration: Duration.days(30) },
      ],
    })
    const common = {
      ...closed(props.removalPolicy),
      ...encryption(props.encryptionKey),
      versioned: true,
      serverAccessLogsBucket: this.accessLogs,
    }
    this.lake = new Bucket(this, 'Lake', {
      ...common,
      serverAccessLogsPrefix: 'lake/',
      lifecycleRules: [
        unfinishedUploads,
        { id: 'forget-deleted-files', noncurrentVersionExpiration: Duration.days(30) },
      ],
    })
    const locked = evidenceObjectLock !== undefined
    this.evidence = new Bucket(this, 'EvidenceBucket', {
      ...common,
      ...(locked ? { autoDeleteObjects: false, removalPolicy: RemovalPolicy.RETAIN } : {}),
      ...(locked
        ? { objectLockEnabled: true, objectLockDefaultRetention: retention(evidenceObjectLock) }
        : {}),
      serverAccessLogsPrefix: 'evidence/',
      lifecycleRules: [
        unfinishedUploads,
        ...(quarantineRetentionDays === undefined ? [] : [expireQuarantine(quarantineRetentionDays)]),
      ],
    })
    demandNewKeys(this.evidence, 'evidence/*')
    this.otherLakeWriters = props.otherLakeWriters ?? false
    if (this.otherLakeWriters !== true) {
      demandNewKeys(this.lake, '*/metadata/*', this.otherLakeWriters || [])
    }
  }

  /**
   * Refuses every write to the lake, and every deletion, that is not one of these roles'. Athena and Spark write
   * under the permissions of whoever calls them, so nothing but the bucket itself can refuse them all. Anybody may
   * still be let in by the stack (`otherLakeWriters`); whoever may change the bucket's policy can change this too.
   */
  refuseOtherWriters(roleArns: readonly string[]): void {
    if (this.otherLakeWriters === true) return
    const admitted = [...roleArns, ...(this.otherLakeWriters || []), ...this.emptyingRole()]
    this.lake.addToResourcePolicy(
      new PolicyStatement({
        sid: 'RefuseOtherWriters',
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ['s3:PutObject', 's3:DeleteObject', 's3:DeleteObjectVersion'],
        resources: [this.lake.arnForObjects('*')],
        conditions: { ArnNotLike: { 'aws:PrincipalArn': admitted } },
      }),
    )
  }

  /** Under which CDK empties the buckets of a stack that is destroyed; there is none where they are kept. */
  private emptyingRole(): string[] {
    const id = 'Custom::S3AutoDeleteObjectsCustomResourceProvider'
    const provider = Stack.of(this).node.tryFindChild(id)
    return provider instanceof CustomResourceProviderBase ? [provider.roleArn] : []
  }
}

const unfinishedUploads = {
  id: 'abort-unfinished-uploads',
  abortIncompleteMultipartUploadAfter: Duration.days(2),
}

function expireQuarantine(days: number) {
  return {
    id: 'expire-quarantine',
    prefix: 'quarantine/',
    expiration: Duration.days(days),
    noncurrentVersionExpiration: Duration.days(1),
  }
}

function closed(removalPolicy: RemovalPolicy = RemovalPolicy.RETAIN): BucketProps {
  return {
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    removalPolicy,
    autoDeleteObjects: removalPolicy === RemovalPolicy.DESTROY,
  }
}

/** With a key of one's own, one data key per bucket and hour instead of one call to KMS per object. */
function encryption(key: IKey | undefined): BucketProps {
  if (key === undefined) return { encryption: BucketEncryption.S3_MANAGED }
  return { encryption: BucketEncryption.KMS, encryptionKey: key, bucketKeyEnabled: true }
}

function retention({ mode, days }: NonNullable<SluiceStackProps['evidenceObjectLock']>): ObjectLockRetention {
  const time = Duration.days(days)
  return mode === 'COMPLIANCE' ? ObjectLockRetention.compliance(time) : ObjectLockRetention.governance(time)
}

function checkRetention({ evidenceObjectLock: lock, quarantineRetentionDays: days }: LakeBucketsProps): void {
  if (lock === undefined || days === undefined || days >= lock.days) return
  throw new Error(
    `quarantineRetentionDays is ${days}, but evidenceObjectLock keeps every object of the same bucket for ${lock.days} days. Lower the lock or raise the retention.`,
  )
}

/**
 * Refuses every write that does not say `If-None-Match: *`, so that no object of the prefix is ever replaced,
 * by whomever. `s3:ObjectCreationOperation` lets the steps of a multipart upload through that cannot carry the
 * header; its completion has to (Amazon S3 User Guide, "Enforce conditional writes on Amazon S3 buckets").
 */
function demandNewKeys(bucket: Bucket, keys: string, exempt: readonly string[] = []): void {
  bucket.addToResourcePolicy(
    new PolicyStatement({
      sid: 'RefuseReplacingObjects',
      effect: Effect.DENY,
      principals: [new AnyPrincipal()],
      actions: ['s3:PutObject'],
      resources: [bucket.arnForObjects(keys)],
      conditions: {
        Null: { 's3:if-none-match': 'true' },
        Bool: { 's3:ObjectCreationOperation': 'true' },
        ...(exempt.length === 0 ? {} : { ArnNotLike: { 'aws:PrincipalArn': exempt } }),
      },
    }),
  )
}
