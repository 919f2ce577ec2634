import { readFileSync } from 'node:fs'
import { RemovalPolicy, Stack } from 'aws-cdk-lib'
import { Key } from 'aws-cdk-lib/aws-kms'
import { describe, expect, it } from 'vitest'
import { featureFlags } from '../../cdk/feature-flags.ts'
import { handlerNames } from '../../cdk/handlers.ts'
import { catalogTableDefinition, stateTableDefinition } from '../../core/stores/dynamodb-tables.ts'
import { flat, list, only, type Statement, synthesize } from './synthesize.ts'

type Properties = Readonly<Record<string, unknown>>

const stack = synthesize()
const topic = `arn:aws:sns:eu-west-1:123456789012:sluice`
const changed = synthesize({
  architecture: 'x64',
  memory: { Contract: 8192 },
  evidenceObjectLock: { mode: 'COMPLIANCE', days: 30 },
  quarantineRetentionDays: 60,
  otherLakeWriters: true,
  removalPolicy: RemovalPolicy.DESTROY,
  alarmTopicArn: topic,
  quarantineAlarmPercent: 2.5,
})

function properties(from: typeof stack, type: string, prefix = ''): Properties {
  return only(from.of(type), prefix)[1].Properties
}

const functionOf = (from: typeof stack, name: string) =>
  only(from.of('AWS::Lambda::Function').filter(([id]) => new RegExp(`^Gates${name}[0-9A-F]{8}$`).test(id)))[1]
    .Properties as Properties

describe('the functions', () => {
  it('are one per handler, on the newest Node.js and arm64', () => {
    expect(stack.of('AWS::Lambda::Function')).toHaveLength(handlerNames.length)
    for (const name of handlerNames) {
      expect(functionOf(stack, name), name).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Handler: 'index.handler',
        TracingConfig: { Mode: 'Active' },
        LoggingConfig: { LogFormat: 'JSON' },
      })
    }
    expect(functionOf(changed, 'Contract')).toMatchObject({ Architectures: ['x86_64'], MemorySize: 8192 })
  })

  it('have DuckDB and its disk where SQL is run, and only there', () => {
    const withLayer = handlerNames.filter((name) => functionOf(stack, name).Layers !== undefined)
    const withDisk = handlerNames.filter((name) => functionOf(stack, name).EphemeralStorage !== undefined)
    expect(withLayer).toEqual(['Lineage', 'ContractShard', 'Contract', 'Stage'])
    expect(withDisk).toEqual(withLayer)
  })

  it('know the stores by their environment, and a log group of their own', () => {
    const groups = new Set<string>()
    for (const name of handlerNames) {
      const { Environment, LoggingConfig } = functionOf(stack, name) as {
        readonly Environment: { readonly Variables: Readonly<Record<string, unknown>> }
        readonly LoggingConfig: { readonly LogGroup: unknown }
      }
      const variables = Object.entries(Environment.Variables).map(([key, value]) => [key, flat(value)])
      expect(Object.fromEntries(variables)).toEqual({
        SLUICE_LAKE: expect.stringMatching(/^s3:\/\/<BucketsLake\w+>$/),
        SLUICE_EVIDENCE: expect.stringMatching(/^s3:\/\/<BucketsEvidence\w+>$/),
        SLUICE_STATE_TABLE: expect.stringMatching(/^<TablesState\w+>$/),
        SLUICE_CATALOG_TABLE: expect.stringMatching(/^<TablesCatalog\w+>$/),
        SLUICE_SCRATCH: '/tmp',
        SLUICE_CHILD_TYPE: 'STANDARD',
        SLUICE_SHARD_BYTES: '7000000000',
        SLUICE_ENVIRONMENT: 'production',
      })
      groups.add(flat(LoggingConfig.LogGroup))
    }
    expect(groups.size).toBe(handlerNames.length)
    for (const [, { Properties }] of stack.of('AWS::Logs::LogGroup'))
      expect(Properties).toMatchObject({ RetentionInDays: 30 })
  })
})

describe('the tables', () => {
  it.each([
    ['TablesState', stateTableDefinition],
    ['TablesCatalog', catalogTableDefinition],
  ])('%s is what the adapter reads and writes', (prefix, definition) => {
    const { AttributeDefinitions, ...rest } = definition
    const table = properties(stack, 'AWS::DynamoDB::GlobalTable', prefix)
    expect(table).toMatchObject(rest)
    expect(table.AttributeDefinitions).toHaveLength(AttributeDefinitions.length)
    expect(table.AttributeDefinitions).toEqual(expect.arrayContaining([...AttributeDefinitions]))
  })

  it('can be restored, cannot be deleted by mistake, and let nothing expire', () => {
    const tables = stack.of('AWS::DynamoDB::GlobalTable')
    expect(tables).toHaveLength(2)
    for (const [id, { Properties, DeletionPolicy }] of tables) {
      expect(DeletionPolicy, id).toBe('Retain')
      expect((Properties as Properties).TimeToLiveSpecification, id).toBeUndefined()
      expect((Properties as Properties).Replicas, id).toMatchObject([
        {
          DeletionProtectionEnabled: true,
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        },
      ])
    }
    for (const [, { Properties, DeletionPolicy }] of changed.of('AWS::DynamoDB::GlobalTable')) {
      expect(DeletionPolicy).toBe('Delete')
      expect((Properties as Properties).Replicas).toMatchObject([{ DeletionProtectionEnabled: false }])
    }
  })
})

function bucketStatements(from: typeof stack, prefix: string): readonly Statement[] {
  const policy = properties(from, 'AWS::S3::BucketPolicy', prefix) as {
    PolicyDocument?: { Statement: Statement[] }
  }
  return policy.PolicyDocument?.Statement ?? []
}

function replacing(from: typeof stack, prefix: string): Statement | undefined {
  return bucketStatements(from, prefix).find((s) => (s as { Sid?: string }).Sid === 'RefuseReplacingObjects')
}

function foreign(from: typeof stack): Statement | undefined {
  return bucketStatements(from, 'BucketsLake').find(
    (s) => (s as { Sid?: string }).Sid === 'RefuseOtherWriters',
  )
}

describe('the buckets', () => {
  it('are private, encrypted, TLS only, and kept', () => {
    expect(stack.of('AWS::S3::Bucket')).toHaveLength(3)
    for (const [id, { Properties, DeletionPolicy }] of stack.of('AWS::S3::Bucket')) {
      expect(DeletionPolicy).toBe('Retain')
      expect(Properties, id).toMatchObject({
        BucketEncryption: expect.anything(),
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
      })
      const insecure = bucketStatements(stack, id.replace(/[0-9A-F]{8}$/, '')).filter(
        (s) => s.Effect === 'Deny' && JSON.stringify(s.Condition).includes('aws:SecureTransport'),
      )
      expect(insecure, id).toHaveLength(1)
    }
  })

  it('have a lifecycle, and keep versions', () => {
    for (const [id, { Properties }] of stack.of('AWS::S3::Bucket')) {
      expect(Properties, id).toMatchObject({ VersioningConfiguration: { Status: 'Enabled' } })
      expect(JSON.stringify(Properties), id).toContain('"DaysAfterInitiation":2')
    }
  })

  it('refuse every write to the lake that is not one of their own roles’', () => {
    const role = (name: string) => `<${only(stack.of('AWS::IAM::Role'), `Gates${name}Role`)[0]}.Arn>`
    const refused = foreign(stack) as { Condition: { ArnNotLike: Record<string, unknown[]> } } & Statement
    expect(refused).toMatchObject({
      Effect: 'Deny',
      Principal: { AWS: '*' },
      Action: ['s3:DeleteObject', 's3:DeleteObjectVersion', 's3:PutObject'],
    })
    expect(flat(refused.Resource)).toMatch(/^<BucketsLake\w+\.Arn>\/\*$/)
    expect(Object.keys(refused.Condition)).toEqual(['ArnNotLike'])
    expect(refused.Condition.ArnNotLike['aws:PrincipalArn']?.map(flat)).toEqual([
      role('ContractShard'),
      role('Contract'),
      role('Finalize'),
      role('Settle'),
    ])
  })

  it('let those write to the lake whom the stack names, and them alone put metadata without a condition', () => {
    const spark = 'arn:aws:iam::123456789012:role/spark-*'
    const named = synthesize({ otherLakeWriters: [spark] })
    const refused = foreign(named) as { Condition: { ArnNotLike: Record<string, unknown[]> } } & Statement
    expect(refused.Condition.ArnNotLike['aws:PrincipalArn']).toHaveLength(5)
    expect(refused.Condition.ArnNotLike['aws:PrincipalArn']).toContain(spark)
    expect(replacing(named, 'BucketsLake')?.Condition).toMatchObject({
      ArnNotLike: { 'aws:PrincipalArn': [spark] },
    })
    expect(foreign(changed)).toBeUndefined()
  })

  it('let CDK empty them where the stack is to be destroyed', () => {
    const doomed = synthesize({ removalPolicy: RemovalPolicy.DESTROY })
    expect(JSON.stringify(foreign(doomed)?.Condition)).toContain('CustomS3AutoDeleteObjects')
  })

  it('record who accessed the lake and the evidence', () => {
    for (const prefix of ['BucketsLake', 'BucketsEvidence'])
      expect(properties(stack, 'AWS::S3::Bucket', prefix)).toMatchObject({
        LoggingConfiguration: expect.anything(),
      })
  })

  it.each([
    ['BucketsEvidence', /^<BucketsEvidence\w+\.Arn>\/evidence\/\*$/],
    ['BucketsLake', /^<BucketsLake\w+\.Arn>\/\*\/metadata\/\*$/],
  ])('%s lets nobody replace what was written', (prefix, keys) => {
    const refused = replacing(stack, prefix)
    expect(refused).toMatchObject({
      Effect: 'Deny',
      Principal: { AWS: '*' },
      Action: 's3:PutObject',
      Condition: { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
    })
    expect(flat(refused?.Resource)).toMatch(keys)
  })

  it('let other writers of the lake write metadata where the stack is told of them', () => {
    expect(replacing(changed, 'BucketsLake')).toBeUndefined()
    expect(replacing(changed, 'BucketsEvidence')).toBeDefined()
  })

  it('lock the evidence and forget the quarantine where that is asked for', () => {
    expect(properties(stack, 'AWS::S3::Bucket', 'BucketsEvidence').ObjectLockEnabled).toBeUndefined()
    const [, evidence] = only(changed.of('AWS::S3::Bucket'), 'BucketsEvidence')
    expect(evidence.DeletionPolicy).toBe('Retain')
    expect(evidence.Properties).toMatchObject({
      ObjectLockEnabled: true,
      ObjectLockConfiguration: { Rule: { DefaultRetention: { Days: 30, Mode: 'COMPLIANCE' } } },
    })
    expect(JSON.stringify(evidence.Properties)).toContain('"ExpirationInDays":60')
    const contradiction = {
      evidenceObjectLock: { mode: 'GOVERNANCE', days: 30 },
      quarantineRetentionDays: 7,
    } as const
    expect(() => synthesize(contradiction)).toThrow(/keeps every object/)
  })
})

describe('the alarms', () => {
  const alarms = (from: typeof stack) =>
    from.of('AWS::CloudWatch::Alarm').map(([id, r]) => [id, r.Properties] as const)
  const named = (name: string) =>
    only(stack.of('AWS::CloudWatch::Alarm'), `Alarms${name}`)[1].Properties as Properties

  it('are there for every way in which a run can need a person', () => {
    const names = alarms(stack).map(([id]) => id.replace(/^Alarms|[0-9A-F]{8}$/g, ''))
    expect(names.sort()).toEqual([
      'ControlThrottled',
      'DataGatesThrottled',
      'DataflowUnsettled',
      'LightGatesThrottled',
      'OpenMapRuns',
      'QuarantineRatio',
      'RunFailed',
      'RunNotSealed',
      'ScheduleFailed',
      'TableThrottled',
      'UnknownOutcome',
      'WorkflowThrottled',
    ])
  })

  it('do not fire for want of data, say what to do, and fit into ten metrics', () => {
    for (const [id, alarm] of alarms(stack)) {
      const { AlarmDescription, Metrics, TreatMissingData } = alarm as Properties
      expect(TreatMissingData, id).toBe('notBreaching')
      expect((AlarmDescription as string).length, id).toBeGreaterThan(60)
      expect(((Metrics as unknown[] | undefined) ?? []).length, id).toBeLessThanOrEqual(11)
    }
  })

  it('watch each function for throttles', () => {
    const watched = ['ControlThrottled', 'DataGatesThrottled', 'LightGatesThrottled'].flatMap((name) =>
      [...JSON.stringify(named(name)).matchAll(/"Ref":"Gates([A-Za-z]+?)[0-9A-F]{8}"/g)].map(
        (match) => match[1],
      ),
    )
    expect(watched.sort()).toEqual([...handlerNames].sort())
  })

  it('count unknown outcomes in what the runtime logs of every handler', () => {
    const { MetricName, Namespace } = named('UnknownOutcome')
    const filters = stack
      .of('AWS::Logs::MetricFilter')
      .filter(([id]) => id.includes('UnknownOutcomes'))
      .map(([, { Properties }]) => Properties as Properties)
    expect(new Set(filters.map((filter) => flat(filter.LogGroupName))).size).toBe(handlerNames.length)
    for (const filter of filters) {
      expect(filter.MetricTransformations).toMatchObject([
        { MetricName, MetricNamespace: Namespace, MetricValue: '1' },
      ])
      expect(filter.FilterPattern).toContain('$.message.errorType = "UnknownOutcomeError"')
    }
  })

  it('count the rows of the line that settle logs, and know their ratio', () => {
    for (const [name, count] of [
      ['RowsAccepted', 'accepted'],
      ['RowsQuarantined', 'quarantined'],
    ] as const) {
      const filter = properties(stack, 'AWS::Logs::MetricFilter', `Alarms${name}`)
      const [log] = only(stack.of('AWS::Logs::LogGroup'), 'GatesSettleLog')
      expect(flat(filter.LogGroupName)).toBe(`<${log}>`)
      expect(filter).toMatchObject({
        FilterPattern: `{ ($.message.event = "dataflow_settled") && ($.message.rows.${count} >= 0) }`,
        MetricTransformations: [
          { MetricName: name, MetricNamespace: 'Sluice/Sluice', MetricValue: `$.message.rows.${count}` },
        ],
      })
    }
    expect(named('QuarantineRatio')).toMatchObject({
      Threshold: 10,
      Metrics: [
        { Expression: 'IF(FILL(q, 0) > 0, 100 * FILL(q, 0) / (FILL(q, 0) + FILL(a, 0)), 0)' },
        { Id: 'a', MetricStat: { Metric: { MetricName: 'RowsAccepted' }, Period: 3600, Stat: 'Sum' } },
        { Id: 'q', MetricStat: { Metric: { MetricName: 'RowsQuarantined' }, Period: 3600, Stat: 'Sum' } },
      ],
    })
    expect(properties(changed, 'AWS::CloudWatch::Alarm', 'AlarmsQuarantineRatio').Threshold).toBe(2.5)
    expect(() => synthesize({ quarantineAlarmPercent: 0 })).toThrow(/above 0 and up to 100/)
  })

  it('tell the topic, where there is one', () => {
    for (const [, alarm] of alarms(changed)) expect(alarm).toMatchObject({ AlarmActions: [topic] })
    for (const [, alarm] of alarms(stack)) expect((alarm as Properties).AlarmActions).toBeUndefined()
  })

  it('are on the dashboard, with every handler', () => {
    const body = JSON.stringify(properties(stack, 'AWS::CloudWatch::Dashboard').DashboardBody)
    for (const [id] of alarms(stack)) expect(body).toContain(id)
    for (const name of handlerNames) expect(body).toContain(`\\"label\\":\\"${name}\\"`)
  })
})

describe('schedules and rules', () => {
  const role = (prefix: string) =>
    properties(stack, 'AWS::IAM::Role', prefix) as {
      Policies?: { PolicyDocument: { Statement: Statement[] } }[]
      AssumeRolePolicyDocument?: { Statement: Statement[] }
      ManagedPolicyArns?: unknown
    }
  const statementsOf = (prefix: string) =>
    role(prefix).Policies?.flatMap((policy) => policy.PolicyDocument.Statement) ?? []
  const ofRules = {
    StringEquals: { 'aws:SourceAccount': '123456789012' },
    ArnLike: { 'aws:SourceArn': expect.anything() },
  }
  const rules = /^arn:(aws|<AWS::Partition>):events:eu-west-1:123456789012:rule\/sluice-\*$/

  it('may start runs of this stack and leave word of what could not be started, and nothing else', () => {
    const statements = statementsOf('SchedulesRole')
    expect(statements.flatMap((s) => list(s.Action))).toEqual(['states:StartExecution', 'sqs:SendMessage'])
    expect(statements.map((s) => flat(s.Resource))).toEqual([
      expect.stringMatching(/^<Run[0-9A-F]{8}>$/),
      expect.stringMatching(/^<SchedulesDeadLetters\w+\.Arn>$/),
    ])
    expect(role('SchedulesRole').AssumeRolePolicyDocument?.Statement).toMatchObject([
      {
        Principal: { Service: 'scheduler.amazonaws.com' },
        Condition: { StringEquals: { 'aws:SourceAccount': '123456789012' } },
      },
    ])
  })

  it('of arriving objects may start runs of this stack, for rules of deployed projects only', () => {
    const statements = statementsOf('SchedulesEventRole')
    expect(statements.flatMap((s) => list(s.Action))).toEqual(['states:StartExecution'])
    expect(statements.map((s) => flat(s.Resource))).toEqual([expect.stringMatching(/^<Run[0-9A-F]{8}>$/)])
    expect(role('SchedulesEventRole').ManagedPolicyArns).toBeUndefined()
    const attached = JSON.stringify(stack.of('AWS::IAM::Policy').map(([, { Properties }]) => Properties))
    expect(attached).not.toContain('SchedulesEventRole')
    const trust = role('SchedulesEventRole').AssumeRolePolicyDocument?.Statement ?? []
    expect(trust).toMatchObject([{ Principal: { Service: 'events.amazonaws.com' }, Condition: ofRules }])
    expect(flat(sourceArn(trust[0] as Statement))).toMatch(rules)
  })

  it('of arriving objects leave word in the queue, which takes nothing from other rules', () => {
    const policy = properties(stack, 'AWS::SQS::QueuePolicy') as {
      PolicyDocument?: { Statement: Statement[] }
    }
    const allowed = (policy.PolicyDocument?.Statement ?? []).filter(({ Effect }) => Effect === 'Allow')
    expect(allowed).toMatchObject([
      { Action: 'sqs:SendMessage', Principal: { Service: 'events.amazonaws.com' }, Condition: ofRules },
    ])
    expect(flat(sourceArn(allowed[0] as Statement))).toMatch(rules)
  })

  it('are found by a client in the outputs of the stack', () => {
    const { Outputs } = stack.template as { Outputs: Record<string, { Value: unknown }> }
    expect(flat(Outputs.EventRoleArn?.Value)).toMatch(/^<SchedulesEventRole\w+\.Arn>$/)
    expect(Outputs.ChildType?.Value).toBe('STANDARD')
    // Whoever forgets to say what a stack is for gets the strictest kind.
    expect(Outputs.Environment?.Value).toBe('production')
  })

  function sourceArn({ Condition }: Statement): unknown {
    return (Condition as { ArnLike: Record<string, unknown> }).ArnLike['aws:SourceArn']
  }
})

describe('a key of the customer', () => {
  it('encrypts all that holds anything, and each function may use it', () => {
    const keyed = synthesize({
      glueMirror: {},
      encryptionKey: Key.fromKeyArn(
        new Stack(),
        'Key',
        'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555',
      ),
    })
    const encrypted = (type: string) =>
      keyed.of(type).filter(([, resource]) => JSON.stringify(resource).includes('11111111-2222')).length
    expect(encrypted('AWS::S3::Bucket')).toBe(2)
    expect(encrypted('AWS::DynamoDB::GlobalTable')).toBe(2)
    // The one that is not: S3 delivers access logs under no key but its own.
    expect(keyed.of('AWS::S3::Bucket')).toHaveLength(3)
    const all = (type: string) => [encrypted(type), keyed.of(type).length]
    expect(all('AWS::Logs::LogGroup')).toEqual([handlerNames.length + 2, handlerNames.length + 2])
    expect(all('AWS::SQS::Queue')).toEqual([2, 2])
    expect(all('AWS::Lambda::Function')).toEqual([handlerNames.length + 1, handlerNames.length + 1])
    expect(all('AWS::StepFunctions::StateMachine')).toEqual([1, 1])
    // The functions', the schedules', the comparison's; that of the run has it in a policy.
    expect(encrypted('AWS::IAM::Role')).toBe(handlerNames.length + 3)
    expect(all('AWS::IAM::ManagedPolicy')).toEqual([1, 1])
  })
})

describe('feature flags', () => {
  it('are in cdk.json as `cdk init` would set them', () => {
    const { context } = JSON.parse(readFileSync('cdk.json', 'utf8')) as { readonly context: unknown }
    expect(context).toEqual(featureFlags)
    expect(Object.keys(featureFlags).length).toBeGreaterThanOrEqual(84)
    expect(featureFlags).toMatchObject({
      '@aws-cdk/aws-stepfunctions:useDistributedMapResultWriterV2': true,
    })
  })

  it('of the app do not matter: a bare one gets the same template', () => {
    expect(synthesize({ context: {} }).template).toEqual(synthesize().template)
  })
})
