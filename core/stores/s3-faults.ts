import { RetryableError, SluiceError, SourceError, TerminalError } from '../errors.ts'
import { type AwsFault, awsFault } from './aws-faults.ts'
import { type S3Place, uriAt } from './s3-place.ts'

/** The IAM action without which a call is answered with 403. */
export type S3Action = 's3:GetObject' | 's3:ListBucket' | 's3:PutObject' | 's3:DeleteObject'

/** S3 says `NotFound` where the answer has no body. */
export function isNotFound(error: unknown): boolean {
  const fault = awsFault(error)
  return fault?.status === 404 && fault.name !== 'NoSuchBucket'
}

export function isPreconditionFailed(error: unknown): boolean {
  return awsFault(error)?.status === 412
}

/** Two conditional writes met: S3 decided neither and asks to start again. */
export function isConditionalConflict(error: unknown): boolean {
  return (error as Error | undefined)?.name === 'ConditionalRequestConflict'
}

/** Our error for one that S3 answered or the network threw; any other error is returned as it is. */
export function s3Fault(error: unknown, place: S3Place, key: string, action: S3Action): unknown {
  const fault = error instanceof SluiceError ? undefined : awsFault(error)
  if (fault === undefined) return error
  const object = uriAt(place, key)
  const said = isWordless(fault)
    ? `HTTP ${fault.status}, without a reason`
    : `${fault.name}: ${fault.message}`
  const particulars = { details: { key, s3_error: fault.name, action }, cause: error }
  const untouched = 'The object was not read or written'
  if (fault.kind === 'denied') {
    const missing =
      action === 's3:GetObject'
        ? ` Without s3:ListBucket the answer is the same where there is no object.`
        : ''
    return new TerminalError({
      code: 'OBJECT_STORE_DENIED',
      fact: `AWS refused ${action} on ${object} (${said})`,
      consequence: untouched,
      next: `Grant ${action} to this function's role, or remove what denies it.${missing}`,
      ...particulars,
    })
  }
  if (fault.kind === 'credentials') {
    return new TerminalError({
      code: 'OBJECT_STORE_DENIED',
      fact: `There are no valid AWS credentials for ${action} on ${object} (${said})`,
      consequence: untouched,
      next: 'Sign in again, or correct the credentials and the clock of this machine',
      ...particulars,
    })
  }
  if (fault.name === 'NoSuchBucket') return bucketMissing(place, particulars)
  if (isNotFound(error)) return notFound(place, key, error)
  if (fault.kind !== 'refused' || isDamaged(fault.name) || isConditionalConflict(error)) {
    return new RetryableError({
      code: 'OBJECT_STORE_BUSY',
      fact: `S3 could not serve ${object} now (${said})`,
      consequence:
        action === 's3:PutObject' && fault.kind !== 'unreached'
          ? 'The object may or may not have been written, whole'
          : untouched,
      next: 'Try again; if it stays so, look at the request rate of this prefix and at the network',
      ...particulars,
    })
  }
  return new TerminalError({
    code: 'OBJECT_STORE_FAILED',
    fact: `S3 refused ${action} on ${object} (${said})`,
    consequence: untouched,
    next: 'Check the bucket, its region and its policies',
    ...particulars,
  })
}

export function notFound(place: S3Place, key: string, cause?: unknown): SourceError {
  return new SourceError({
    code: 'OBJECT_NOT_FOUND',
    fact: `There is no object ${uriAt(place, key)}`,
    consequence: 'Nothing was read',
    next: 'Check the path; if the object was there before, look for what deletes objects under this prefix',
    details: { key },
    cause,
  })
}

function bucketMissing(place: S3Place, particulars: { details: Record<string, unknown>; cause: unknown }) {
  return new TerminalError({
    code: 'OBJECT_STORE_MISSING',
    fact: `There is no bucket ${place.bucket}`,
    consequence: 'Nothing was read or written',
    next: 'Deploy the stack, or correct the name of the bucket',
    ...particulars,
  })
}

/** The answer to a HeadObject has no body, and the client makes up its own name and words. */
function isWordless({ name, message, status }: AwsFault): boolean {
  return (
    status !== undefined &&
    (message === 'UnknownError' || /^(Unknown|UnknownError|Forbidden|40\d)$/.test(name))
  )
}

/** The bytes were not those that their checksum was made of. */
function isDamaged(name: string): boolean {
  return ['BadDigest', 'InvalidDigest', 'XAmzContentChecksumMismatch', 'XAmzContentSHA256Mismatch'].includes(
    name,
  )
}
