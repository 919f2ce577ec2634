import { fileURLToPath } from 'node:url'
import { ArnFormat, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib'
import { Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { IBucket } from 'aws-cdk-lib/aws-s3'
import {
  CustomerManagedEncryptionConfiguration,
  DefinitionBody,
  LogLevel,
  StateMachine,
  StateMachineType,
} from 'aws-cdk-lib/aws-stepfunctions'
import { Construct } from 'constructs'
import { acknowledgeWildcards } from './acknowledge.ts'
import { type HandlerName, handlerNames } from './handlers.ts'
import { keyActions } from './permissions.ts'
import type { SluiceStackProps } from './props.ts'

export interface RunStateMachineProps
  extends Pick<SluiceStackProps, 'childType' | 'encryptionKey' | 'logRetention'> {
  /** Tells this instance from others in the account: {@link instanceName}. */
  readonly name: string
  readonly functions: Readonly<Record<HandlerName, LambdaFunction>>
  readonly evidence: IBucket
  /** Seconds. */
  readonly gateTimeout: number
}

/** The definition that the embedded engine interprets too. */
export const definitionFile = fileURLToPath(new URL('../state-machines/run.asl.json', import.meta.url))

/**
 * Seconds by which the workflow waits longer than a function can live, so that what is recorded is the end
 * that the function itself reported.
 */
const grace = 60

/**
 * The run's workflow. It calls fixed versions of the functions: a run ends with the code it began with, also
 * when another version is deployed meanwhile.
 */
export class RunStateMachine extends Construct {
  readonly stateMachine: StateMachine
  readonly logGroup: LogGroup

  constructor(scope: Construct, id: string, props: RunStateMachineProps) {
    super(scope, id)
    const { encryptionKey } = props
    this.logGroup = new LogGroup(this, 'Log', {
      // Under this prefix a log group needs no line of its own in CloudWatch's resource policy, which is short.
      logGroupName: `/aws/vendedlogs/states/${props.name}`,
      retention: props.logRetention ?? RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
      ...(encryptionKey === undefined ? {} : { encryptionKey }),
    })
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('states.amazonaws.com'),
      description: 'What a Sluice run may do',
    })
    const work = workStatements(props)
    for (const statement of work) role.addToPolicy(statement)
    this.stateMachine = new StateMachine(this, 'Run', {
      definitionBody: DefinitionBody.fromFile(definitionFile),
      definitionSubstitutions: substitutions(props),
      stateMachineType: StateMachineType.STANDARD,
      role,
      tracingEnabled: true,
      logs: { destination: this.logGroup, level: LogLevel.ALL, includeExecutionData: true },
      ...(encryptionKey === undefined
        ? {}
        : { encryptionConfiguration: new CustomerManagedEncryptionConfiguration(encryptionKey) }),
    })
    const statements = childStatements(this.stateMachine)
    const children = new Policy(this, 'Children', { statements, roles: [role] })
    acknowledgeWildcards(role, work, workReason)
    acknowledgeWildcards(children, statements, childReason)
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'The delivery of logs and X-Ray have no resources that a policy could name.',
    })
  }
}

const workReason =
  'Functions are called by version, and a run that began before a deployment calls older ones; the objects of a run are named by its id.'
const childReason = 'Executions get their names when they start; those of other state machines are not meant.'

function substitutions({ functions, evidence, childType, gateTimeout }: RunStateMachineProps) {
  const arns = handlerNames.map((name) => [name, functions[name].currentVersion.functionArn])
  return {
    ...(Object.fromEntries(arns) as Record<HandlerName, string>),
    EvidenceBucket: evidence.bucketName,
    ChildType: childType ?? 'STANDARD',
    GateTimeoutSeconds: String(gateTimeout + grace),
  }
}

function workStatements({ functions, evidence, encryptionKey }: RunStateMachineProps): PolicyStatement[] {
  const allow = (actions: readonly string[], resources: string[]) =>
    new PolicyStatement({ actions: [...actions], resources })
  const versions = handlerNames.map((name) => `${functions[name].functionArn}:*`)
  return [
    allow(['lambda:InvokeFunction'], versions),
    allow(['s3:GetObject'], [evidence.arnForObjects('plans/*')]),
    allow(
      ['s3:PutObject', 's3:ListMultipartUploadParts', 's3:AbortMultipartUpload'],
      [evidence.arnForObjects('plans/*')],
    ),
    ...(encryptionKey === undefined ? [] : [allow(keyActions, [encryptionKey.keyArn])]),
  ]
}

/** A distributed map starts, watches and stops its children as executions of the same state machine. */
function childStatements(stateMachine: StateMachine): PolicyStatement[] {
  const executions = Stack.of(stateMachine).formatArn({
    service: 'states',
    resource: 'execution',
    resourceName: `${stateMachine.stateMachineName}:*`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  })
  return [
    new PolicyStatement({ actions: ['states:StartExecution'], resources: [stateMachine.stateMachineArn] }),
    new PolicyStatement({
      actions: ['states:DescribeExecution', 'states:StopExecution'],
      resources: [executions],
    }),
  ]
}
