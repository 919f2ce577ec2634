import { RemovalPolicy, Stack, Validations } from 'aws-cdk-lib'
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Key } from 'aws-cdk-lib/aws-kms'
import { AwsSolutionsChecks } from 'cdk-nag'
import { describe, expect, it } from 'vitest'
import type { SluiceStackProps } from '../../cdk/index.ts'
import { type Setting, synthesize } from './synthesize.ts'

/** Throws where a rule of AwsSolutions is broken and not acknowledged with a reason. */
function check(props: SluiceStackProps, extend: Setting['extend'] = () => undefined): void {
  synthesize({
    ...props,
    extend: (stack) => {
      extend(stack)
      Validations.of(stack.node.root).addPlugins(new AwsSolutionsChecks(stack.node.root))
    },
  })
}

describe('AwsSolutions', () => {
  it('has nothing against the stack as it is', () => {
    expect(() => check({})).not.toThrow()
  })

  it('has nothing against the stack with sources, a lock and EXPRESS children', () => {
    const props: SluiceStackProps = {
      sources: [{ bucketName: 'landing', prefix: 'in/' }, { bucketName: 'archive' }],
      evidenceObjectLock: { mode: 'GOVERNANCE', days: 7 },
      childType: 'EXPRESS',
      removalPolicy: RemovalPolicy.RETAIN,
    }
    expect(() => check(props)).not.toThrow()
  })

  it('has nothing against the mirror of every database', () => {
    expect(() => check({ glueMirror: { databasePrefix: '' } })).not.toThrow()
  })

  it('has nothing against a mirror, with all of it under a key of the customer', () => {
    const key = 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555'
    const encryptionKey = Key.fromKeyArn(new Stack(), 'Key', key)
    expect(() => check({ glueMirror: {}, encryptionKey })).not.toThrow()
  })

  it('does object to a wildcard without a reason of its own', () => {
    const widen: Setting['extend'] = (stack) => {
      const role = new Role(stack, 'Wide', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') })
      role.addToPolicy(new PolicyStatement({ actions: ['s3:GetObject'], resources: ['*'] }))
    }
    expect(() => check({}, widen)).toThrow(/AwsSolutions-IAM5\[Resource::\*\]/)
  })
})
