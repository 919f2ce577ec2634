import { Stack, Validations } from 'aws-cdk-lib'
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { IConstruct } from 'constructs'

/**
 * States why the statements may name resources with a wildcard. Each resource is acknowledged by itself, so that
 * a wildcard that somebody adds later fails cdk-nag until it has a reason of its own.
 */
export function acknowledgeWildcards(
  scope: IConstruct,
  statements: readonly PolicyStatement[],
  reason: string,
): void {
  const stack = Stack.of(scope)
  const found = statements.flatMap((statement) =>
    statement.resources.map((text) => flat(stack.resolve(text))),
  )
  for (const resource of new Set(found.filter((text) => text.includes('*'))))
    Validations.of(scope).acknowledge({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason })
}

/** As cdk-nag writes a resource: `<BucketsLake7E5C8A08.Arn>/…`, with what CloudFormation fills in between angle brackets. */
function flat(value: unknown): string {
  if (typeof value === 'string') return value
  const [name, argument] = Object.entries(value as Record<string, unknown>)[0] as [string, unknown]
  if (name === 'Ref') return `<${argument}>`
  if (name === 'Fn::GetAtt') return `<${(argument as string[]).join('.')}>`
  if (name === 'Fn::Join') return (argument as [string, unknown[]])[1].map(flat).join('')
  throw new Error(`A policy names a resource by ${name}, which acknowledgeWildcards cannot write down.`)
}
