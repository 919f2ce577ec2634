import { Duration } from 'aws-cdk-lib'
import { type Alarm, type IMetric, MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch'
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { FilterPattern, type LogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs'
import type { IQueue } from 'aws-cdk-lib/aws-sqs'
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions'
import { Construct } from 'constructs'
import { raiseAlarm } from './alarm.ts'
import { type HandlerName, handlerNames } from './handlers.ts'
import type { SluiceProps } from './props.ts'

export interface RunAlarmsProps extends Pick<SluiceProps, 'quarantineAlarmPercent'> {
  /** Of the metrics that filters make of the logs. */
  readonly namespace: string
  readonly stateMachine: StateMachine
  readonly functions: Readonly<Record<HandlerName, LambdaFunction>>
  readonly logGroups: Readonly<Record<HandlerName, LogGroup>>
  readonly tables: readonly ITableV2[]
  readonly deadLetters: IQueue
  readonly topicArn?: string
}

const period = Duration.minutes(5)

/** Rows are judged in bursts; five minutes of them say little. */
const ratioPeriod = Duration.hours(1)

/**
 * What a person should know of without looking. An alarm that fires says in its description what it means and
 * what to do.
 */
export class RunAlarms extends Construct {
  readonly alarms: readonly Alarm[]
  /** Writes whose answer never came and could not be read back. */
  readonly unknownOutcomes: IMetric
  /** Rows that the contracts of settled dataflows accepted and quarantined, also of those that failed. */
  readonly rows: { readonly accepted: IMetric; readonly quarantined: IMetric }

  constructor(scope: Construct, id: string, props: RunAlarmsProps) {
    super(scope, id)
    this.unknownOutcomes = this.countUnknownOutcomes(props)
    this.rows = {
      accepted: this.countRows(props, 'RowsAccepted', 'accepted'),
      quarantined: this.countRows(props, 'RowsQuarantined', 'quarantined'),
    }
    const { stateMachine, functions, deadLetters, tables } = props
    const percent = percentOf(props)
    const raise = (name: string, metric: IMetric, description: string, threshold = 1) =>
      raiseAlarm(this, name, { metric, description, threshold, topicArn: props.topicArn })
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
        'QuarantineRatio',
        quarantineRatio(this.rows),
        `Of the rows judged within an hour, ${percent} % or more went to quarantine. \`sluice quarantine <run>\` shows them with their reasons.`,
        percent,
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
        openMapRuns(),
        'The account has 900 open map runs of the 1,000 that there can be; further waves will wait. Every running wave is one.',
        900,
      ),
      raise(
        'ScheduleFailed',
        deadLetters.metricApproximateNumberOfMessagesVisible({ period, statistic: Stats.MAXIMUM }),
        'A schedule or the arrival of an object could not start its run. The message in the queue holds the input and the reason.',
      ),
    ]
  }

  /**
   * Lambda's Node.js runtime logs every error that a handler throws, with the name of its class. In its JSON format
   * that is `message.errorType`; `errorType` at the top is where older runtimes put it
   * (aws-lambda-nodejs-runtime-interface-client, LogPatch.js).
   */
  private countUnknownOutcomes({ logGroups, namespace: metricNamespace }: RunAlarmsProps): IMetric {
    const isUnknown = (field: string) => FilterPattern.stringValue(field, '=', 'UnknownOutcomeError')
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

  /** Of the line that settle logs with each final verdict (lambdas/settle.ts). */
  private countRows(props: RunAlarmsProps, metricName: string, count: string): IMetric {
    const field = `$.message.rows.${count}`
    return new MetricFilter(this, metricName, {
      logGroup: props.logGroups.Settle,
      metricNamespace: props.namespace,
      metricName,
      filterPattern: FilterPattern.all(
        FilterPattern.stringValue('$.message.event', '=', 'dataflow_settled'),
        FilterPattern.numberValue(field, '>=', 0),
      ),
      metricValue: field,
    }).metric({ period: ratioPeriod, statistic: Stats.SUM })
  }
}

function percentOf({ quarantineAlarmPercent: percent = 10 }: RunAlarmsProps): number {
  if (percent > 0 && percent <= 100) return percent
  throw new Error(`quarantineAlarmPercent is ${percent}; it is a number above 0 and up to 100.`)
}

/** Percent. An hour without a quarantined row is at 0, also one without any row. */
export function quarantineRatio({ accepted, quarantined }: RunAlarms['rows']): MathExpression {
  return new MathExpression({
    expression: 'IF(FILL(q, 0) > 0, 100 * FILL(q, 0) / (FILL(q, 0) + FILL(a, 0)), 0)',
    usingMetrics: { a: accepted, q: quarantined },
    period: ratioPeriod,
    label: 'quarantined (%)',
  })
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

export function openMapRuns(): Metric {
  return new Metric({
    namespace: 'AWS/States',
    metricName: 'ApproximateOpenMapRunCount',
    period,
    statistic: Stats.MAXIMUM,
  })
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
