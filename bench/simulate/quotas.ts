/** What AWS publishes as limits of an account that asked for none, and where. `as_of`: when it was looked at. */
export interface Quota {
  readonly value: number
  readonly unit: string
  readonly source: string
  readonly as_of: string
}

const stepFunctions = 'docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html'
const lambdaScaling = 'docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html'
const as_of = '2026-11'

/** us-east-1; Standard's state transitions are 800 a second in most regions, and fewer in new accounts. */
export const quotas = {
  dispatch_standard: {
    value: 100,
    unit: 'child executions started a second, STANDARD',
    source: 'docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html',
    as_of,
  },
  dispatch_express: {
    value: 1000,
    unit: 'child executions started a second, EXPRESS',
    source: 'docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html',
    as_of,
  },
  children: { value: 10_000, unit: 'child executions of one map at a time', source: stepFunctions, as_of },
  start_map_run: { value: 25, unit: 'map runs started a second', source: stepFunctions, as_of },
  transition_bucket: {
    value: 5000,
    unit: 'state transitions, STANDARD, bucket',
    source: stepFunctions,
    as_of,
  },
  transition_refill: {
    value: 5000,
    unit: 'state transitions a second, STANDARD',
    source: stepFunctions,
    as_of,
  },
  history: { value: 25_000, unit: 'events of a STANDARD execution', source: stepFunctions, as_of },
  payload: { value: 256 * 1024, unit: 'bytes of input or output', source: stepFunctions, as_of },
  express_seconds: { value: 300, unit: 'seconds of an EXPRESS execution', source: stepFunctions, as_of },
  lambda_concurrency: {
    value: 1000,
    unit: 'invocations at a time, all functions of an account and region',
    source: 'docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html',
    as_of,
  },
  lambda_scaling_bucket: {
    value: 1000,
    unit: 'new instances of a function at once',
    source: lambdaScaling,
    as_of,
  },
  lambda_scaling_refill: {
    value: 100,
    unit: 'new instances of a function a second',
    source: lambdaScaling,
    as_of,
  },
} as const satisfies Readonly<Record<string, Quota>>

export type QuotaName = keyof typeof quotas

export type Limits = Readonly<Record<QuotaName, number>>

export const published: Limits = Object.fromEntries(
  Object.entries(quotas).map(([name, { value }]) => [name, value]),
) as Limits
