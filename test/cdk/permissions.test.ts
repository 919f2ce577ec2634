import { describe, expect, it } from 'vitest'
import { handlerNames } from '../../cdk/handlers.ts'
import { keyActions, permissions, type Target } from '../../cdk/permissions.ts'
import { flat, list, only, type Statement, synthesize } from './synthesize.ts'

const sources = [{ bucketName: 'landing', prefix: 'in/' }, { bucketName: 'archive' }]
const stack = synthesize({ sources })

interface Policy {
  readonly PolicyName: string
  readonly PolicyDocument: { readonly Statement: readonly Statement[] }
}

interface Role {
  readonly Policies: readonly Policy[]
  readonly ManagedPolicyArns?: unknown
  readonly AssumeRolePolicyDocument: { readonly Statement: readonly unknown[] }
}

const roleOf = (name: string) =>
  only(stack.of('AWS::IAM::Role'), `Gates${name}Role`)[1].Properties as unknown as Role

/** `s3:GetObject <BucketsLake….Arn>/…`, one line per action and resource. */
function pairsOf(statements: readonly Statement[]): string[] {
  return statements
    .flatMap(({ Effect, Action, Resource, Condition }) =>
      list(Action).flatMap((action) =>
        list(Resource).map((resource) =>
          [
            Effect === 'Allow' && Condition === undefined ? '' : 'NOT A PLAIN ALLOW ',
            action,
            flat(resource),
          ].join(' '),
        ),
      ),
    )
    .map((pair) => pair.trim())
    .sort()
}

const arnOf: Readonly<Record<Exclude<Target, 'source'>, string>> = {
  lake: `<${only(stack.of('AWS::S3::Bucket'), 'BucketsLake')[0]}.Arn>`,
  evidence: `<${only(stack.of('AWS::S3::Bucket'), 'BucketsEvidence')[0]}.Arn>`,
  state: `<${only(stack.of('AWS::DynamoDB::GlobalTable'), 'TablesState')[0]}.Arn>`,
  catalog: `<${only(stack.of('AWS::DynamoDB::GlobalTable'), 'TablesCatalog')[0]}.Arn>`,
}

function resources(on: Target, keys: readonly string[] | undefined): string[] {
  if (on !== 'source') return (keys ?? ['']).map((key) => (key === '' ? arnOf[on] : `${arnOf[on]}/${key}`))
  const buckets = ['arn:<AWS::Partition>:s3:::landing', 'arn:<AWS::Partition>:s3:::archive']
  if (keys === undefined) return buckets
  return keys.flatMap((key) => [`${buckets[0]}/in/${key}`, `${buckets[1]}/${key}`])
}

describe('the role of each handler', () => {
  it.each(handlerNames)('%s may do what the table says, its log, its traces, and nothing else', (name) => {
    const role = roleOf(name)
    const written = permissions[name].flatMap(({ on, actions, keys }) =>
      actions.flatMap((action) => resources(on, keys).map((resource) => `${action} ${resource}`)),
    )
    const [log] = only(stack.of('AWS::Logs::LogGroup'), `Gates${name}Log`)
    const telemetry = [
      `logs:CreateLogStream <${log}.Arn>`,
      `logs:PutLogEvents <${log}.Arn>`,
      'xray:PutTelemetryRecords *',
      'xray:PutTraceSegments *',
    ]
    const synthesized = role.Policies.flatMap((policy) => policy.PolicyDocument.Statement)
    expect(pairsOf(synthesized)).toEqual([...new Set([...written, ...telemetry])].sort())
    expect(role.ManagedPolicyArns).toBeUndefined()
    expect(role.AssumeRolePolicyDocument.Statement).toMatchObject([
      { Principal: { Service: 'lambda.amazonaws.com' } },
    ])
  })

  it('is used by its function alone, and no policy is attached to it from elsewhere', () => {
    const attached = stack
      .of('AWS::IAM::Policy')
      .flatMap(([, { Properties }]) => (Properties as { Roles?: unknown[] }).Roles?.map(flat))
    expect(attached.filter((role) => role?.startsWith('<Gates'))).toEqual([])
    const roles = stack
      .of('AWS::Lambda::Function')
      .map(([, { Properties }]) => flat((Properties as { Role?: unknown }).Role))
    expect(new Set(roles).size).toBe(handlerNames.length)
  })

  it('names no action by a wildcard', () => {
    const actions = [
      ...Object.values(permissions)
        .flat()
        .flatMap((grant) => grant.actions),
      ...keyActions,
    ]
    expect(actions.filter((action) => action.includes('*'))).toEqual([])
  })

  it('lets only settle delete, only in the lake, and nobody delete an item or a version', () => {
    const deleting = handlerNames.flatMap((name) =>
      permissions[name].flatMap(({ on, actions }) =>
        actions.filter((action) => action.includes('Delete')).map((action) => `${name} ${action} ${on}`),
      ),
    )
    expect(deleting).toEqual(['Settle s3:DeleteObject lake'])
  })

  it('lets only the commit write the catalog, only the contract write data, only finalize write metadata', () => {
    const writers = (on: Target, key?: string) =>
      handlerNames.filter((name) =>
        permissions[name].some(
          (grant) =>
            grant.on === on &&
            grant.actions.some((action) => /:(Put|Update)/.test(action)) &&
            (key === undefined || grant.keys?.includes(key)),
        ),
      )
    expect(writers('catalog')).toEqual(['AuditCommit'])
    expect(writers('lake', '*/data/*')).toEqual(['ContractShard', 'Contract'])
    expect(writers('lake', '*/metadata/*')).toEqual(['Finalize'])
    expect(writers('evidence', 'evidence/*')).toEqual(['Admit', 'Evidence', 'Settle', 'Seal'])
    expect(writers('source')).toEqual([])
  })

  it('reads no source where the stack was given none', () => {
    const without = synthesize()
    expect(JSON.stringify(without.of('AWS::IAM::Role'))).not.toContain(':s3:::')
  })
})

describe('the role of the run', () => {
  it('may call the functions, use its own objects and start its own children', () => {
    const statements = stack.of('AWS::IAM::Policy').flatMap(([, { Properties }]) => {
      const { PolicyDocument } = Properties as { PolicyDocument?: { Statement: Statement[] } }
      return PolicyDocument?.Statement ?? []
    })
    const pairs = pairsOf(statements)
    const called = pairs
      .filter((pair) => pair.startsWith('lambda:'))
      .map((pair) => pair.replace(/[0-9A-F]{8}\./, '.'))
    expect(called).toEqual(handlerNames.map((name) => `lambda:InvokeFunction <Gates${name}.Arn>:*`).sort())
    const onBuckets = pairs.filter((pair) => pair.startsWith('s3:'))
    expect(onBuckets.map((pair) => pair.split(' ')[0])).toEqual([
      's3:AbortMultipartUpload',
      's3:GetObject',
      's3:ListMultipartUploadParts',
      's3:PutObject',
    ])
    for (const pair of onBuckets) expect(pair).toContain(`${arnOf.evidence}/plans/*`)
    const [machine] = only(stack.of('AWS::StepFunctions::StateMachine'))
    const executions = `arn:aws:states:eu-west-1:123456789012:execution:<${machine}.Name>:*`
    expect(pairs.filter((pair) => pair.startsWith('states:'))).toEqual([
      `states:DescribeExecution ${executions}`,
      `states:StartExecution <${machine}>`,
      `states:StopExecution ${executions}`,
    ])
  })
})
