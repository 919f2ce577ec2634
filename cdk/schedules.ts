import { Duration, Stack, Validations } from 'aws-cdk-lib'
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import { ScheduleGroup } from 'aws-cdk-lib/aws-scheduler'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions'
import { Construct } from 'constructs'
import { keyActions } from './permissions.ts'
import type { SluiceStackProps } from './props.ts'

export interface SchedulesProps extends Pick<SluiceStackProps, 'encryptionKey'> {
  readonly stateMachine: IStateMachine
}

/** What the names of all rules begin with that deployments of projects make (remote/trigger-names.ts). */
const ruleNames = 'sluice-*'

/**
 * What schedules and the rules for arriving objects need before there is one: a group that holds the schedules, the
 * roles under which EventBridge Scheduler and EventBridge start runs, and the queue where a start goes that failed
 * for good.
 */
export class Schedules extends Construct {
  readonly group: ScheduleGroup
  readonly role: Role
  readonly eventRole: Role
  readonly deadLetters: Queue

  constructor(scope: Construct, id: string, props: SchedulesProps) {
    super(scope, id)
    const { encryptionKey, stateMachine } = props
    this.group = new ScheduleGroup(this, 'Group')
    this.deadLetters = new Queue(this, 'DeadLetters', {
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      ...(encryptionKey === undefined
        ? { encryption: QueueEncryption.SQS_MANAGED }
        : { encryption: QueueEncryption.KMS, encryptionMasterKey: encryptionKey }),
    })
    const start = allow(['states:StartExecution'], [stateMachine.stateMachineArn])
    const ofKey = encryptionKey === undefined ? [] : [allow([...keyActions], [encryptionKey.keyArn])]
    const { account } = Stack.of(this)
    this.role = new Role(this, 'Role', {
      description: 'Under which EventBridge Scheduler starts Sluice runs',
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        // Only for schedules of this group: the service acts for any account that names the role otherwise.
        conditions: {
          StringEquals: { 'aws:SourceAccount': account, 'aws:SourceArn': this.group.scheduleGroupArn },
        },
      }),
      inlinePolicies: {
        Start: new PolicyDocument({
          statements: [start, allow(['sqs:SendMessage'], [this.deadLetters.queueArn]), ...ofKey],
        }),
      },
    })
    const ofRules = {
      StringEquals: { 'aws:SourceAccount': account },
      ArnLike: {
        'aws:SourceArn': Stack.of(this).formatArn({
          service: 'events',
          resource: 'rule',
          resourceName: ruleNames,
        }),
      },
    }
    this.eventRole = new Role(this, 'EventRole', {
      description: 'Under which EventBridge starts Sluice runs when objects arrive',
      assumedBy: new ServicePrincipal('events.amazonaws.com', { conditions: ofRules }),
      inlinePolicies: { Start: new PolicyDocument({ statements: [start] }) },
    })
    this.letRulesLeaveWord(ofRules, encryptionKey)
    Validations.of(this.deadLetters).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is a dead letter queue: what arrives in it raises an alarm and is looked at by a person.',
    })
  }

  /**
   * A rule sends its dead letters as the service itself, not under the role of its target: the queue has to take
   * them, and a key of the customer's has to let the service use it (EventBridge User Guide, "Using dead-letter
   * queues to process undelivered events").
   */
  private letRulesLeaveWord(conditions: Record<string, Record<string, string>>, key: IKey | undefined): void {
    const principals = [new ServicePrincipal('events.amazonaws.com')]
    this.deadLetters.addToResourcePolicy(
      new PolicyStatement({
        principals,
        actions: ['sqs:SendMessage'],
        resources: [this.deadLetters.queueArn],
        conditions,
      }),
    )
    // A key's own policy means the key by `*`. One that was made elsewhere is left as it is.
    key?.addToResourcePolicy(
      new PolicyStatement({
        principals,
        actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
        resources: ['*'],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
      true,
    )
  }
}

function allow(actions: string[], resources: string[]): PolicyStatement {
  return new PolicyStatement({ actions, resources })
}
