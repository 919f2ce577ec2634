import { CfnOutput, Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { setFeatureFlags } from './feature-flags.ts'
import { GateFunctions } from './gate-functions.ts'
import { LakeBuckets } from './lake-buckets.ts'
import type { SluiceStackProps } from './props.ts'
import { RunAlarms } from './run-alarms.ts'
import { RunDashboard } from './run-dashboard.ts'
import { RunStateMachine } from './run-state-machine.ts'
import { Schedules } from './schedules.ts'
import { StateTables } from './state-tables.ts'

/**
 * Everything that Sluice needs in one account and region. Its template depends on its properties only, not on the
 * feature flags of the app that it is put in.
 */
export class SluiceStack extends Stack {
  readonly buckets: LakeBuckets
  readonly tables: StateTables
  readonly gates: GateFunctions
  readonly run: RunStateMachine
  readonly schedules: Schedules
  readonly alarms: RunAlarms
  readonly dashboard: RunDashboard

  constructor(scope: Construct, id: string, props: SluiceStackProps = {}) {
    super(scope, id, props)
    setFeatureFlags(this)
    const gateTimeout = gateTimeoutOf(props)
    this.buckets = new LakeBuckets(this, 'Buckets', props)
    this.tables = new StateTables(this, 'Tables', props)
    const { lake, evidence } = this.buckets
    const { state, catalog } = this.tables
    const stores = { lake, evidence, state, catalog }
    this.gates = new GateFunctions(this, 'Gates', { ...props, stores, gateTimeout })
    const { functions, logGroups } = this.gates
    this.run = new RunStateMachine(this, 'Run', { ...props, functions, evidence, gateTimeout })
    const { stateMachine } = this.run
    this.schedules = new Schedules(this, 'Schedules', { ...props, stateMachine })
    const tables = [state, catalog]
    this.alarms = new RunAlarms(this, 'Alarms', {
      stateMachine,
      functions,
      logGroups,
      tables,
      deadLetters: this.schedules.deadLetters,
      ...(props.alarmTopicArn === undefined ? {} : { topicArn: props.alarmTopicArn }),
    })
    const { alarms, unknownOutcomes } = this.alarms
    this.dashboard = new RunDashboard(this, 'Dashboard', {
      stateMachine,
      functions,
      tables,
      alarms,
      unknownOutcomes,
    })
    this.writeOutputs(props)
  }

  /** By which a client finds its way from the stack's name. */
  private writeOutputs({ childType = 'STANDARD' }: SluiceStackProps): void {
    const outputs = {
      StateMachineArn: this.run.stateMachine.stateMachineArn,
      LakeBucket: this.buckets.lake.bucketName,
      EvidenceBucket: this.buckets.evidence.bucketName,
      StateTable: this.tables.state.tableName,
      CatalogTable: this.tables.catalog.tableName,
      ScheduleGroup: this.schedules.group.scheduleGroupName,
      ScheduleRoleArn: this.schedules.role.roleArn,
      ScheduleDeadLettersArn: this.schedules.deadLetters.queueArn,
      EventRoleArn: this.schedules.eventRole.roleArn,
      ChildType: childType,
    }
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value })
  }
}

/** Seconds. Lambda ends a function after 900, and Step Functions an EXPRESS execution after 300. */
function gateTimeoutOf({ childType = 'STANDARD', gateTimeoutSeconds }: SluiceStackProps): number {
  const most = childType === 'EXPRESS' ? 240 : 900
  const timeout = gateTimeoutSeconds ?? most
  if (Number.isInteger(timeout) && timeout >= 30 && timeout <= most) return timeout
  throw new Error(
    `gateTimeoutSeconds is ${timeout}; with childType ${childType} it is a whole number from 30 to ${most}.`,
  )
}
