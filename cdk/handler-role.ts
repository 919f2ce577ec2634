import { Aws } from 'aws-cdk-lib'
import {
  Effect,
  type IRole,
  PolicyDocument,
  PolicyStatement,
  Role,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam'
import type { ILogGroup } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import { acknowledgeWildcards } from './acknowledge.ts'
import type { Stores } from './gate-functions.ts'
import type { HandlerName } from './handlers.ts'
import { type Grant, keyActions, mergeGrants, permissions, type Target } from './permissions.ts'
import type { SluiceStackProps } from './props.ts'

export interface HandlerRoleProps extends Pick<SluiceStackProps, 'encryptionKey' | 'sources'> {
  readonly stores: Stores
  readonly logGroup: ILogGroup
}

/**
 * The role of one handler: its lines of {@link permissions}, its own log group, and traces. No other construct
 * can add to it.
 */
export function handlerRole(scope: Construct, name: HandlerName, props: HandlerRoleProps): IRole {
  const grants = mergeGrants(permissions[name])
  const work = grants.map((grant) => ({ grant, statements: statementsOf(grant, props) }))
  const statements = [...work.flatMap((each) => each.statements), ...keyStatements(props)]
  const role = functionRole(scope, name, statements, props.logGroup)
  for (const { grant, statements } of work) acknowledgeWildcards(role, statements, reasons[grant.on])
  return role.withoutPolicyUpdates()
}

/** A role with these statements, one log group, and traces. */
export function functionRole(
  scope: Construct,
  name: string,
  statements: PolicyStatement[],
  logGroup: ILogGroup,
): Role {
  const traces = allow(['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], ['*'])
  const role = new Role(scope, `${name}Role`, {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    description: `What the Sluice handler ${name} may do`,
    inlinePolicies: {
      Work: new PolicyDocument({ statements }),
      Telemetry: new PolicyDocument({
        statements: [allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup.logGroupArn]), traces],
      }),
    },
  })
  acknowledgeWildcards(role, [traces], 'X-Ray has no resources that a policy could name.')
  return role
}

/** Why keys are named by a pattern. Which patterns a handler gets, cdk/permissions.ts says. */
const reasons: Readonly<Record<Target, string>> = {
  lake: 'Tables get their names in manifests, after the deployment; the pattern keeps data and metadata apart.',
  evidence: 'Objects are named by the run, after the deployment; the pattern keeps their kinds apart.',
  source: 'A source is a pattern over the keys of a bucket, or of the prefix that the stack was given.',
  state: 'A table has no wildcard.',
  catalog: 'A table has no wildcard.',
}

function statementsOf(grant: Grant, props: HandlerRoleProps): PolicyStatement[] {
  return resourcesOf(grant, props).map((resources) => allow(grant.actions, resources))
}

/** One list of resources per statement; a grant on sources is one statement for each source, or none. */
function resourcesOf({ on, keys }: Grant, { stores, sources = [] }: HandlerRoleProps): string[][] {
  if (on === 'state' || on === 'catalog') return [[stores[on].tableArn]]
  if (on === 'source') {
    return sources.map(({ bucketName, prefix = '' }) => {
      const bucket = `arn:${Aws.PARTITION}:s3:::${bucketName}`
      return keys === undefined ? [bucket] : keys.map((key) => `${bucket}/${prefix}${key}`)
    })
  }
  const bucket = stores[on]
  return [keys === undefined ? [bucket.bucketArn] : keys.map((key) => bucket.arnForObjects(key))]
}

function keyStatements({ encryptionKey, sources = [] }: HandlerRoleProps): PolicyStatement[] {
  const own = encryptionKey === undefined ? [] : [allow(keyActions, [encryptionKey.keyArn])]
  const foreign = sources.flatMap(({ encryptionKeyArn }) => encryptionKeyArn ?? [])
  return foreign.length === 0 ? own : [...own, allow(['kms:Decrypt'], [...new Set(foreign)])]
}

export function allow(actions: readonly string[], resources: readonly string[]): PolicyStatement {
  return new PolicyStatement({ effect: Effect.ALLOW, actions: [...actions], resources: [...resources] })
}
