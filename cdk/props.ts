import type { RemovalPolicy, StackProps } from 'aws-cdk-lib'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Environment } from '../core/runs/environments.ts'
import type { HandlerName } from './handlers.ts'

/** Of the stack: what a stack has, and what {@link SluiceProps} says. */
export interface SluiceStackProps extends StackProps, SluiceProps {}

/** All optional: `new Sluice(stack, 'Sluice')` is complete. */
export interface SluiceProps {
  /**
   * Of the execution that one dataflow gets. EXPRESS costs a small part of STANDARD and starts ten times as many
   * a second, but ends after five minutes, the wait for a held lease included, and leaves no history besides its
   * log. Default: STANDARD.
   */
  readonly childType?: 'STANDARD' | 'EXPRESS'
  /** Of all functions, and so of DuckDB's native binding. Default: arm64. */
  readonly architecture?: 'arm64' | 'x64'
  /** MiB by handler; what is not named keeps its default (`defaultMemory` in core/cost). */
  readonly memory?: Partial<Readonly<Record<HandlerName, number>>>
  /** Seconds that a gate may take. Default: 900 (Lambda's most), under EXPRESS 240. */
  readonly gateTimeoutSeconds?: number
  /** Buckets that dataflows read files from, besides the lake. Without one no function can read any source. */
  readonly sources?: readonly SourceLocation[]
  /**
   * Encrypts the buckets, tables and their streams, logs, queues, functions' environments, and what executions
   * carry. The bucket of access logs stays under S3's own key, the only one that S3 delivers them under. Default:
   * the services' own keys. When the key is imported, its policy has to let CloudWatch Logs and EventBridge use it.
   */
  readonly encryptionKey?: IKey
  /** Default retention of every object of the evidence bucket (S3 Object Lock). It cannot be taken back. Default: none. */
  readonly evidenceObjectLock?: { readonly mode: 'GOVERNANCE' | 'COMPLIANCE'; readonly days: number }
  /** What the stack is for. In production no quarantine keeps raw rows (`pii_policy: preserve`). Default: production. */
  readonly environment?: Environment
  /** Days after which rejected rows are deleted. Default: never. */
  readonly quarantineRetentionDays?: number
  /**
   * Who else writes to the lake's tables, such as Spark: ARNs of roles or users, in which `*` may stand. They put
   * metadata files without a condition, so the bucket does not demand one of them. `true` admits everybody whom
   * IAM admits. Default: nobody; the bucket refuses every write and deletion that is not the stack's own.
   */
  readonly otherLakeWriters?: boolean | readonly string[]
  /** Shows the lake's tables in AWS Glue, where Athena reads each commit. Default: no mirror. */
  readonly glueMirror?: GlueMirrorOptions
  /** Percent of an hour's judged rows from which on quarantined ones raise an alarm, above 0 and up to 100. Default: 10. */
  readonly quarantineAlarmPercent?: number
  /** Default: one month. */
  readonly logRetention?: RetentionDays
  /**
   * Of buckets and tables. DESTROY also empties the buckets (all but an evidence bucket under Object Lock) and takes
   * the tables' deletion protection away. Default: RETAIN.
   */
  readonly removalPolicy?: RemovalPolicy
  /** The SNS topic that is told of every alarm. Default: alarms change their state and tell nobody. */
  readonly alarmTopicArn?: string
  /** A layer that {@link duckdbLayer} built before, for the same architecture. Default: it is built, or taken from the cache. */
  readonly layerDirectory?: string
  /** Where bundles and the DuckDB layer are built. Default: `.cache/sluice` in the working directory. */
  readonly cacheDirectory?: string
}

export interface GlueMirrorOptions {
  /**
   * What the names of Glue's databases begin with: namespace `bronze` becomes `<prefix>bronze`. The mirror's role
   * and the readers' policy are about such databases only, so an empty prefix makes them about every database of
   * the account. Small letters, digits and `_`. Default: `sluice_`.
   */
  readonly databasePrefix?: string
  /** How often all tables are compared with Glue, in minutes from 5. Default: 60. */
  readonly reconcileMinutes?: number
}

export interface SourceLocation {
  readonly bucketName: string
  /** Only keys that begin with it. Default: the whole bucket. */
  readonly prefix?: string
  /** The key that its objects are encrypted with, if it is a key of KMS. */
  readonly encryptionKeyArn?: string
}
