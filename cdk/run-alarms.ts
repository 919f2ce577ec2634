import { Duration, Stack } from 'aws-cdk-lib'
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  Metric,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch'
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { FilterPattern, type LogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs'
import type { IQueue } from 'aws-cdk-lib/aws-sqs'
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions'
import { Construct } from 'constructs'
import { type HandlerName, handlerNames } from './handlers.ts'

export interface RunAlarmsProps {
  readonly stateMachine: StateMachine
  readonly functions: Readonly<Record<HandlerName, LambdaFunction>>
  readonly logGroups: Readonly<Record<HandlerName, LogGroup>>
  readonly tables: readonly ITableV2[]
  readonly deadLetters: IQueue
  readonly topicArn?: string
}

const period = Duration.minutes(5)

/**
 * What a person should know of without looking. An alarm that fires says in its description what it means and
 * what to do. The quarantine ratio is not among them: no handler emits it as a metric.
 */
export class RunAlarms extends Construct {
  readonly alarms: readonly Alarm[]
  /** Writes whose answer never came and could not be read back. */
  readonly unknownOutcomes: IMetric

  constructor(scope: Construct, id: string, props: RunAlarmsProps) {
    super(scope, id)
    this.unknownOutcomes = this.countUnknownOutcomes(props.logGroups)
    const { stateMachine, functions, deadLetters, tables } = props
    const raise = (name: string, metric: IMetric, description: string, threshold = 1) =>
      this.alarm(name, metric, description, threshold, props.topicArn)
    const throttles = (names: readonly HandlerName[]) =>
      sum(names.map((name) => functions[name].metricThrottles({ period, statistic: Stats.SUM })))
    this.alarms = [
      raise(
        'RunFailed',
        stateMachine.metricFailed({ period, statistic: Stats.SUM }),
        'A run failed. `sluice status <run>` names the dataflows and `sluice evidence <run>` why; their tables are as they were.',
      ),
      raise(
        'RunNotSealed',
        sum([
          stateMachine.metricAborted({ period, statistic: Stats.SUM }),
          stateMachine.metricTimedOut({ period, statistic: Stats.SUM }),
          functions.Seal.metricErrors({ period, statistic: Stats.SUM }),
        ]),
        'A run ended without a verdict, or its verdict could not be written. Start it again with its run_id and resume: true.',
      ),
      raise(
        'DataflowUnsettled',
        functions.Settle.metricErrors({ period, statistic: Stats.SUM }),
        'Settling a dataflow failed; the workflow tries again. If the run reports the dataflow as running, resume the run.',
      ),
      raise(
        'UnknownOutcome',
        this.unknownOutcomes,
        'The answer to a write never came. The dataflow is blocked until its next admission has read back what happened; resume the run.',
      ),
      raise(
        'ControlThrottled',
        throttles(controlHandlers),
        'Plan, Admit, Settle or Seal was throttled. Raise the account’s concurrency of Lambda, or lower max_workers.',
      ),
      raise(
        'DataGatesThrottled',
        throttles(dataGates),
        'A gate that reads data was throttled. Raise the account’s concurrency of Lambda, or lower max_workers.',
      ),
      raise(
        'LightGatesThrottled',
        throttles(handlerNames.filter((name) => ![...controlHandlers, ...dataGates].includes(name))),
        'A gate was throttled. Raise the account’s concurrency of Lambda, or lower max_workers.',
      ),
      raise(
        'WorkflowThrottled',
        sum([stateMachine.metricThrottled({ period, statistic: Stats.SUM }), stateTransitionThrottles()]),
        'Step Functions held back executions or state transitions. Lower max_workers, or have the quota raised.',
      ),
      raise(
        'TableThrottled',
        sum(tables.flatMap((table) => tableThrottles(table))),
        'DynamoDB throttled the state or the catalog. On-demand tables double within minutes; if it stays, lower max_workers.',
      ),
      raise(
        'OpenMapRuns',
        new Metric({
          namespace: 'AWS/States',
          metricName: 'ApproximateOpenMapRunCount',
          period,
          statistic: Stats.MAXIMUM,
        }),
        'The account has 900 open map runs of the 1,000 that there can be; further waves will wait. Every running wave is one.',
        900,
      ),
      raise(
        'ScheduleFailed',
        deadLetters.metricApproximateNumberOfMessagesVisible({ period, statistic: Stats.MAXIMUM }),
        'A schedule could not start its run. The message in the queue holds the input and the reason.',
      ),
    ]
  }

  private alarm(
    name: string,
    metric: IMetric,
    description: string,
    threshold: number,
    topicArn?: string,
  ): Alarm {
    const alarm = new Alarm(this, name, {
      metric,
      threshold,
      alarmDescription: description,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    })
    if (topicArn !== undefined) alarm.addAlarmAction({ bind: () => ({ alarmActionArn: topicArn }) })
    return alarm
  }

  /**
   * Lambda's Node.js runtime logs every error that a handler throws, with the name of its class. In its JSON format
   * that is `message.errorType`; `errorType` at the top is where older runtimes put it
   * (aws-lambda-nodejs-runtime-interface-client, LogPatch.js).
   */
  private countUnknownOutcomes(logGroups: Readonly<Record<HandlerName, LogGroup>>): IMetric {
    const isUnknown = (field: string) => FilterPattern.stringValue(field, '=', 'UnknownOutcomeError')
    const metricNamespace = `Sluice/${Stack.of(this).stackName}`
    const filters = handlerNames.map(
      (name) =>
        new MetricFilter(this, `${name}UnknownOutcomes`, {
          logGroup: logGroups[name],
          metricNamespace,
          metricName: 'UnknownOutcomes',
          filterPattern: FilterPattern.any(isUnknown('$.message.errorType'), isUnknown('$.errorType')),
          metricValue: '1',
        }),
    )
    return (filters[0] as MetricFilter).metric({ period, statistic: Stats.SUM })
  }
}

const controlHandlers: readonly HandlerName[] = ['Plan', 'Admit', 'Settle', 'Seal']
const dataGates: readonly HandlerName[] = ['Extract', 'Lineage', 'Contract', 'Stage']

/** At most ten metrics fit into the expression of an alarm. One that never had a value counts as 0. */
function sum(metrics: readonly IMetric[]): IMetric {
  const usingMetrics = Object.fromEntries(metrics.map((metric, i) => [`m${i}`, metric]))
  const expression = Object.keys(usingMetrics)
    .map((id) => `FILL(${id}, 0)`)
    .join(' + ')
  return new MathExpression({ expression, usingMetrics, period })
}

function stateTransitionThrottles(): Metric {
  return new Metric({
    namespace: 'AWS/States',
    metricName: 'ThrottledEvents',
    dimensionsMap: { ServiceMetric: 'StateTransition' },
    period,
    statistic: Stats.SUM,
  })
}

function tableThrottles(table: ITableV2): Metric[] {
  return ['ReadThrottleEvents', 'WriteThrottleEvents'].map((name) =>
    table.metric(name, { period, statistic: Stats.SUM }),
  )
}
