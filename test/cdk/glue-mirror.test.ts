import { describe, expect, it } from 'vitest'
import { glueReads, glueWrites } from '../../cdk/lake-reader.ts'
import { type MirrorGrant, mirrorPermissions } from '../../cdk/permissions.ts'
import { flat, list, only, type Resource, type Statement, synthesize } from './synthesize.ts'

type Properties = Readonly<Record<string, unknown>>

const stack = synthesize({ glueMirror: {} })
const without = synthesize()
const properties = (type: string, prefix = ''): Properties => only(stack.of(type), prefix)[1].Properties

const glue = (rest: string) => `arn:aws:glue:eu-west-1:123456789012:${rest}`
const lake = `<${only(stack.of('AWS::S3::Bucket'), 'BucketsLake')[0]}.Arn>`
const catalog = `<${only(stack.of('AWS::DynamoDB::GlobalTable'), 'TablesCatalog')[0]}`
const queue = `<${only(stack.of('AWS::SQS::Queue'), 'GlueMirror')[0]}.Arn>`
const [handlerId, handler] = only(
  stack.of('AWS::Lambda::Function').filter(([, r]) => description(r) === 'Sluice: mirror'),
)

function description({ Properties }: Resource): unknown {
  return (Properties as Properties).Description
}

const statementsOf = (policies: unknown): Statement[] =>
  (policies as { PolicyDocument: { Statement: Statement[] } }[]).flatMap(
    (policy) => policy.PolicyDocument.Statement,
  )

const pairsOf = (statements: readonly Statement[]) =>
  statements
    .flatMap(({ Action, Resource }) =>
      list(Action).flatMap((action) => list(Resource).map((resource) => `${action} ${flat(resource)}`)),
    )
    .sort()

describe('the mirror', () => {
  it('is there only where it is asked for', () => {
    expect(JSON.stringify(without.template)).not.toMatch(/glue:|GlueMirror|StreamSpecification/)
    expect(properties('AWS::DynamoDB::GlobalTable', 'TablesCatalog').StreamSpecification).toEqual({
      StreamViewType: 'KEYS_ONLY',
    })
    expect(properties('AWS::DynamoDB::GlobalTable', 'TablesState').StreamSpecification).toBeUndefined()
  })

  it('is no part of the workflow', () => {
    const machine = JSON.stringify(properties('AWS::StepFunctions::StateMachine'))
    expect(machine).not.toContain(handlerId)
    expect(JSON.stringify(stack.of('AWS::IAM::Policy'))).not.toContain(handlerId)
  })

  it('knows the lake, the catalog and the prefix, logs as JSON and is traced', () => {
    expect(handler.Properties).toMatchObject({
      Runtime: 'nodejs24.x',
      TracingConfig: { Mode: 'Active' },
      LoggingConfig: { LogFormat: 'JSON' },
      Environment: { Variables: { SLUICE_GLUE_PREFIX: 'sluice_' } },
    })
    expect((handler.Properties as Properties).Layers).toBeUndefined()
    expect(properties('AWS::Logs::LogGroup', 'GlueMirror')).toMatchObject({ RetentionInDays: 30 })
  })

  it('may do what the table says, its log, its traces, and nothing else', () => {
    const resources = ({ on, keys = [''] }: MirrorGrant): string[] =>
      ({
        lake: keys.map((key) => (key === '' ? lake : `${lake}/${key}`)),
        catalog: [`${catalog}.Arn>`],
        stream: [`${catalog}.StreamArn>`],
        streams: [`${catalog}.Arn>/stream/*`],
        glue: [glue('catalog'), glue('database/sluice_*'), glue('table/sluice_*/*')],
        glueNames: [glue('catalog'), glue('database/*')],
        deadLetters: [queue],
      })[on]
    const log = `<${only(stack.of('AWS::Logs::LogGroup'), 'GlueMirror')[0]}.Arn>`
    const written = [
      ...mirrorPermissions.flatMap((grant) =>
        grant.actions.flatMap((action) => resources(grant).map((resource) => `${action} ${resource}`)),
      ),
      `logs:CreateLogStream ${log}`,
      `logs:PutLogEvents ${log}`,
      'xray:PutTelemetryRecords *',
      'xray:PutTraceSegments *',
    ]
    const role = properties('AWS::IAM::Role', 'GlueMirrorMirrorRole')
    expect(pairsOf(statementsOf(role.Policies))).toEqual([...new Set(written)].sort())
    const actions = mirrorPermissions.flatMap((grant) => grant.actions)
    expect(
      actions.filter((action) => /\*|s3:(Put|Delete)|dynamodb:(Put|Update|Delete)/.test(action)),
    ).toEqual([])
  })

  it('follows the stream from its beginning, by halves of a batch, and gives up into a queue', () => {
    const mapping = properties('AWS::Lambda::EventSourceMapping')
    expect(flat(mapping.EventSourceArn)).toBe(`${catalog}.StreamArn>`)
    expect(flat(mapping.FunctionName)).toBe(`<${handlerId}>`)
    expect(mapping).toMatchObject({
      StartingPosition: 'TRIM_HORIZON',
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      BisectBatchOnFunctionError: true,
      MaximumRecordAgeInSeconds: 3600,
    })
    const { DestinationConfig } = mapping as { DestinationConfig: { OnFailure: { Destination: unknown } } }
    expect(flat(DestinationConfig.OnFailure.Destination)).toBe(queue)
  })

  it('compares everything every hour, or as often as is said', () => {
    const schedule = (from: typeof stack) =>
      only(from.of('AWS::Scheduler::Schedule'))[1].Properties as unknown as {
        readonly ScheduleExpression: string
        readonly Target: { readonly Arn: unknown; readonly Input: string; readonly DeadLetterConfig: unknown }
      }
    const { ScheduleExpression, Target } = schedule(stack)
    expect([ScheduleExpression, Target.Input]).toEqual(['rate(1 hour)', '{"mode":"reconcile"}'])
    expect(flat(Target.Arn)).toBe(`<${handlerId}.Arn>`)
    expect(Target.DeadLetterConfig).toBeDefined()
    const role = properties('AWS::IAM::Role', 'GlueMirrorCompareRole')
    expect(pairsOf(statementsOf(role.Policies))).toEqual([
      `lambda:InvokeFunction <${handlerId}.Arn>`,
      `sqs:SendMessage ${queue}`,
    ])
    const often = synthesize({ glueMirror: { reconcileMinutes: 90, databasePrefix: '' } })
    expect(schedule(often).ScheduleExpression).toBe('rate(90 minutes)')
    expect(JSON.stringify(often.of('AWS::IAM::Role'))).toContain(glue('table/*/*'))
    expect(() => synthesize({ glueMirror: { reconcileMinutes: 1 } })).toThrow(/whole number from 5/)
    expect(() => synthesize({ glueMirror: { databasePrefix: 'A-' } })).toThrow(/small letters/)
  })

  it('has alarms for drift, refusals, age, errors and what was given up, all on the dashboard', () => {
    const alarms = stack.of('AWS::CloudWatch::Alarm').filter(([id]) => id.startsWith('GlueMirror'))
    const names = alarms.map(([id]) => id.replace(/^GlueMirror|[0-9A-F]{8}$/g, ''))
    expect(names.sort()).toEqual(['Drift', 'Errors', 'GivenUp', 'Late', 'Refused'])
    const board = JSON.stringify(properties('AWS::CloudWatch::Dashboard').DashboardBody)
    for (const [id, { Properties }] of alarms) {
      expect(board).toContain(id)
      expect(Properties, id).toMatchObject({ TreatMissingData: 'notBreaching' })
    }
    const filters = stack
      .of('AWS::Logs::MetricFilter')
      .filter(([id]) => id.startsWith('GlueMirror'))
      .map(([, { Properties }]) => (Properties as Properties).FilterPattern)
    expect(filters).toEqual([
      '{ ($.message.event = "mirror_reconciled") && ($.message.drift >= 0) }',
      '{ $.message.event = "mirror_failed" }',
    ])
  })
})

describe('the policy for readers', () => {
  const { PolicyDocument } = properties('AWS::IAM::ManagedPolicy') as unknown as {
    PolicyDocument: { Statement: Statement[] }
  }
  const effect = (wanted: string) => PolicyDocument.Statement.filter(({ Effect }) => Effect === wanted)
  const mirrored = [glue('database/sluice_*'), glue('table/sluice_*/*')]

  it('reads the mirrored databases and the lake, and nothing else', () => {
    expect(pairsOf(effect('Allow'))).toEqual(
      [
        ...glueReads.flatMap((action) =>
          [glue('catalog'), ...mirrored].map((resource) => `${action} ${resource}`),
        ),
        `s3:GetBucketLocation ${lake}`,
        `s3:GetObject ${lake}/*`,
        `s3:ListBucket ${lake}`,
      ].sort(),
    )
  })

  it('refuses to change an entry, to drop one, and to write a file, and no database of others', () => {
    expect(pairsOf(effect('Deny'))).toEqual(
      [
        ...glueWrites.flatMap((action) => mirrored.map((resource) => `${action} ${resource}`)),
        `s3:DeleteObject ${lake}/*`,
        `s3:DeleteObjectVersion ${lake}/*`,
        `s3:PutObject ${lake}/*`,
      ].sort(),
    )
    expect(glueWrites).toEqual(
      expect.arrayContaining(['glue:CreateTable', 'glue:UpdateTable', 'glue:DeleteTable']),
    )
    expect(glueReads.filter((action) => !/^glue:(Batch)?Get/.test(action))).toEqual([])
  })

  it('is an output of the stack, and attached to nobody', () => {
    const { Outputs } = stack.template as { Outputs: Record<string, { Value: unknown }> }
    const [id] = only(stack.of('AWS::IAM::ManagedPolicy'))
    expect(Outputs.LakeReaderPolicyArn?.Value).toEqual({ Ref: id })
    const { Roles, Users, Groups } = properties('AWS::IAM::ManagedPolicy')
    expect([Roles, Users, Groups]).toEqual([undefined, undefined, undefined])
  })
})
