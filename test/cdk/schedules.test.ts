import { App, Stack } from 'aws-cdk-lib'
import { Key } from 'aws-cdk-lib/aws-kms'
import { StateMachine } from 'aws-cdk-lib/aws-stepfunctions'
import { expect, it } from 'vitest'
import { featureFlags, Schedules } from '../../cdk/index.ts'

it('a key of the customer’s own lets EventBridge encrypt what it leaves in the queue', () => {
  const app = new App({ context: featureFlags })
  const stack = new Stack(app, 'Alone', { env: { account: '123456789012', region: 'eu-west-1' } })
  const arn = 'arn:aws:states:eu-west-1:123456789012:stateMachine:run'
  const stateMachine = StateMachine.fromStateMachineArn(stack, 'Run', arn)
  new Schedules(stack, 'Schedules', { stateMachine, encryptionKey: new Key(stack, 'Key') })
  const { Resources } = app.synth().getStackArtifact(stack.artifactId).template as {
    readonly Resources: Record<string, { Type: string; Properties: { KeyPolicy?: { Statement: unknown[] } } }>
  }
  const key = Object.values(Resources).find(({ Type }) => Type === 'AWS::KMS::Key')
  expect(key?.Properties.KeyPolicy?.Statement).toContainEqual({
    Effect: 'Allow',
    Principal: { Service: 'events.amazonaws.com' },
    Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
    Resource: '*',
    Condition: { StringEquals: { 'aws:SourceAccount': '123456789012' } },
  })
})
