import { CfnOutput, Stack } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import { setFeatureFlags } from './feature-flags.ts'
import { GateFunctions } from './gate-functions.ts'
import { GlueMirror } from './glue-mirror.ts'
import { LakeBuckets } from './lake-buckets.ts'
import type { SluiceProps } from './props.ts'
import { RunAlarms } from './run-alarms.ts'
import { RunDashboard } from './run-dashboard.ts'
import { RunStateMachine } from './run-state-machine.ts'
import { Schedules } from './schedules.ts'
import { StateTables } from './state-tables.ts'

/**
 * Everything that Sluice needs in one account and region, to be put into any stack, as often as wanted. What it
 * makes does not depend on the feature flags of the app; how policies are merged, the stack around it decides.
 */
export class Sluice extends Construct {
  readonly buckets: LakeBuckets
  readonly tables: StateTables
  readonly gates: GateFunctions
  readonly run: RunStateMachine
  readonly schedules: Schedules
  /** Only with {@link SluiceProps.glueMirror}. */
  readonly mirror: GlueMirror | undefined
  readonly alarms: RunAlarms
  readonly dashboard: RunDashboard
  readonly childType: NonNullable<SluiceProps['childType']>
  readonly environment: NonNullable<SluiceProps['environment']>
  readonly sources: NonNullable<SluiceProps['sources']>

  constructor(scope: Construct, id: string, props: SluiceProps = {}) {
    super(scope, id)
    setFeatureFlags(this)
    this.childType = props.childType ?? 'STANDARD'
    this.environment = props.environment ?? 'production'
    this.sources = props.sources ?? []
    const name = instanceName(this)
    const namespace = `Sluice/${name}`
    const gateTimeout = gateTimeoutOf(props)
    this.buckets = new LakeBuckets(this, 'Buckets', props)
    this.tables = new StateTables(this, 'Tables', props)
    const { lake, evidence } = this.buckets
    const { state, catalog } = this.tables
    const stores = { lake, evidence, state, catalog }
    this.gates = new GateFunctions(this, 'Gates', { ...props, stores, gateTimeout })
    this.buckets.refuseOtherWriters(this.gates.lakeWriters())
    const { functions, logGroups } = this.gates
    this.run = new RunStateMachine(this, 'Run', { ...props, name, functions, evidence, gateTimeout })
    const { stateMachine } = this.run
    this.schedules = new Schedules(this, 'Schedules', { ...props, stateMachine })
    this.mirror =
      props.glueMirror === undefined
        ? undefined
        : new GlueMirror(this, 'GlueMirror', { ...props, ...props.glueMirror, lake, catalog, namespace })
    const tables = [state, catalog]
    this.alarms = new RunAlarms(this, 'Alarms', {
      ...props,
      namespace,
      stateMachine,
      functions,
      logGroups,
      tables,
      deadLetters: this.schedules.deadLetters,
      ...(props.alarmTopicArn === undefined ? {} : { topicArn: props.alarmTopicArn }),
    })
    const { unknownOutcomes, rows } = this.alarms
    this.dashboard = new RunDashboard(this, 'Dashboard', {
      stateMachine,
      functions,
      tables,
      alarms: [...this.alarms.alarms, ...(this.mirror?.alarms ?? [])],
      unknownOutcomes,
      rows,
    })
  }

  /**
   * Writes the outputs of the stack by which a client finds its way from the stack's name (`sluice run --stack`).
   * {@link SluiceStack} does; in another stack it can be done for one instance.
   */
  writeOutputs(): void {
    const outputs = {
      StateMachineArn: this.run.stateMachine.stateMachineArn,
      LakeBucket: this.buckets.lake.bucketName,
      EvidenceBucket: this.buckets.evidence.bucketName,
      StateTable: this.tables.state.tableName,
      CatalogTable: this.tables.catalog.tableName,
      SettleFunctionArn: this.gates.functions.Settle.currentVersion.functionArn,
      SealFunctionArn: this.gates.functions.Seal.currentVersion.functionArn,
      ScheduleGroup: this.schedules.group.scheduleGroupName,
      ScheduleRoleArn: this.schedules.role.roleArn,
      ScheduleDeadLettersArn: this.schedules.deadLetters.queueArn,
      EventRoleArn: this.schedules.eventRole.roleArn,
      ChildType: this.childType,
      Environment: this.environment,
      Sources: JSON.stringify(this.sources.map(({ bucketName, prefix = '' }) => `${bucketName}/${prefix}`)),
      ...(this.mirror === undefined ? {} : { LakeReaderPolicyArn: this.mirror.reader.managedPolicyArn }),
    }
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(Stack.of(this), name, { value })
  }
}

/** Unique in an account and region. The instance that is its stack is called as the stack is. */
function instanceName(scope: Construct): string {
  const { stackName } = Stack.of(scope)
  return scope.node.id === 'Default' ? stackName : `${stackName}-${scope.node.addr.slice(-8)}`
}

/** Seconds. Lambda ends a function after 900, and Step Functions an EXPRESS execution after 300. */
function gateTimeoutOf({ childType = 'STANDARD', gateTimeoutSeconds }: SluiceProps): number {
  const most = childType === 'EXPRESS' ? 240 : 900
  const timeout = gateTimeoutSeconds ?? most
  if (Number.isInteger(timeout) && timeout >= 30 && timeout <= most) return timeout
  throw new Error(
    `gateTimeoutSeconds is ${timeout}; with childType ${childType} it is a whole number from 30 to ${most}.`,
  )
}
