import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation'
import { ManifestError } from '../core/errors.ts'
import { clientConfig } from './client-config.ts'

/** A deployed stack, as its outputs name its parts (cdk/sluice-stack.ts writes them). */
export interface StackOutputs {
  readonly StateMachineArn: string
  readonly LakeBucket: string
  readonly EvidenceBucket: string
  readonly StateTable: string
  readonly CatalogTable: string
  /** Versions of the handlers that settle and seal: only their roles may delete in the lake. */
  readonly SettleFunctionArn: string
  readonly SealFunctionArn: string
  readonly ScheduleGroup: string
  readonly ScheduleRoleArn: string
  readonly ScheduleDeadLettersArn: string
  /** Under which EventBridge starts runs on the arrival of objects. */
  readonly EventRoleArn: string
  /** Of the executions of dataflows: `STANDARD` or `EXPRESS`. */
  readonly ChildType: string
  /** What the stack is for: `production` refuses raw rows in quarantine. */
  readonly Environment: string
  /** What functions may read besides the lake: a JSON array of `bucket/prefix`, which keys begin with. */
  readonly Sources: string
}

export interface Stack extends StackOutputs {
  readonly name: string
}

const outputNames: readonly (keyof StackOutputs)[] = [
  'StateMachineArn',
  'LakeBucket',
  'EvidenceBucket',
  'StateTable',
  'CatalogTable',
  'SettleFunctionArn',
  'SealFunctionArn',
  'ScheduleGroup',
  'ScheduleRoleArn',
  'ScheduleDeadLettersArn',
  'EventRoleArn',
  'ChildType',
  'Environment',
  'Sources',
]

/**
 * Finds a stack by its name, in the region and account of the SDK's own configuration. Throws `ManifestError`
 * `STACK_NOT_FOUND`, `AWS_NOT_CONFIGURED`, and `STACK_INCOMPLETE` for one that is not Sluice's, or of another version.
 */
export async function findStack(
  name: string,
  client: Pick<CloudFormationClient, 'send'> = new CloudFormationClient(clientConfig),
): Promise<Stack> {
  const outputs = new Map((await describe(name, client)).map(({ key, value }) => [key, value]))
  const missing = outputNames.filter((output) => !outputs.has(output))
  if (missing.length === 0) {
    const found = Object.fromEntries(outputNames.map((output) => [output, outputs.get(output)]))
    return { name, ...(found as unknown as StackOutputs) }
  }
  throw new ManifestError({
    code: 'STACK_INCOMPLETE',
    fact: `the stack ${name} has no output ${missing.join(', ')}`,
    consequence: 'Nothing was started',
    next: 'Name a Sluice stack, or deploy it again with this version: npx cdk deploy',
  })
}

async function describe(name: string, client: Pick<CloudFormationClient, 'send'>) {
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: name }))
    const outputs = Stacks?.[0]?.Outputs ?? []
    return outputs.map(({ OutputKey, OutputValue }) => ({ key: OutputKey ?? '', value: OutputValue ?? '' }))
  } catch (error) {
    // CloudFormation has no error of its own for it: `ValidationError`, `Stack with id X does not exist`.
    if (!(error instanceof Error)) throw error
    if (/Region is missing/.test(error.message) || error.name === 'CredentialsProviderError')
      throw notConfigured(error)
    if (!/does not exist/.test(error.message)) throw error
    throw new ManifestError({
      code: 'STACK_NOT_FOUND',
      fact: `there is no stack ${JSON.stringify(name)} in this account and region`,
      consequence: 'Nothing was started',
      next: 'Check the name, AWS_REGION and the credentials, or deploy it: npx cdk deploy',
      cause: error,
    })
  }
}

function notConfigured(error: Error): ManifestError {
  return new ManifestError({
    code: 'AWS_NOT_CONFIGURED',
    fact: `the AWS SDK has no region or no credentials (${error.message})`,
    consequence: 'Nothing was started',
    next: 'Set AWS_REGION, and AWS_PROFILE or the credentials of the account',
    cause: error,
  })
}
