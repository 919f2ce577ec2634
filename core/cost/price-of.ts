import type { PriceTable } from './prices.ts'
import { lambdaTotals, type Usage } from './usage.ts'

/** What of a deployment decides its prices. */
export interface Billing {
  readonly child_type: 'STANDARD' | 'EXPRESS'
  readonly architecture: 'arm64' | 'x64'
}

/** US dollars, by service. */
export interface Priced {
  readonly usd: number
  readonly usd_by_service: {
    readonly step_functions: number
    readonly lambda: number
    readonly dynamodb: number
    readonly s3: number
  }
  /** What Step Functions bills under this child type. */
  readonly billed: {
    readonly transitions: number
    readonly express_requests: number
    readonly express_gb_seconds: number
  }
}

/** An EXPRESS execution is billed for its memory in steps; ours carry references and need one. */
const expressMemoryGb = 64 / 1024
const expressStepMs = 100

/** What the usage costs at these prices. Pure; additive up to EXPRESS's steps of 100 ms, of which each execution has its own. */
export function priceOf(usage: Usage, { prices }: PriceTable, billing: Billing): Priced {
  const express = billing.child_type === 'EXPRESS'
  const billed = {
    transitions: usage.transitions + (express ? 0 : usage.child_transitions),
    express_requests: express ? usage.child_executions : 0,
    express_gb_seconds: express ? expressGbSeconds(usage) : 0,
  }
  const lambda = lambdaTotals(usage)
  const gbSecond = billing.architecture === 'arm64' ? 'lambda_gb_second_arm64' : 'lambda_gb_second_x64'
  const usd_by_service = {
    step_functions:
      billed.transitions * prices.standard_transition.usd +
      billed.express_requests * prices.express_request.usd +
      billed.express_gb_seconds * prices.express_gb_second.usd,
    lambda: lambda.invocations * prices.lambda_request.usd + lambda.gb_seconds * prices[gbSecond].usd,
    dynamodb:
      usage.dynamodb_write_units * prices.dynamodb_write_unit.usd +
      usage.dynamodb_read_units * prices.dynamodb_read_unit.usd,
    s3:
      usage.s3_puts * prices.s3_put.usd +
      usage.s3_gets * prices.s3_get.usd +
      usage.s3_lists * prices.s3_list.usd,
  }
  const { step_functions, lambda: functions, dynamodb, s3 } = usd_by_service
  return { usd: step_functions + functions + dynamodb + s3, usd_by_service, billed }
}

/** Each execution's duration is rounded up; where several are added up, by half a step on average. */
function expressGbSeconds({ child_executions, child_milliseconds }: Usage): number {
  if (child_executions === 0) return 0
  const milliseconds =
    child_executions === 1
      ? Math.ceil(child_milliseconds / expressStepMs) * expressStepMs
      : child_milliseconds + (child_executions * expressStepMs) / 2
  return (milliseconds / 1000) * expressMemoryGb
}
