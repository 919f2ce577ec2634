import type { Cost, RunCost } from '../core/cost/run-cost.ts'
import { number } from './words.ts'

/** `$0.0004`, `$0.012`, `$1.35`: two digits that count, and no fewer than cents. */
export function dollars(usd: number): string {
  if (usd === 0) return '$0'
  if (usd >= 1)
    return `$${usd.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`
  const digits = Math.max(2, 1 - Math.floor(Math.log10(usd)))
  return `$${usd.toFixed(Math.min(9, digits))}`
}

/** `about $0.0025 on AWS (us-east-1): 82 transitions, 1.8 GB-s in 54 invocations, 371 DynamoDB units, 96 S3 requests`. */
export function costLine(cost: RunCost): string {
  const place =
    cost.run_region === undefined ? cost.region : `${cost.run_region}, at prices of ${cost.region}`
  return `about ${dollars(cost.usd)} on AWS (${place}): ${usageText(cost)}`
}

export function usageText(cost: Cost): string {
  const express =
    cost.express_requests === 0
      ? []
      : [`${number(cost.express_requests)} EXPRESS executions (${cost.express_gb_seconds.toFixed(1)} GB-s)`]
  return [
    `${number(cost.transitions)} transitions`,
    ...express,
    `${gigabyteSeconds(cost.lambda_gb_seconds)} in ${number(cost.lambda_requests)} invocations`,
    `${number(cost.dynamodb_read_units + cost.dynamodb_write_units)} DynamoDB units`,
    `${number(cost.s3_puts + cost.s3_gets + cost.s3_lists)} S3 requests`,
  ].join(', ')
}

function gigabyteSeconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : number(Math.round(value))} GB-s`
}
