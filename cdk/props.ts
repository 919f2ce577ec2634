import type { RemovalPolicy, StackProps } from 'aws-cdk-lib'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { HandlerName } from './handlers.ts'

/** All optional: `new SluiceStack(app, 'Sluice')` is a complete stack. */
export interface SluiceStackProps extends StackProps {
  /**
   * Of the execution that one dataflow gets. EXPRESS costs a small part of STANDARD and starts ten times as many
   * a second, but ends after five minutes, the wait for a held lease included, and leaves no history besides its
   * log. Default: STANDARD.
   */
  readonly childType?: 'STANDARD' | 'EXPRESS'
  /** Of all functions, and so of DuckDB's native binding. Default: arm64. */
  readonly architecture?: 'arm64' | 'x64'
  /** MiB by handler; what is not named keeps its default ({@link defaultMemory}). */
  readonly memory?: Partial<Readonly<Record<HandlerName, number>>>
  /** Seconds that a gate may take. Default: 900 (Lambda's most), under EXPRESS 240. */
  readonly gateTimeoutSeconds?: number
  /** Buckets that dataflows read files from, besides the lake. Without one no function can read any source. */
  readonly sources?: readonly SourceLocation[]
  /**
   * Encrypts the buckets, tables, logs and the dead letter queue. Default: S3's and DynamoDB's own keys. The key's
   * policy has to let CloudWatch Logs and EventBridge use it when the key is imported.
   */
  readonly encryptionKey?: IKey
  /** Default retention of every object of the evidence bucket (S3 Object Lock). It cannot be taken back. Default: none. */
  readonly evidenceObjectLock?: { readonly mode: 'GOVERNANCE' | 'COMPLIANCE'; readonly days: number }
  /** Days after which rejected rows are deleted. Default: never. */
  readonly quarantineRetentionDays?: number
  /**
   * Whether something other than Sluice commits to the lake's tables, such as Spark. Such writers put metadata files
   * without a condition, so the bucket cannot demand one for them. Default: false.
   */
  readonly otherLakeWriters?: boolean
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

export interface SourceLocation {
  readonly bucketName: string
  /** Only keys that begin with it. Default: the whole bucket. */
  readonly prefix?: string
  /** The key that its objects are encrypted with, if it is a key of KMS. */
  readonly encryptionKeyArn?: string
}

/**
 * MiB. A function has one processor per 1,769 MiB, and below that the network shrinks too. Contract scans whole
 * files (3,008 is the most that a new account gets); lineage and stage read parts of them.
 */
export const defaultMemory: Readonly<Partial<Record<HandlerName, number>>> = {
  Lineage: 1769,
  Contract: 3008,
  Stage: 1769,
  Plan: 1024,
  Finalize: 1024,
}

/** MiB of a handler that {@link defaultMemory} does not name. */
export const smallMemory = 512
