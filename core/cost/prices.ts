/**
 * How far a price can be trusted. `vendor`: read in the vendor's documentation. `third_party`: read in a page that
 * cites the vendor. `memory`: known to the authors and not looked up since; compare it before money depends on it.
 */
export type Provenance = 'vendor' | 'third_party' | 'memory'

export interface Price {
  /** US dollars for one `unit`. */
  readonly usd: number
  readonly unit: string
  readonly provenance: Provenance
  /** Where it comes from, and when it was looked at: `YYYY-MM`. */
  readonly source: string
  readonly as_of: string
}

export type PriceName =
  | 'standard_transition'
  | 'express_request'
  | 'express_gb_second'
  | 'lambda_request'
  | 'lambda_gb_second_arm64'
  | 'lambda_gb_second_x64'
  | 'dynamodb_write_unit'
  | 'dynamodb_read_unit'
  | 's3_put'
  | 's3_get'
  | 's3_list'

export interface PriceTable {
  readonly currency: 'USD'
  readonly region: string
  /** Of the oldest entry. */
  readonly as_of: string
  readonly prices: Readonly<Record<PriceName, Price>>
}

const looked = '2026-11'

/**
 * List prices without free tiers, discounts and taxes. This is the only place that knows a price: Lambda's are those
 * up to the first volume discount. What is kept and not used (storage, logs, traces, alarms) and what leaves the
 * region is not here: it does not grow with a run's requests.
 */
export const usEast1: PriceTable = {
  currency: 'USD',
  region: 'us-east-1',
  as_of: looked,
  prices: {
    standard_transition: {
      usd: 25e-6,
      unit: 'state transition of a STANDARD execution, retries included',
      provenance: 'vendor',
      source: 'aws.amazon.com/step-functions/pricing',
      as_of: looked,
    },
    express_request: {
      usd: 1e-6,
      unit: 'EXPRESS execution',
      provenance: 'third_party',
      source: 'aws.amazon.com/step-functions/pricing',
      as_of: looked,
    },
    express_gb_second: {
      usd: 0.00001667,
      unit: 'GB-second of an EXPRESS execution, in steps of 64 MB and 100 ms; first tier',
      provenance: 'third_party',
      source: 'aws.amazon.com/step-functions/pricing',
      as_of: looked,
    },
    lambda_request: {
      usd: 0.2e-6,
      unit: 'invocation',
      provenance: 'third_party',
      source: 'aws.amazon.com/lambda/pricing',
      as_of: looked,
    },
    lambda_gb_second_arm64: {
      usd: 0.0000133334,
      unit: 'GB-second on arm64, in steps of 1 ms; first tier',
      provenance: 'memory',
      source: 'aws.amazon.com/lambda/pricing',
      as_of: looked,
    },
    lambda_gb_second_x64: {
      usd: 0.0000166667,
      unit: 'GB-second on x86_64, in steps of 1 ms; first tier',
      provenance: 'third_party',
      source: 'aws.amazon.com/lambda/pricing',
      as_of: looked,
    },
    dynamodb_write_unit: {
      usd: 0.625e-6,
      unit: 'on-demand write request unit: 1 KiB, and two of them in a transaction',
      provenance: 'third_party',
      source: 'aws.amazon.com/dynamodb/pricing/on-demand (the price since 2024-11)',
      as_of: looked,
    },
    dynamodb_read_unit: {
      usd: 0.125e-6,
      unit: 'on-demand read request unit: 4 KiB, consistent',
      provenance: 'third_party',
      source: 'aws.amazon.com/dynamodb/pricing/on-demand (the price since 2024-11)',
      as_of: looked,
    },
    s3_put: {
      usd: 5e-6,
      unit: 'PUT, COPY or POST request, S3 Standard',
      provenance: 'third_party',
      source: 'aws.amazon.com/s3/pricing',
      as_of: looked,
    },
    s3_get: {
      usd: 0.4e-6,
      unit: 'GET or HEAD request, S3 Standard',
      provenance: 'third_party',
      source: 'aws.amazon.com/s3/pricing',
      as_of: looked,
    },
    s3_list: {
      usd: 5e-6,
      unit: 'LIST request, which is billed as a PUT is',
      provenance: 'memory',
      source: 'aws.amazon.com/s3/pricing',
      as_of: looked,
    },
  },
}
