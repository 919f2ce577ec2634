import { Duration, Stack, Validations } from 'aws-cdk-lib'
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { ScheduleGroup } from 'aws-cdk-lib/aws-scheduler'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions'
import { Construct } from 'constructs'
import { keyActions } from './permissions.ts'
import type { SluiceStackProps } from './props.ts'

export interface SchedulesProps extends Pick<SluiceStackProps, 'encryptionKey'> {
  readonly stateMachine: IStateMachine
}

/**
 * What schedules need before there is one: a group that holds them, the role under which EventBridge Scheduler
 * starts runs, and the queue where a start goes that failed for good.
 */
export class Schedules extends Construct {
  readonly group: ScheduleGroup
  readonly role: Role
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
    const allow = (actions: string[], resources: string[]) => new PolicyStatement({ actions, resources })
    const ofKey = encryptionKey === undefined ? [] : [allow([...keyActions], [encryptionKey.keyArn])]
    this.role = new Role(this, 'Role', {
      description: 'Under which EventBridge Scheduler starts Sluice runs',
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        // Only for schedules of this group: the service acts for any account that names the role otherwise.
        conditions: {
          StringEquals: {
            'aws:SourceAccount': Stack.of(this).account,
            'aws:SourceArn': this.group.scheduleGroupArn,
          },
        },
      }),
      inlinePolicies: {
        Start: new PolicyDocument({
          statements: [
            allow(['states:StartExecution'], [stateMachine.stateMachineArn]),
            allow(['sqs:SendMessage'], [this.deadLetters.queueArn]),
            ...ofKey,
          ],
        }),
      },
    })
    Validations.of(this.deadLetters).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is a dead letter queue: what arrives in it raises an alarm and is looked at by a person.',
    })
  }
}
