import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import type { Construct } from 'constructs'

export interface AlarmRequest {
  readonly metric: IMetric
  /** What it means and what to do. */
  readonly description: string
  /** Raised from here on. Default: 1. */
  readonly threshold?: number
  readonly topicArn?: string | undefined
}

/** Raised by one period at or above the threshold; where there is no data, nothing is wrong. */
export function raiseAlarm(scope: Construct, name: string, request: AlarmRequest): Alarm {
  const { metric, description, threshold = 1, topicArn } = request
  const alarm = new Alarm(scope, name, {
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
