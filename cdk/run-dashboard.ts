import { Duration } from 'aws-cdk-lib'
import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch'
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions'
import { Construct } from 'constructs'
import { type HandlerName, handlerNames } from './handlers.ts'
import { openMapRuns, quarantineRatio, type RunAlarms } from './run-alarms.ts'

export interface RunDashboardProps {
  readonly stateMachine: StateMachine
  readonly functions: Readonly<Record<HandlerName, LambdaFunction>>
  readonly tables: readonly ITableV2[]
  readonly alarms: readonly Alarm[]
  readonly unknownOutcomes: IMetric
  readonly rows: RunAlarms['rows']
}

const period = Duration.minutes(5)

/** One page: the alarms, the runs, what each handler took and how often it failed, and what the tables were asked. */
export class RunDashboard extends Construct {
  readonly dashboard: Dashboard

  constructor(scope: Construct, id: string, props: RunDashboardProps) {
    super(scope, id)
    const { stateMachine, functions, tables } = props
    const ofEach = (metric: (handler: LambdaFunction, label: string) => IMetric) =>
      handlerNames.map((name) => metric(functions[name], name))
    this.dashboard = new Dashboard(this, 'Runs', { defaultInterval: Duration.days(1) })
    this.dashboard.addWidgets(
      new AlarmStatusWidget({ title: 'Alarms', alarms: [...props.alarms], width: 24, height: 4 }),
    )
    this.dashboard.addWidgets(
      graph('Runs', [
        stateMachine.metricStarted({ period }),
        stateMachine.metricSucceeded({ period }),
        stateMachine.metricFailed({ period }),
        stateMachine.metricAborted({ period }),
      ]),
      graph('Duration of a run (ms)', [
        stateMachine.metricTime({ period, statistic: Stats.p(50), label: 'median' }),
        stateMachine.metricTime({ period, statistic: Stats.MAXIMUM, label: 'longest' }),
      ]),
      graph('Unknown outcomes', [props.unknownOutcomes]),
    )
    this.dashboard.addWidgets(
      graph(
        'Duration by handler (ms, 99th percentile)',
        ofEach((handler, label) => handler.metricDuration({ period, statistic: Stats.p(99), label })),
      ),
      graph(
        'Errors by handler',
        ofEach((handler, label) => handler.metricErrors({ period, label })),
      ),
      graph(
        'Throttles by handler',
        ofEach((handler, label) => handler.metricThrottles({ period, label })),
      ),
    )
    this.dashboard.addWidgets(
      graph('Rows per hour', [props.rows.accepted, props.rows.quarantined]),
      graph('Quarantined (% of the judged rows)', [quarantineRatio(props.rows)]),
      graph('Open map runs of the account (1,000 at most)', [openMapRuns()]),
    )
    this.dashboard.addWidgets(
      ...tables.map((table, i) =>
        graph(i === 0 ? 'State table' : 'Catalog table', [
          table.metricConsumedReadCapacityUnits({ period, statistic: Stats.SUM }),
          table.metricConsumedWriteCapacityUnits({ period, statistic: Stats.SUM }),
        ]),
      ),
    )
  }
}

function graph(title: string, left: readonly IMetric[]): GraphWidget {
  return new GraphWidget({ title, left: [...left], width: 8, height: 6 })
}
