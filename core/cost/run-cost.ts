import type { Deployment } from '../ports.ts'
import { type Billing, type Priced, priceOf } from './price-of.ts'
import { type PriceTable, usEast1 } from './prices.ts'
import { addUsage, type HandlerUsage, lambdaTotals, type Usage } from './usage.ts'

/** What something used, as it is billed, and an estimate of what that costs. */
export interface Cost {
  /** US dollars at list prices, without free tiers; storage, logs, traces and data transfer are not in it. */
  readonly usd: number
  readonly transitions: number
  readonly express_requests: number
  readonly express_gb_seconds: number
  readonly lambda_requests: number
  readonly lambda_gb_seconds: number
  readonly dynamodb_read_units: number
  readonly dynamodb_write_units: number
  readonly s3_puts: number
  readonly s3_gets: number
  readonly s3_lists: number
}

/** Of a whole run: its dataflows and its own plan, waves and seal. */
export interface RunCost extends Cost, Billing {
  readonly currency: 'USD'
  /** Whose prices these are; the run may have been elsewhere (`run_region`). */
  readonly region: string
  readonly prices_as_of: string
  readonly run_region?: string
  /**
   * The run was embedded: requests and transitions are those that a stack would have made, memory is a default
   * stack's, and times are this machine's, with what handlers waited for each other.
   */
  readonly estimated_for?: 'aws'
  readonly usd_by_service: Priced['usd_by_service']
  readonly handlers: Readonly<Record<string, HandlerUsage>>
}

/** An embedded run is priced as if by a stack without any settings. */
export const defaultBilling: Billing = { child_type: 'STANDARD', architecture: 'arm64' }

export function costOf(usage: Usage, billing: Billing, table: PriceTable = usEast1): Cost {
  return withPrices(usage, priceOf(usage, table, billing))
}

/** The run's own usage, and that of each of its dataflows. */
export function runCost(
  own: Usage | undefined,
  flows: readonly (Usage | undefined)[],
  deployment: Deployment | undefined,
  table: PriceTable = usEast1,
): RunCost {
  const { child_type, architecture } = deployment ?? defaultBilling
  const usage = addUsage(own, ...flows)
  const priced = priceOf(usage, table, { child_type, architecture })
  const { step_functions, lambda, dynamodb, s3 } = priced.usd_by_service
  return {
    ...withPrices(usage, priced),
    currency: table.currency,
    region: table.region,
    prices_as_of: table.as_of,
    ...(deployment === undefined ? { estimated_for: 'aws' } : {}),
    ...(deployment === undefined || deployment.region === table.region
      ? {}
      : { run_region: deployment.region }),
    child_type,
    architecture,
    usd_by_service: {
      step_functions: digits(step_functions),
      lambda: digits(lambda),
      dynamodb: digits(dynamodb),
      s3: digits(s3),
    },
    handlers: usage.handlers,
  }
}

function withPrices(usage: Usage, { usd, billed }: Priced): Cost {
  const { invocations, gb_seconds } = lambdaTotals(usage)
  const { dynamodb_read_units, dynamodb_write_units, s3_puts, s3_gets, s3_lists } = usage
  return {
    usd: digits(usd),
    transitions: billed.transitions,
    express_requests: billed.express_requests,
    express_gb_seconds: digits(billed.express_gb_seconds),
    lambda_requests: invocations,
    lambda_gb_seconds: gb_seconds,
    dynamodb_read_units,
    dynamodb_write_units,
    s3_puts,
    s3_gets,
    s3_lists,
  }
}

/** Nine digits after the point: a single read unit is 0.000000125. */
function digits(value: number): number {
  return Math.round(value * 1e9) / 1e9
}
