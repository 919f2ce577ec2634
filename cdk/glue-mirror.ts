import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib'
import { type Alarm, type IMetric, Stats } from 'aws-cdk-lib/aws-cloudwatch'
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb'
import { type ManagedPolicy, PolicyDocument, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import {
  Code,
  EventSourceMapping,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  StartingPosition,
  Tracing,
} from 'aws-cdk-lib/aws-lambda'
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations'
import { SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources'
import { FilterPattern, LogGroup, MetricFilter, RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { IBucket } from 'aws-cdk-lib/aws-s3'
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import { acknowledgeWildcards } from './acknowledge.ts'
import { raiseAlarm } from './alarm.ts'
import { bundleMirror } from './bundle.ts'
import { architectureOf } from './gate-functions.ts'
import { allow, functionRole } from './handler-role.ts'
import { glueArns, lakeReader } from './lake-reader.ts'
import { keyActions, type MirrorGrant, mirrorPermissions } from './permissions.ts'
import type { GlueMirrorOptions, SluiceProps } from './props.ts'

export interface GlueMirrorProps
  extends GlueMirrorOptions,
    Pick<
      SluiceProps,
      'alarmTopicArn' | 'architecture' | 'cacheDirectory' | 'encryptionKey' | 'logRetention'
    > {
  readonly lake: IBucket
  readonly catalog: ITableV2
  /** Of the metrics that filters make of the logs. */
  readonly namespace: string
}

const period = Duration.minutes(5)

/** Milliseconds. A commit is in Glue within seconds; at this age something keeps it from there. */
const lateAfter = 300_000

/**
 * Shows the lake's tables in AWS Glue, outside of the workflow: the catalog table's stream calls a function with
 * each commit, whoever made it, and a schedule has everything compared. What Glue does not take is tried again for
 * an hour, then left in a queue; the next commit or the next comparison makes good for it.
 */
export class GlueMirror extends Construct {
  readonly handler: LambdaFunction
  readonly deadLetters: Queue
  readonly reader: ManagedPolicy
  readonly alarms: readonly Alarm[]
  private readonly logGroup: LogGroup

  constructor(scope: Construct, id: string, props: GlueMirrorProps) {
    super(scope, id)
    const { encryptionKey, lake } = props
    const databasePrefix = prefixOf(props)
    this.deadLetters = this.queue(props)
    this.logGroup = new LogGroup(this, 'Log', {
      retention: props.logRetention ?? RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
      ...(encryptionKey === undefined ? {} : { encryptionKey }),
    })
    this.handler = this.function(props, databasePrefix)
    this.follow(props.catalog)
    this.compare(props)
    this.reader = lakeReader(this, 'LakeReader', {
      lake,
      databasePrefix,
      ...(encryptionKey === undefined ? {} : { encryptionKey }),
    })
    this.alarms = this.raiseAlarms(props)
  }

  private queue({ encryptionKey }: GlueMirrorProps): Queue {
    const queue = new Queue(this, 'DeadLetters', {
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      ...(encryptionKey === undefined
        ? { encryption: QueueEncryption.SQS_MANAGED }
        : { encryption: QueueEncryption.KMS, encryptionMasterKey: encryptionKey }),
    })
    const reason =
      'It is a dead letter queue: what arrives in it raises an alarm and is looked at by a person.'
    Validations.of(queue).acknowledge({ id: 'AwsSolutions-SQS3', reason })
    return queue
  }

  private function(props: GlueMirrorProps, databasePrefix: string): LambdaFunction {
    const { encryptionKey, lake, catalog } = props
    return new LambdaFunction(this, 'Mirror', {
      description: 'Sluice: mirror',
      runtime: Runtime.NODEJS_24_X,
      architecture: architectureOf(props.architecture ?? 'arm64'),
      code: Code.fromAsset(bundleMirror(props.cacheDirectory ?? '.cache/sluice').directory),
      handler: 'index.handler',
      memorySize: 512,
      timeout: Duration.minutes(10),
      tracing: Tracing.ACTIVE,
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
      role: this.role(props, databasePrefix).withoutPolicyUpdates(),
      environment: {
        SLUICE_LAKE: `s3://${lake.bucketName}`,
        SLUICE_CATALOG_TABLE: catalog.tableName,
        SLUICE_GLUE_PREFIX: databasePrefix,
      },
      ...(encryptionKey === undefined ? {} : { environmentEncryption: encryptionKey }),
      // Of a comparison, which nobody waits for.
      onFailure: new SqsDestination(this.deadLetters),
      retryAttempts: 1,
    })
  }

  /** Its lines of {@link mirrorPermissions}, and no others. */
  private role(props: GlueMirrorProps, databasePrefix: string): Role {
    const { lake, catalog, encryptionKey } = props
    const glue = glueArns(this, databasePrefix)
    const stream = catalog.tableStreamArn as string
    const resources = ({ on, keys }: MirrorGrant): string[] =>
      ({
        lake: keys === undefined ? [lake.bucketArn] : keys.map((key) => lake.arnForObjects(key)),
        catalog: [catalog.tableArn],
        stream: [stream],
        streams: [`${catalog.tableArn}/stream/*`],
        glue: [glue.catalog, glue.databases, glue.tables],
        glueNames: [glue.catalog, glue.everyDatabase],
        deadLetters: [this.deadLetters.queueArn],
      })[on]
    const work = mirrorPermissions.map((grant) => allow(grant.actions, resources(grant)))
    const ofKey = encryptionKey === undefined ? [] : [allow(keyActions, [encryptionKey.keyArn])]
    const role = functionRole(this, 'Mirror', [...work, ...ofKey], this.logGroup)
    acknowledgeWildcards(
      role,
      work,
      'Tables get their names in manifests, after the deployment; streams are listed by table, databases all at once.',
    )
    return role
  }

  /** Lambda reads on from the first record that failed, in ever smaller batches, until the record is too old. */
  private follow(catalog: ITableV2): void {
    new EventSourceMapping(this, 'Commits', {
      target: this.handler,
      eventSourceArn: catalog.tableStreamArn as string,
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 100,
      bisectBatchOnError: true,
      reportBatchItemFailures: true,
      retryAttempts: 100,
      maxRecordAge: Duration.hours(1),
      onFailure: new SqsDlq(this.deadLetters),
    })
  }

  /** Under a role of its own: a queue with a key of the customer's takes nothing from a service that has none. */
  private compare({ reconcileMinutes = 60, encryptionKey }: GlueMirrorProps): void {
    if (!Number.isInteger(reconcileMinutes) || reconcileMinutes < 5) {
      throw new Error(`glueMirror.reconcileMinutes is ${reconcileMinutes}; it is a whole number from 5.`)
    }
    const role = new Role(this, 'CompareRole', {
      description: 'Under which EventBridge Scheduler has Glue compared with the catalog',
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
      inlinePolicies: {
        Call: new PolicyDocument({
          statements: [
            allow(['lambda:InvokeFunction'], [this.handler.functionArn]),
            allow(['sqs:SendMessage'], [this.deadLetters.queueArn]),
            ...(encryptionKey === undefined ? [] : [allow(keyActions, [encryptionKey.keyArn])]),
          ],
        }),
      },
    })
    const isHours = reconcileMinutes % 60 === 0
    const every = isHours ? reconcileMinutes / 60 : reconcileMinutes
    const unit = `${isHours ? 'hour' : 'minute'}${every === 1 ? '' : 's'}`
    new CfnSchedule(this, 'Compare', {
      description: 'Compares all tables of the catalog with AWS Glue',
      scheduleExpression: `rate(${every} ${unit})`,
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: this.handler.functionArn,
        roleArn: role.roleArn,
        input: JSON.stringify({ mode: 'reconcile' }),
        deadLetterConfig: { arn: this.deadLetters.queueArn },
        retryPolicy: { maximumRetryAttempts: 3, maximumEventAgeInSeconds: 3600 },
      },
    })
  }

  /** Of the lines that the handler logs (lambdas/mirror.ts). */
  private count(metricName: string, namespace: string, event: string, metricValue: string): IMetric {
    const isEvent = FilterPattern.stringValue('$.message.event', '=', event)
    return new MetricFilter(this, metricName, {
      logGroup: this.logGroup,
      metricNamespace: namespace,
      metricName,
      filterPattern: metricValue.startsWith('$')
        ? FilterPattern.all(isEvent, FilterPattern.numberValue(metricValue, '>=', 0))
        : isEvent,
      metricValue,
    }).metric({ period, statistic: Stats.SUM })
  }

  private raiseAlarms({ namespace, alarmTopicArn: topicArn }: GlueMirrorProps): Alarm[] {
    const drift = this.count('MirrorDrift', namespace, 'mirror_reconciled', '$.message.drift')
    const failed = this.count('MirrorFailed', namespace, 'mirror_failed', '1')
    const { handler, deadLetters } = this
    const raise = (name: string, metric: IMetric, description: string, threshold = 1) =>
      raiseAlarm(this, name, { metric, description, threshold, topicArn })
    return [
      raise(
        'Drift',
        drift,
        'Glue showed tables otherwise than the catalog has them; they were put right. The mirror’s log says which (mirror_drift).',
      ),
      raise(
        'Refused',
        failed,
        'A table cannot be shown in Glue, so Athena does not see its newest version. The mirror’s log says why (mirror_failed).',
      ),
      raise(
        'Late',
        handler.metric('IteratorAge', { period, statistic: Stats.MAXIMUM }),
        'Commits have been waiting for Glue for five minutes. The mirror’s log says why (mirror_delayed); dataflows go on meanwhile.',
        lateAfter,
      ),
      raise(
        'Errors',
        handler.metricErrors({ period, statistic: Stats.SUM }),
        'The mirror’s function itself failed or ran out of time. It is called again; its log holds the error.',
      ),
      raise(
        'GivenUp',
        deadLetters.metricApproximateNumberOfMessagesVisible({ period, statistic: Stats.MAXIMUM }),
        'The mirror gave up on commits or on a comparison. The next comparison puts Glue right; then empty the queue.',
      ),
    ]
  }
}

function prefixOf({ databasePrefix = 'sluice_' }: GlueMirrorProps): string {
  if (/^[a-z0-9_]{0,64}$/.test(databasePrefix)) return databasePrefix
  throw new Error(
    `glueMirror.databasePrefix is ${JSON.stringify(databasePrefix)}; it has up to 64 small letters, digits and _.`,
  )
}
